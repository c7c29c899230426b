package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/edition"
	"github.com/gallerywire/gallerywire/internal/feed"
)

// policy makes whatever is inside a feed dead when a browser shows it: XHTML in
// XML would run in our origin.
const policy = "default-src 'none'; style-src 'self'; img-src *; sandbox"

// feeds serves the documents of configured feeds.
type feeds struct {
	shelf        Shelf
	now          func() time.Time
	log          *slog.Logger
	cacheControl string
}

func newFeeds(o Options) *feeds {
	return &feeds{
		shelf: o.Shelf,
		now:   o.Now,
		log:   o.Logger,
		// A cache that may serve stale on its own would show what was taken down.
		cacheControl: fmt.Sprintf("public, max-age=%d, must-revalidate", int(o.MaxAge.Seconds())),
	}
}

// ServeHTTP answers GET and HEAD of {name}.{format}.
func (h *feeds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	open(w)
	name, format, ok := parseFile(r.PathValue("file"))
	if !ok {
		plain(w, http.StatusNotFound, "no such feed: addresses end in .rss, .atom or .json")
		return
	}
	e, err := h.shelf.Current(r.Context(), name)
	switch {
	case err == nil:
		h.write(w, r, e, e.Document(format))
	case errors.Is(err, edition.ErrUnknown):
		h.unknown(w, r, name, format)
	default:
		h.log.Warn("a feed can not be served", "feed", name, "err", err)
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "the feed is not available yet, try again in a second")
	}
}

func parseFile(file string) (name string, f feed.Format, ok bool) {
	dot := strings.LastIndexByte(file, '.')
	if dot <= 0 {
		return "", 0, false
	}
	f, err := feed.ParseFormat(file[dot+1:])
	return file[:dot], f, err == nil
}

// unknown sends readers of a former name to the present one.
func (h *feeds) unknown(w http.ResponseWriter, r *http.Request, name string, f feed.Format) {
	present, ok := h.shelf.Alias(name)
	if !ok {
		plain(w, http.StatusNotFound, "no such feed: the feeds are listed at /")
		return
	}
	w.Header().Set("Cache-Control", h.cacheControl)
	http.Redirect(w, r, "/feeds/"+present+"."+f.String(), http.StatusMovedPermanently)
}

// open lets pages of other origins read the answer, validators included.
func open(w http.ResponseWriter) {
	h := w.Header()
	h["Access-Control-Allow-Origin"] = []string{"*"}
	h["Access-Control-Expose-Headers"] = []string{"ETag, Last-Modified, Link"}
}

// preflight allows other origins to ask conditionally.
func preflight(w http.ResponseWriter, _ *http.Request) {
	open(w)
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "If-None-Match, If-Modified-Since, A-IM")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// write answers with the document, or with 304 when the client has it. Both
// forms of a document are the same edition, so a tag of either is good.
func (h *feeds) write(w http.ResponseWriter, r *http.Request, e *edition.Edition, doc *feed.Document) {
	header := w.Header()
	header["Cache-Control"] = []string{h.cacheControl}
	header["Vary"] = []string{"Accept-Encoding"}
	now := h.now()
	modified := lastModified(e, now)
	if !modified.IsZero() {
		header["Last-Modified"] = []string{modified.Format(http.TimeFormat)}
	}
	gzip := acceptsGzip(r.Header["Accept-Encoding"])
	etag := doc.ETag
	if gzip {
		etag = gzipTag(etag)
	}
	if matched, unchanged := (validators{etag, doc.ETag, modified, now}).unchanged(r); unchanged {
		header["Etag"] = []string{matched}
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := doc.Body
	if gzip {
		body, etag = doc.Gzip()
		header["Content-Encoding"] = []string{"gzip"}
	}
	header["Etag"] = []string{etag}
	header["Content-Type"] = []string{doc.Format.ContentType()}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	header["Content-Security-Policy"] = []string{policy}
	header["X-Content-Type-Options"] = []string{"nosniff"}
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that left needs no answer
	}
}

// lastModified is the date of the edition. It is zero, and not sent, while
// another change could still fall into the same second.
func lastModified(e *edition.Edition, now time.Time) time.Time {
	if e.Undated || e.Touched.IsZero() || now.Sub(e.Touched) < time.Second {
		return time.Time{}
	}
	return edition.Date(e.Touched)
}
