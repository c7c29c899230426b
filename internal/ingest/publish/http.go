package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// httpWindow is how many requests may be in flight at once, which hides the way to a
	// service far away. With httpBytes in flight no more are sent: on a slow line they would
	// only hold each other up.
	httpWindow, httpBytes = 32, 1 << 20
	// slowest is how many bytes a second a connection must take: less is no answer.
	slowest = 8 << 10
	// patience is how long an event is sent again to a service that answers and does not
	// store it.
	patience = 10 * time.Minute
	// minPause and maxPause bound how long to wait before an event is sent again, if the
	// service does not say.
	minPause, maxPause = 250 * time.Millisecond, 2 * time.Second
	// logEvery is how often what is waited for is logged.
	logEvery = time.Minute
	// maxAnswer bounds the bytes read of an answer.
	maxAnswer = 1 << 20
)

// HTTPOptions are the options of a sender over HTTP.
type HTTPOptions struct {
	URL     string        // the service's /events
	Proof   Proof         // the zero one: no proof
	Timeout time.Duration // for an answer, and for a lost connection to come back
	Logger  *slog.Logger  // what it waits for
}

// Proof shows the service that a sender has a key.
type Proof struct {
	// add proves a request with that body. The id is the event's, and stays when it is sent
	// again.
	add func(r *http.Request, id string, body []byte) error
}

// Bearer proves with the key itself (RFC 6750).
func Bearer(key string) Proof {
	return Proof{func(r *http.Request, _ string, _ []byte) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}}
}

// StandardWebhooks proves with a signature (Standard Webhooks 1.0). The secret is base64,
// with or without whsec_ before it; the error does not quote it.
func StandardWebhooks(secret string) (Proof, error) {
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return Proof{}, errors.New("is not base64")
	}
	return Proof{func(r *http.Request, id string, body []byte) error {
		now := time.Now()
		signature, err := signer.Sign(id, now, body)
		if err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		r.Header.Set(standardwebhooks.HeaderWebhookID, id)
		r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
		r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
		return nil
	}}, nil
}

// overHTTP posts each event by itself.
type overHTTP struct {
	opts     HTTPOptions
	client   *http.Client
	answered bool         // the service took or refused an event: the address and the key are right
	ended    atomic.Bool  // an event had an EndError
	logged   atomic.Int64 // when it was last logged, in nanoseconds since 1970
}

// OverHTTP returns a sender to the service at an address. It sends the first event alone.
// Whatever may pass it waits for, as long as the service asks or the timeout allows. It
// follows no redirect, which would show the key to another.
func OverHTTP(o HTTPOptions) *Sender {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = httpWindow
	return &Sender{window: httpWindow, bytes: httpBytes, way: &overHTTP{opts: o, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}}
}

func (h *overHTTP) start(ctx context.Context, item Item) (func() Receipt, bool) {
	done := make(chan Receipt, 1)
	send := func() {
		r := h.deliver(ctx, item)
		if _, end := errors.AsType[*EndError](r.Err); end {
			h.ended.Store(true)
		}
		done <- r
	}
	if h.answered {
		go send()
	} else {
		send()
		h.answered = ctx.Err() == nil && !h.ended.Load()
	}
	return func() Receipt { return <-done }, !h.ended.Load()
}

// laterError says that an event may be stored if it is sent again.
type laterError struct {
	why   string
	after time.Duration // the service asked for; 0: it did not
	most  time.Duration // how long to go on
	open  bool          // as EndError has it
}

// Error returns why it was not stored.
func (l *laterError) Error() string { return l.why }

// deliver sends the item until it is stored, or refused, or not stored for too long.
func (h *overHTTP) deliver(ctx context.Context, item Item) Receipt {
	r := Receipt{Item: item}
	id := "msg_" + rand.Text()
	var since time.Time
	var most time.Duration
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		r.Stream, r.Sequence, r.Err = h.post(ctx, id, item)
		later, again := errors.AsType[*laterError](r.Err)
		if !again {
			return r
		}
		if later.most != most { // another trouble
			since, most = time.Now(), later.most
		}
		wait := cmp.Or(later.after, pause)
		if time.Since(since)+wait > most {
			r.Err = &EndError{Why: fmt.Sprintf("%s, for %s", later.why, most), Next: "run it again when the service is well", Open: later.open}
			return r
		}
		h.logWait(later, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			r.Err = interrupted(ctx)
			return r
		}
	}
}

