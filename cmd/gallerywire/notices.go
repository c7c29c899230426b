package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/broker"
)

type noticesCmd struct {
	List   noticesListCmd   `cmd:"" help:"List the notices that were given up or wait for a retry."`
	Show   noticesShowCmd   `cmd:"" help:"Show a notice of the list."`
	Retry  noticesRetryCmd  `cmd:"" help:"Retry notices that were given up."`
	Forget noticesForgetCmd `cmd:"" help:"Delete notices that were given up, without delivery."`
	Test   noticesTestCmd   `cmd:"" help:"Send a test to a configured webhook, callback or digest."`
}

// withNotices connects to the running service and reads its notices while do runs.
func (c *console) withNotices(ctx context.Context, do func(context.Context, *app.DeadLetters) error) error {
	return c.withBroker(ctx, func(ctx context.Context, cfg config.Config, b *broker.Broker) error {
		return app.ReadDeadLetters(ctx, cfg, b, c.quiet(cfg), c.timeout, do)
	})
}

// noticeJSON is a dead letter or a retry for programs.
type noticeJSON struct {
	State string `json:"state"` // "given up" or "waiting"
	outbox.DeadLetter
	Due time.Time `json:"due,omitzero"` // waiting: its next attempt
}

// noticesOf returns the dead letters, then the retries.
func noticesOf(box *app.DeadLetters) []noticeJSON {
	var all []noticeJSON
	for _, d := range box.DeadLetters() {
		all = append(all, noticeJSON{State: "given up", DeadLetter: d})
	}
	for _, w := range box.Retries() {
		all = append(all, noticeJSON{State: "waiting", DeadLetter: w.DeadLetter, Due: w.Due})
	}
	return all
}

type noticesListCmd struct {
	JSON bool `name:"json" help:"Print a line of JSON for each."`
}

// Help is printed below the command's usage.
func (noticesListCmd) Help() string {
	return `A line of JSON has state ("given up" or "waiting"), key, channel (websub, webhook,
callback, hub, digest), about (the feed or digest, of a callback the event), id, target, attempts, first, last, reason,
and due, the next attempt if it waits.`
}

// Run lists the dead letters and the retries.
func (l noticesListCmd) Run(ctx context.Context, c *console) error {
	return c.withNotices(ctx, func(_ context.Context, box *app.DeadLetters) error {
		all := noticesOf(box)
		if l.JSON {
			for _, n := range all {
				n.Data = nil
				if err := c.line(n); err != nil {
					return err
				}
			}
			return nil
		}
		if len(all) == 0 {
			c.say("no notice was given up, and none waits for a retry")
			return nil
		}
		table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "KEY\tSTATE\tCHANNEL\tABOUT\tTARGET\tATTEMPTS\tLAST\tREASON")
		for _, n := range all {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", n.Key, n.State, printable(n.Channel), printable(n.About),
				printable(n.Target), n.Attempts, n.Last.Format(time.RFC3339), printable(n.Reason))
		}
		return table.Flush()
	})
}

type noticesShowCmd struct {
	Key  string `arg:"" help:"Its key in the list."`
	JSON bool   `name:"json" help:"Print a line of JSON."`
}

