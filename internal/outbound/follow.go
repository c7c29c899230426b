package outbound

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

const maxRedirects = 5

// Follow is Do, but follows up to five redirects, each to an address that may be
// called itself and never from https to http. The timeout is for all of it. As
// browsers do, a POST becomes a GET without a body after 301 and 302, and anything
// but HEAD after 303; 307 and 308 send the same again, for which a request with a
// body needs GetBody.
func (c *Client) Follow(req *http.Request, max int64) (*Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), c.opts.Timeout)
	defer cancel()
	for range maxRedirects + 1 {
		res, err := c.call(ctx, req, max)
		if err != nil || !res.redirects() {
			return res, err
		}
		next, err := c.next(req, res)
		if err != nil {
			return nil, explain(req.URL, err)
		}
		req = next
	}
	return nil, explain(req.URL, &failure{reason: fmt.Sprintf("redirects more than %d times", maxRedirects)})
}

func (r *Response) redirects() bool {
	return slices.Contains([]int{301, 302, 303, 307, 308}, r.Status) && r.Header.Get("Location") != ""
}

// next is the request that res asks for after req.
func (c *Client) next(req *http.Request, res *Response) (*http.Request, error) {
	to, err := c.target(req.URL, res.Header.Get("Location"))
	if err != nil {
		return nil, err
	}
	next := req.Clone(req.Context())
	next.URL = to
	if method := methodAfter(res.Status, req.Method); method != req.Method {
		next.Method, next.Body, next.GetBody, next.ContentLength = method, nil, nil, 0
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Location"} {
			next.Header.Del(name)
		}
	}
	return next, rewind(next)
}

func (c *Client) target(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil {
		return nil, refuse("redirects to what is no address")
	}
	if from.Scheme == "https" && to.Scheme == "http" {
		return nil, refuse("redirects from https to http")
	}
	to.Fragment, to.RawFragment = "", ""
	to, err = c.Check(to.String())
	if err != nil {
		return nil, refuse("redirects to an address that %w", err)
	}
	return to, nil
}

// methodAfter goes by the Fetch standard, section 4.4, HTTP-redirect fetch.
func methodAfter(status int, method string) string {
	post := method == http.MethodPost && (status == http.StatusMovedPermanently || status == http.StatusFound)
	other := method != http.MethodHead && status == http.StatusSeeOther
	if post || other {
		return http.MethodGet
	}
	return method
}

// rewind gives req its body from the start.
func rewind(req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	if req.GetBody == nil {
		return &failure{reason: "redirects, and what was sent cannot be sent again"}
	}
	body, err := req.GetBody()
	if err != nil {
		return &failure{reason: "redirects, and what was sent cannot be sent again"}
	}
	req.Body = body
	return nil
}