// logWait logs what is waited for, once for all events in flight.
func (h *overHTTP) logWait(later *laterError, wait time.Duration) {
	now := time.Now()
	if last := h.logged.Load(); now.Sub(time.Unix(0, last)) > logEvery && h.logged.CompareAndSwap(last, now.UnixNano()) {
		h.opts.Logger.Warn("an event is not stored yet, sending it again", "err", later, "wait", wait.String())
	}
}

// post sends the item once.
func (h *overHTTP) post(ctx context.Context, id string, item Item) (stream string, sequence uint64, err error) {
	limit := h.opts.Timeout + time.Duration(len(item.Data)/slowest)*time.Second
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, h.opts.URL+"/"+string(item.Kind), bytes.NewReader(item.Data))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if add := h.opts.Proof.add; add != nil {
		if err := add(req, id, item.Data); err != nil {
			return "", 0, err
		}
	}
	resp, err := h.client.Do(req)
	var body []byte
	if err == nil {
		defer resp.Body.Close()
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	}
	switch {
	case err == nil:
		return h.read(resp, body)
	case ctx.Err() != nil:
		return "", 0, interrupted(ctx)
	}
	return "", 0, h.unanswered(err, limit)
}

// unanswered is the error of a request without an answer.
func (h *overHTTP) unanswered(err error, limit time.Duration) error {
	var certificate *tls.CertificateVerificationError
	var dial *net.OpError
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the address, which is named already
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &EndError{Why: fmt.Sprintf("no answer from %s within %s", h.opts.URL, limit), Next: "check /readyz of the service, then run it again", Open: true}
	case errors.As(err, &certificate):
		return &EndError{Why: fmt.Sprintf("%s: %v", h.opts.URL, err), Next: "correct the address, or have this machine trust its certificate (SSL_CERT_FILE)"}
	case !h.answered && errors.As(err, &dial) && dial.Op == "dial":
		return &EndError{Why: fmt.Sprintf("no answer from %s: %v", h.opts.URL, err), Next: "start \"gallerywire serve\" there, or give another address with --http"}
	}
	return &laterError{why: fmt.Sprintf("the connection to %s was lost (%v)", h.opts.URL, err), most: h.opts.Timeout, open: true}
}

// answer is what the service says: a receipt, or a problem (RFC 9457).
type answer struct {
	Stream   string           `json:"stream"`
	Sequence uint64           `json:"sequence"`
	Detail   string           `json:"detail"`
	Problems gallery.Problems `json:"problems"`
}

// read returns what an answer means.
func (h *overHTTP) read(resp *http.Response, body []byte) (stream string, sequence uint64, err error) {
	var a answer
	_ = json.Unmarshal(body, &a) // what is no JSON says nothing
	status := resp.StatusCode
	reason := errors.New(cmp.Or(gallery.Line(a.Detail), http.StatusText(status)))
	if len(a.Problems) > 0 {
		reason = a.Problems
	}
	why := fmt.Sprintf("%s answers %d (%v)", h.opts.URL, status, reason)
	switch {
	case status == http.StatusAccepted && a.Sequence > 0:
		return a.Stream, a.Sequence, nil
	case status == http.StatusBadRequest && len(a.Problems) > 0, status == http.StatusUnsupportedMediaType:
		return "", 0, reason
	case status == http.StatusForbidden && len(a.Problems) > 0: // one without problems is of a proxy
		return "", 0, fmt.Errorf("use the key of the CMS that has this gallery: %w", reason)
	case status == http.StatusRequestEntityTooLarge:
		return "", 0, fmt.Errorf("larger than the service takes: make it smaller: %w", reason)
	case status/100 == 5, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return "", 0, &laterError{why: why, after: retryAfter(resp.Header, time.Now()), most: patience, open: status/100 == 5}
	case status/100 == 3:
		return "", 0, &EndError{
			Why:  fmt.Sprintf("%s, and points to %s", why, gallery.Line(resp.Header.Get("Location"))),
			Next: "no redirect is followed with a key: give that address with --http if it is the service's",
		}
	}
	remedy := map[int]string{
		http.StatusUnauthorized: "name the file of a key of intake.keys with --key-file, and its kind with --key-kind",
		http.StatusForbidden:    "have whatever is between this machine and the service let the request pass",
		http.StatusNotFound:     "configure intake.keys there, or give another address with --http",
	}[status]
	return "", 0, &EndError{Why: why, Next: cmp.Or(remedy, "give the address of a gallerywire service with --http")}
}

// retryAfter is how long the service asks to wait (RFC 9110 §10.2.3); 0: it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(at.Sub(now), 0)
}
