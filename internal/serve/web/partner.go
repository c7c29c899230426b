package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// PartnerFeeds is what a partner may read.
type PartnerFeeds interface {
	Editions
	// Changes returns what became of the partner's galleries since a cursor; empty: all of
	// them. The error is edition.ErrCursor or ErrUnavailable.
	Changes(since string) (*edition.Changes, error)
	// Page answers with the page for people of the partner's feed, or of a gallery. An
	// error, as of Edition, is returned before anything is written.
	Page(w http.ResponseWriter, r *http.Request, ref edition.Ref) error
}

// partnersPath is what the addresses of all partners begin with.
const partnersPath = "/partners/"

// belowPartners reports whether a path is below /partners/, however it is written.
func belowPartners(urlPath string) bool {
	clean := path.Clean(urlPath)
	return clean == "/partners" || strings.HasPrefix(clean, partnersPath)
}

// private sets what every answer below /partners/ has, errors included: another client may
// get something else, no search engine may list it, and no other site may learn the address,
// which may hold a key. A handler may then allow the client itself to keep the answer.
func private(h http.Header) {
	h["Cache-Control"] = noStore
	h["Vary"] = privateVary
	h["X-Robots-Tag"] = noindex
	h["Referrer-Policy"] = noReferrer
}

var (
	noStore     = []string{"no-store"}
	privateVary = []string{"Accept-Encoding, Authorization"}
	noindex     = []string{"noindex"}
	noReferrer  = []string{"no-referrer"}
)

// partners answers everything below /partners/. A client without a partner's key learns
// nothing: an address that is none, a partner or path key that is unknown, and a
// gallery that is not for the partner get one and the same answer.
type partners struct{ *feeds }

func newPartners(o Options) *partners {
	o.FeedPage, o.Subscribers = nil, nil // partners have pages of their own, and no subscribers to report
	p := &partners{newFeeds(o, cacheControl("private", o.MaxAge), privateVary[0])}
	p.explain = p.explainToPartner
	return p
}

// ServeHTTP implements [http.Handler].
func (p *partners) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	private(w.Header())
	r.Pattern = partnersPath
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "this address takes only GET, HEAD")
		return
	}
	at, ok := parsePartnerAddress(r.URL)
	if !ok {
		notForPartner(w)
		return
	}
	all, err := p.Partner(requestOf(r, at))
	if err == nil || errors.Is(err, partner.ErrUnauthorized) || errors.Is(err, partner.ErrNetwork) {
		r.Pattern = at.route
		r.SetPathValue(partnerValue, at.partner) // it exists
	}
	switch {
	case err != nil:
		p.refuse(w, at.partner, err)
	case at.route == routeChanges:
		p.changes(w, r, all, at)
	case at.page:
		if err := all.Page(w, r, at.ref); err != nil {
			p.explain(w, r, at.ref, feed.RSS, err)
		}
	default:
		p.serve(w, r, all, at.ref, at.format)
	}
}

// requestOf returns what the client of a request to that address offers as proof.
func requestOf(r *http.Request, at partnerAddress) partner.Request {
	req := partner.Request{Partner: at.partner, PathKey: at.key, Client: ClientAddr(r)}
	for _, line := range r.Header["Authorization"] {
		scheme, token, _ := strings.Cut(line, " ")
		switch {
		case strings.EqualFold(scheme, "Bearer"):
			req.Bearer = strings.TrimSpace(token)
		case strings.EqualFold(scheme, "Basic"):
			one := http.Request{Header: http.Header{"Authorization": {line}}}
			req.User, req.Password, req.Basic = one.BasicAuth()
		}
	}
	return req
}

// refuse answers a request that is not admitted.
func (p *partners) refuse(w http.ResponseWriter, name string, err error) {
	tooMany, isTooMany := errors.AsType[*partner.TooMany](err)
	switch {
	case errors.Is(err, partner.ErrUnauthorized):
		realm := ` realm="partners/` + name + `"`
		w.Header()["Www-Authenticate"] = []string{"Basic" + realm + `, charset="UTF-8"`, "Bearer" + realm} // RFC 7617 §2, RFC 6750 §3
		plain(w, http.StatusUnauthorized, "the key is missing or wrong: send it as Bearer token, or as password of the user "+name)
	case errors.Is(err, partner.ErrNetwork):
		plain(w, http.StatusForbidden, "the key is right, but your network is not one of this partner's")
	case isTooMany:
		w.Header().Set("Retry-After", strconv.Itoa(int((tooMany.RetryAfter+time.Second-1)/time.Second)))
		plain(w, http.StatusTooManyRequests, "too many wrong keys came from your network, try again later")
	default: // partner.ErrUnknown
		notForPartner(w)
	}
}

func notForPartner(w http.ResponseWriter) {
	plain(w, http.StatusNotFound, "there is nothing at this address")
}

// explainToPartner answers with the reason why there is nothing to serve. That a gallery
// was withdrawn is told in feeds; a request for it learns only that it is not there.
func (p *partners) explainToPartner(w http.ResponseWriter, r *http.Request, ref edition.Ref, f feed.Format, err error) {
	moved, isMoved := errors.AsType[*edition.Moved](err)
	switch {
	case isMoved:
		w.Header()["Cache-Control"] = p.fixed.cacheControl
		http.Redirect(w, r, moved.URL(f), http.StatusTemporaryRedirect)
	case errors.Is(err, edition.ErrUnknown) || errors.Is(err, edition.ErrGone):
		notForPartner(w)
	case errors.Is(err, edition.ErrCursor):
		plain(w, http.StatusBadRequest, "since is not a cursor of this list: take the one of your last answer, or begin without it")
	default:
		p.Logger.Warn("a partner cannot be served", "feed", ref.String(), "url", loggedURL(r), "err", err)
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "not available yet, try again in a second")
	}
}

// changes answers with a part of the list of changes.
func (p *partners) changes(w http.ResponseWriter, r *http.Request, all PartnerFeeds, at partnerAddress) {
	var body []byte
	list, err := all.Changes(at.since)
	if err == nil {
		body, err = json.Marshal(list)
	}
	if err != nil {
		p.explain(w, r, at.ref, feed.JSON, err)
		return
	}
	d := NewDocument("application/json", body)
	if acceptsGzip(r.Header["Accept-Encoding"]) {
		d.Compress()
	}
	w.Header().Set("Cache-Control", "private, no-store")
	d.Send(w, r, http.StatusOK)
}
