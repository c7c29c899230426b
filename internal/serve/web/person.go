package web

import (
	"net/http"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// raw is the query by which a person asks for the feed itself.
const raw = "raw"

// byPerson reports whether a browser asks for something to show in a tab of its
// own (Fetch Metadata §2.1). Only that tells it from a reader: many a reader's
// Accept header asks for HTML too. A browser that does not say so gets the feed.
func byPerson(r *http.Request) bool {
	dest := r.Header["Sec-Fetch-Dest"]
	return len(dest) == 1 && dest[0] == "document" && r.URL.RawQuery != raw
}

// greet answers a person with the page of a feed. It reports whether it did.
func (h *feeds) greet(w http.ResponseWriter, r *http.Request, ref edition.Ref) bool {
	return h.person != nil && byPerson(r) && h.person(w, r, ref)
}

// noFormat answers where the address of a feed has no end that we know.
func (h *feeds) noFormat(w http.ResponseWriter, r *http.Request) {
	if h.person != nil && byPerson(r) {
		h.notFound(w, r)
		return
	}
	open(w)
	plain(w, http.StatusNotFound, "no such feed: addresses end in .rss, .atom or .json")
}