// Run shows a notice. A dead letter and a retry may have the same key.
func (s noticesShowCmd) Run(ctx context.Context, c *console) error {
	return c.withNotices(ctx, func(_ context.Context, box *app.DeadLetters) error {
		all := slices.DeleteFunc(noticesOf(box), func(n noticeJSON) bool { return n.Key != s.Key })
		if len(all) == 0 {
			return noSuchNotice(s.Key)
		}
		for _, n := range all {
			if !s.JSON {
				n.print(c.out)
			} else if err := c.line(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// print writes a notice for people.
func (n noticeJSON) print(w io.Writer) {
	field(w, "key", n.Key)
	field(w, "state", n.State)
	field(w, "channel", n.Channel)
	field(w, "about", n.About)
	field(w, "notice", n.ID)
	field(w, "target", n.Target)
	field(w, "attempts", strconv.Itoa(n.Attempts))
	if !n.First.IsZero() {
		field(w, "first", n.First.Format(time.RFC3339))
	}
	field(w, "last", n.Last.Format(time.RFC3339))
	if !n.Due.IsZero() {
		field(w, "due", n.Due.Format(time.RFC3339))
	}
	field(w, "reason", n.Reason)
	if len(n.Data) > 0 {
		fmt.Fprintf(w, "\n%s\n", printable(string(n.Data)))
	}
}

func noSuchNotice(key string) error {
	return fmt.Errorf("notice %q: %w: see gallerywire notices list", key, outbox.ErrNoDeadLetter)
}

// deadLetters are the dead letters of a command.
type deadLetters struct {
	Keys []string `arg:"" optional:"" name:"key" help:"Their keys in the list."`
	All  bool     `help:"All notices that were given up."`
}

// Validate accepts either keys or --all.
func (d deadLetters) Validate() error {
	if d.All == (len(d.Keys) > 0) {
		return errors.New("name the notices, or use --all")
	}
	return nil
}

// each calls do with each key, and prints its result.
func (d deadLetters) each(ctx context.Context, c *console, do func(context.Context, *app.DeadLetters, string) (string, error)) error {
	return c.withNotices(ctx, func(ctx context.Context, box *app.DeadLetters) error {
		keys := d.Keys
		if d.All {
			for _, d := range box.DeadLetters() {
				keys = append(keys, d.Key)
			}
		}
		return each(c, keys, func(key string) error {
			done, err := do(ctx, box, key)
			if errors.Is(err, outbox.ErrNoDeadLetter) {
				return noSuchNotice(key)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.out, "notice %s: %s\n", key, done)
			return nil
		})
	})
}

type noticesRetryCmd struct {
	deadLetters
}

// Help is printed below the command's usage.
func (noticesRetryCmd) Help() string {
	return `A running node sends the notices at once, with all attempts again. A notice that is
given up again is in the list again. Use the configuration of the nodes: a notice
whose target is not in it, or has unsubscribed, stays in the list. The exit code is 1
then, and if there is no such notice.`
}

// Run makes the notices pending again.
func (r noticesRetryCmd) Run(ctx context.Context, c *console) error {
	return r.each(ctx, c, func(ctx context.Context, box *app.DeadLetters, key string) (string, error) {
		err := box.Retry(ctx, key)
		if errors.Is(err, app.ErrNoTarget) {
			return "", fmt.Errorf("notice %s: %s: pass the nodes' configuration with -c, or delete it with \"gallerywire notices forget %s\"", key, printable(err.Error()), key)
		}
		return "will be retried", err
	})
}

type noticesForgetCmd struct {
	deadLetters
}

// Help is printed below the command's usage.
func (noticesForgetCmd) Help() string {
	return `The targets do not get the notices. Notices that wait for a retry are not deleted.
The exit code is 1 if there is no such notice.`
}

// Run deletes the dead letters.
func (f noticesForgetCmd) Run(ctx context.Context, c *console) error {
	return f.each(ctx, c, func(ctx context.Context, box *app.DeadLetters, key string) (string, error) {
		return "deleted", box.Forget(ctx, key)
	})
}

type noticesTestCmd struct {
	Name string `arg:"" help:"The name of a webhook, of a key with a callback, or of a digest in the configuration."`
}

// Help is printed below the command's usage.
func (noticesTestCmd) Help() string {
	return `A webhook or callback gets a signed event of type gallerywire.test, which says that
nothing changed. Every recipient of a digest gets a short message that says it is a test.
This command sends them itself, once, without a node. The exit code is 1 if a test was not
accepted.`
}

// Run sends the test. A webhook, a key and a digest may have the same name.
func (t noticesTestCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	cfg.Outbound.Timeout = c.timeout
	hook := slices.ContainsFunc(cfg.Webhooks, func(w config.Webhook) bool { return w.Name == t.Name })
	back := slices.ContainsFunc(cfg.Intake.Keys, func(k config.IntakeKey) bool { return k.Name == t.Name && k.Callback.URL != "" })
	people := slices.ContainsFunc(cfg.Digests, func(d config.Digest) bool { return d.Name == t.Name })
	if !hook && !back && !people {
		return fmt.Errorf("there is no webhook, no key with a callback and no digest %q: see webhooks, intake.keys and digests in the configuration", t.Name)
	}
	var errs []error
	if hook {
		errs = append(errs, t.call(ctx, c, cfg, "webhook", app.TestWebhook))
	}
	if back {
		errs = append(errs, t.call(ctx, c, cfg, "callback", app.TestCallback))
	}
	if people {
		errs = append(errs, t.people(ctx, c, cfg))
	}
	return errors.Join(errs...)
}

// call tests what is called by HTTP.
func (t noticesTestCmd) call(ctx context.Context, c *console, cfg config.Config, kind string, test func(context.Context, config.Config, string) (int, error)) error {
	return each(c, []string{t.Name}, func(name string) error {
		status, err := test(ctx, cfg, name)
		if err == nil {
			fmt.Fprintf(c.out, "%s %s: accepted the test with status %d\n", kind, name, status)
		}
		return err
	})
}

// people tests a digest.
func (t noticesTestCmd) people(ctx context.Context, c *console, cfg config.Config) error {
	all, err := app.TestDigest(ctx, cfg, t.Name)
	if err != nil {
		return err
	}
	return each(c, all, func(tested digest.Tested) error {
		if tested.Err != nil {
			return fmt.Errorf("test digest %s: %w", t.Name, tested.Err)
		}
		fmt.Fprintf(c.out, "digest %s: %s accepted the test\n", t.Name, tested.Target)
		return nil
	})
}
