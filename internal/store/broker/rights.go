package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// DeniedError is a right that the user of a connection lacks on the server. The
// server reports it to the connection and not to the request, which would wait until
// its timeout.
type DeniedError struct {
	Verb  string // "publish on" or "subscribe to"
	Right string // the subject, as a list of rights has it

	subject string // the very one
}

// Error names the right and where the list of them is.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("nats does not let this user %s %s: give it that right, all are listed in deployments/README.md under \"Rights on NATS servers\"", e.Verb, e.Right)
}

// Denied returns the missing right where err is the server's report of one.
func Denied(err error) (*DeniedError, bool) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return nil, false
	}
	match := denial.FindStringSubmatch(err.Error())
	if match == nil {
		return &DeniedError{Verb: "do what it asks for", Right: err.Error()}, true
	}
	verb := "publish on"
	if match[1] == "Subscription to" {
		verb = "subscribe to"
	}
	return &DeniedError{verb, rightOf(match[2]), match[2]}, true
}

var denial = regexp.MustCompile(`Violation for (Publish to|Publish with Reply of|Subscription to) "([^"]*)"`)

// rightOf is the subject with a wildcard in the place of what differs between requests.
func rightOf(subject string) string {
	for _, begin := range []string{
		InboxPrefix + ".", "_INBOX.", "$JS.ACK.", "$JS.FC.", "$JS.API.DIRECT.GET.",
		"$JS.API.STREAM.MSG.GET.", "$JS.API.STREAM.MSG.DELETE.", "$JS.API.CONSUMER.MSG.NEXT.", "$JS.API.CONSUMER.DURABLE.CREATE.",
	} {
		if strings.HasPrefix(subject, begin) {
			return begin + ">"
		}
	}
	parts := strings.Split(subject, ".")
	switch {
	case strings.HasPrefix(subject, "$JS.API.") && len(parts) > 4:
		return strings.Join(parts[:4], ".") + ".>"
	case strings.HasPrefix(subject, "$KV.") && len(parts) > 2:
		return strings.Join(parts[:2], ".") + ".>"
	case len(parts) == 2 && strings.HasSuffix(parts[0], "_rejects"):
		return parts[0] + ".>"
	}
	return subject
}

// waiter is an operation that waits for an answer about some names.
type waiter struct {
	names []string
	end   context.CancelCauseFunc
}

// concerns reports whether the denial of a subject is that of an operation on one
// of the names, each a token or the whole of a subject.
func concerns(subject string, names []string) bool {
	if strings.HasPrefix(subject, InboxPrefix+".") || subject == "$JS.API.INFO" { // of all
		return true
	}
	parts := append(strings.Split(subject, "."), subject)
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(parts, name) })
}

// deny keeps a missing right until the next connection, logs it once, and ends the
// operations that wait for it.
func (l *link) deny(missing *DeniedError) {
	l.mu.Lock()
	known := slices.ContainsFunc(l.denied, func(d *DeniedError) bool { return d.Verb == missing.Verb && d.Right == missing.Right })
	if !known && len(l.denied) < maxDenied {
		l.denied = append(l.denied, missing)
	}
	for w := range l.waiters {
		if concerns(missing.subject, w.names) {
			w.end(missing)
		}
	}
	l.mu.Unlock()
	switch {
	case l.onDenied != nil:
		l.onDenied(missing)
	case !known:
		l.log.Error(missing.Error())
	}
}

// maxDenied is far more than the rights that there are.
const maxDenied = 50

// guarded makes a request about the names, and returns a [DeniedError] as soon as the
// server reports that a right for it is missing.
func guarded[T any](ctx context.Context, l *link, names []string, do func(context.Context) (T, error)) (T, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	w := &waiter{names, end}
	l.mu.Lock()
	if i := slices.IndexFunc(l.denied, func(d *DeniedError) bool { return d.Right == InboxPrefix+".>" }); i >= 0 {
		end(l.denied[i]) // no answer can come
	}
	l.waiters[w] = struct{}{}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.waiters, w)
		l.mu.Unlock()
	}()
	result, err := do(ctx)
	if denied, ok := context.Cause(ctx).(*DeniedError); ok && err != nil {
		err = denied
	}
	return result, plain(err)
}

// done makes a function for [guarded] of one that returns nothing but an error.
func done(do func(context.Context) error) func(context.Context) (struct{}, error) {
	return func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) }
}

// Denied are the rights that the server was found not to give since the connection
// was made.
func (b *Broker) Denied() []error {
	b.link.mu.Lock()
	defer b.link.mu.Unlock()
	var all []error
	for _, d := range slices.SortedFunc(slices.Values(b.link.denied), func(a, b *DeniedError) int {
		return cmp.Or(strings.Compare(a.Verb, b.Verb), strings.Compare(a.Right, b.Right))
	}) {
		all = append(all, d)
	}
	return all
}
