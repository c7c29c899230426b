// Package outbound is the HTTP client for addresses that others chose: callbacks of
// subscribers, webhooks, other hubs.
//
// Each address is checked twice: as it is written, by [Client.Check] and before every
// call, and as it was resolved, when connecting, so that a name cannot point somewhere
// else in between. Private, loopback, link-local, multicast, carrier-grade, translated
// and mapped ranges are connected to only where [Options] allow it.
//
// A call uses no proxy, keeps no cookies, sends no credentials and no Referer, follows
// no redirect (package ping follows those of its hubs, each a checked call of its own),
// and is bounded in time and in bytes read. Nothing is decompressed. Errors name the host
// and a reason in words of this package; they repeat neither an address's query nor what
// the other side sent.
//
// Left to others: whether and when to retry, and how many calls run at once.
package outbound

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// Options make a Client.
type Options struct {
	AllowNetworks []netip.Prefix // may be called though they are not public; an IPv4 one opens its mapped form
	AllowHTTP     bool           // false: https only
	Timeout       time.Duration  // of a whole call, body included; 0: 10 s
	MaxPerHost    int            // connections to one host and port; 0: 32
}

// Client is safe for concurrent use.
type Client struct {
	opts      Options
	guard     guard
	transport *http.Transport
}

const (
	userAgent = "gallerywire" // of requests that set none
	maxHeader = 64 << 10      // bytes of a response's headers
	maxIdle   = 1024          // connections kept open
	idleFor   = 30 * time.Second
	// maxRetryAfter is the longest Retry-After that is honoured.
	maxRetryAfter = 7 * 24 * time.Hour
)

// New returns a client of o.
func New(o Options) *Client { return newClient(o, nil) }

// newClient resolves names with resolver; nil: the machine's own.
func newClient(o Options, resolver *net.Resolver) *Client {
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.MaxPerHost = cmp.Or(o.MaxPerHost, 32)
	g := newGuard(o.AllowNetworks)
	// A dial goes on after its call was given up, so it has a limit of its own.
	dialer := &net.Dialer{Timeout: o.Timeout, Control: g.control, Resolver: resolver}
	return &Client{opts: o, guard: g, transport: &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		TLSHandshakeTimeout:    o.Timeout,
		ResponseHeaderTimeout:  o.Timeout,
		IdleConnTimeout:        idleFor,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    o.MaxPerHost,
		MaxConnsPerHost:        o.MaxPerHost,
		MaxResponseHeaderBytes: maxHeader,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     64 << 10,
			SendPingTimeout:               o.Timeout,
		},
	}}
}

// Response is an answer, read as far as was asked for.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	Truncated bool // there was more of the body, or it broke off or came too slowly
}

// Do sends req and returns the answer with at most max bytes of its body,
// whatever its status: a redirect is an answer like others. Once there is a
// status, a body that cannot be read to its end is Truncated, and no error.
//
// Errors wrap [ErrRefused] where the address may not be called,
// [context.DeadlineExceeded] where time ran out and [context.Canceled] where the
// request's context was cancelled.
func (c *Client) Do(req *http.Request, max int64) (*Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.opts.Timeout)
	defer cancel()
	if err := c.check(req.URL); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, wrap(req.URL, err)
	}
	req = req.Clone(ctx)
	req.Host = ""
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "Referer"} {
		req.Header.Del(name)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", userAgent)
	}
	answer, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, wrap(req.URL, err)
	}
	defer answer.Body.Close()
	res := &Response{Status: answer.StatusCode, Header: answer.Header}
	res.Body, err = io.ReadAll(io.LimitReader(answer.Body, max+1))
	if res.Truncated = err != nil; int64(len(res.Body)) > max {
		res.Body, res.Truncated = res.Body[:max], true
	}
	return res, nil
}

// Err is nil if the target accepted what it was sent, else the error for the outbox: final
// after 410 Gone, with the time of the next attempt where a busy target names it.
func (r *Response) Err(now time.Time) error {
	if r.Status/100 == 2 {
		return nil
	}
	err := fmt.Errorf("answered %s", strings.TrimSpace(fmt.Sprint(r.Status, " ", http.StatusText(r.Status))))
	switch r.Status {
	case http.StatusGone:
		return outbox.Final(err)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if after := r.RetryAfter(now); after > 0 {
			return &outbox.RetryError{After: after, Err: err}
		}
	}
	if r.Status/100 == 3 {
		return fmt.Errorf("%w: configure the address that it redirects to", err)
	}
	return err
}

// RetryAfter is how long after now the other side asks not to be called, at most a week;
// 0 if it does not ask. See RFC 9110, section 10.2.3.
func (r *Response) RetryAfter(now time.Time) time.Duration {
	value := strings.TrimSpace(r.Header.Get("Retry-After"))
	if strings.Trim(value, "0123456789") == "" && value != "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
