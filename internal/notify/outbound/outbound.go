// Package outbound is the HTTP client for every address that somebody else chose:
// callbacks of subscribers, webhooks, other hubs.
//
// Each address is judged twice: as it is written, by [Client.Check] and before
// every call; and as it was resolved, at the moment of connecting, so that a name
// cannot point somewhere else in between. What is not public (private, loopback,
// link-local, multicast, carrier-grade, translated and mapped ranges) is not
// connected to unless it was allowed on purpose.
//
// A call uses no proxy, keeps no cookies, sends no credentials and no Referer, and
// is bounded in time and in what it reads. Bodies are as they were sent: nothing is
// decompressed. Errors name the host and a reason in words of this package; they
// repeat nothing of an address's query, nor of what the other side said.
//
// Left to others: what a status means, whether to try again, and how many calls
// are under way at once.
package outbound

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Options make a Client.
type Options struct {
	AllowNetworks []netip.Prefix // may be called though they are not public; an IPv4 one opens its mapped form
	AllowHTTP     bool           // false: https only
	Timeout       time.Duration  // of a whole call, body included; 0: 10 s
	MaxPerHost    int            // connections to one host and port; 0: 32
}

// Client calls addresses that somebody else chose. It is safe for concurrent use.
type Client struct {
	opts      Options
	guard     guard
	transport *http.Transport
}

// userAgent is that of requests that state none.
const userAgent = "gallerywire"

// What another side may send, and what is kept open for it.
const (
	maxHeader = 64 << 10
	maxIdle   = 1024
	idleFor   = 30 * time.Second
)

// New returns a client that calls what o allows.
func New(o Options) *Client { return newClient(o, nil) }

// newClient resolves names with resolver, nil for the machine's own.
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
	Cut    bool // there was more of the body, or it broke off or came too slowly
}

// Do sends req and returns the answer with at most max bytes of its body,
// whatever its status: a redirect is an answer like others. Once there is a
// status, a body that cannot be read to its end is Cut, and no error.
//
// Errors wrap [ErrRefused] where the address may not be called,
// [context.DeadlineExceeded] where time ran out and [context.Canceled] where the
// request's context was cancelled.
func (c *Client) Do(req *http.Request, max int64) (*Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.opts.Timeout)
	defer cancel()
	if err := c.judge(req.URL); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, explain(req.URL, err)
	}
	answer, err := c.transport.RoundTrip(c.clean(ctx, req))
	if err != nil {
		return nil, explain(req.URL, err)
	}
	defer answer.Body.Close()
	res := &Response{Status: answer.StatusCode, Header: answer.Header}
	res.Body, res.Cut = read(answer.Body, max)
	return res, nil
}

// clean is req without what would tell the other side more than it is to know.
func (c *Client) clean(ctx context.Context, req *http.Request) *http.Request {
	req = req.Clone(ctx)
	req.Host = ""
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "Referer"} {
		req.Header.Del(name)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", userAgent)
	}
	return req
}

func read(body io.Reader, max int64) (data []byte, cut bool) {
	data, err := io.ReadAll(io.LimitReader(body, max+1))
	if int64(len(data)) > max {
		return data[:max], true
	}
	return data, err != nil
}

// ErrRefused is wrapped by errors about an address that may not be called.
var ErrRefused = errors.New("address refused")
