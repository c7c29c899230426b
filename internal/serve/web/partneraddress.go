package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// The routes below /partners/, with a path key and without.
const (
	routePreview = "GET /partners/{name}/"
	routeFeed    = "GET /partners/{name}/feed.{format}"
	routeArchive = "GET /partners/{name}/archive/{page}.{format}"
	routeGallery = "GET /partners/{name}/galleries/{key}.{format}"
	routePage    = "GET /partners/{name}/galleries/{key}"
	routeChanges = "GET /partners/{name}/changes.json"
)

// partnerValue is the path value of a request with the name of its partner. It is set once
// it is known that there is one of that name.
const partnerValue = "partner"

// partnerAddress is an address below /partners/.
type partnerAddress struct {
	partner string
	key     string // in the path; empty: none
	rest    string // what follows, as it was sent
	route   string
	ref     edition.Ref // of a feed, or of a gallery
	format  feed.Format
	page    bool   // whether it is a page for people, without a format
	since   string // a cursor
}

// parsePartnerAddress reads an address, which is the only one of what it names. A query
// stands for nothing but a cursor, so that nobody puts a key there.
func parsePartnerAddress(u *url.URL) (at partnerAddress, ok bool) {
	below, ok := strings.CutPrefix(u.EscapedPath(), partnersPath)
	at.partner, at.rest, _ = strings.Cut(below, "/")
	if !ok || !strings.Contains(below, "/") {
		return at, false
	}
	if keyed, found := strings.CutPrefix(at.rest, "~"); found {
		if at.key, at.rest, found = strings.Cut(keyed, "/"); !found || at.key == "" {
			return at, false
		}
	}
	at.ref = edition.Ref{Kind: edition.Partner, Name: at.partner}
	if at.rest == "changes.json" {
		at.route = routeChanges
		return at, at.readSince(u.RawQuery)
	}
	return at, u.RawQuery == "" && at.readRest()
}

// readSince reads the query of the list of changes.
func (at *partnerAddress) readSince(query string) bool {
	values, err := url.ParseQuery(query)
	since := values["since"]
	at.since = values.Get("since")
	return err == nil && len(since) == len(values) && len(since) <= 1
}

// readRest reads what follows the partner and his key.
func (at *partnerAddress) readRest() bool {
	folder, file, found := strings.Cut(at.rest, "/")
	if !found {
		folder, file = "", at.rest
	}
	if at.rest == "" {
		at.route, at.page = routePreview, true
		return true
	}
	file, err := url.PathUnescape(file)
	if err != nil || strings.Contains(file, "/") {
		return false
	}
	name, format, formatted := parseFile(file)
	at.format = format
	switch {
	case !found && name == "feed" && formatted:
		at.route = routeFeed
	case folder == "archive" && formatted:
		at.route, at.ref.Page = routeArchive, name
	case folder == "galleries" && formatted:
		at.route, at.ref = routeGallery, edition.Ref{Kind: edition.Gallery, Name: name}
	case folder == "galleries" && file != "" && !strings.Contains(file, "."):
		at.route, at.ref, at.page = routePage, edition.Ref{Kind: edition.Gallery, Name: file}, true
	default:
		return false
	}
	return true
}

// loggedURL is the address of a request as it may be logged. Below /partners/ it is that of
// a partner that exists, without its key and a query, where a key may be too. Of all others,
// which may have a key in any place, nothing is left.
func loggedURL(r *http.Request) string {
	if !strings.Contains(strings.ToLower(r.URL.Path)+"/", partnersPath) {
		return r.RequestURI
	}
	at, ok := parsePartnerAddress(r.URL)
	switch {
	case !ok || r.PathValue(partnerValue) == "":
		return partnersPath + "…"
	case at.key != "":
		return partnersPath + at.partner + "/~…/" + at.rest
	}
	return partnersPath + at.partner + "/" + at.rest
}
