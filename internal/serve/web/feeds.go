package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// policy makes whatever is inside a feed dead when a browser shows it: XHTML in
// XML would run in our origin.
const policy = "default-src 'none'; style-src 'self'; img-src *; sandbox"

// feeds serves the documents of feeds, of their archives and of galleries.
type feeds struct {
	editions Editions
	now      func() time.Time
	log      *slog.Logger
	always   always

	subscribers *Subscribers

	person   Person
	list     List
	notFound http.HandlerFunc
}

func newFeeds(o Options) *feeds {
	// A cache that may serve stale on its own would show what was taken down.
	caching := fmt.Sprintf("public, max-age=%d, must-revalidate", int(o.MaxAge.Seconds()))
	return &feeds{
		editions: o.Editions,
		now:      o.Now,
		log:      o.Logger,
		always: always{
			cacheControl: []string{caching}, vary: []string{"Accept-Encoding, Sec-Fetch-Dest"},
			policy: []string{policy}, nosniff: []string{"nosniff"}, gzip: []string{"gzip"},
		},
		subscribers: o.Subscribers,

		person:   o.Person,
		list:     o.List,
		notFound: o.NotFound,
	}
}

// galleryFeed is the route of feeds of single galleries, which no pattern of
// net/http tells from the galleries' pages.
const galleryFeed = "GET /galleries/{key}.{format}"

// register adds the addresses of every kind of feed.
func (h *feeds) register(mux *http.ServeMux, page http.HandlerFunc) {
	for _, kind := range []edition.Kind{edition.Feed, edition.Section, edition.Tag, edition.Author} {
		at := "/" + string(kind) + "/"
		mux.HandleFunc("GET "+at+"{file}", h.document(kind))
		mux.HandleFunc("OPTIONS "+at+"{file}", preflight)
		mux.HandleFunc("GET "+at+"{name}/archive/{file}", h.archive(kind))
		mux.HandleFunc("OPTIONS "+at+"{name}/archive/{file}", preflight)
	}
	mux.HandleFunc("OPTIONS /galleries/{key}", preflight)
	mux.HandleFunc("GET /galleries/{key}", func(w http.ResponseWriter, r *http.Request) {
		key, format, ok := parseFile(r.PathValue("key"))
		if !ok {
			page(w, r)
			return
		}
		r.Pattern = galleryFeed // the page and the feed are counted apart
		h.serve(w, r, edition.Ref{Kind: edition.Gallery, Name: key}, format)
	})
}

// document serves {name}.{format}, and the page {name}.
func (h *feeds) document(kind edition.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		file := r.PathValue("file")
		name, format, ok := parseFile(file)
		switch {
		case !ok && h.list != nil && (kind != edition.Feed || !strings.Contains(file, ".")): // an author may be "A. Writer"
			r.Pattern = "GET /" + string(kind) + "/{name}" // pages and feeds are counted apart
			h.list(w, r, edition.Ref{Kind: kind, Name: file})
			return
		case !ok:
			h.noFormat(w, r)
			return
		}
		h.serve(w, r, edition.Ref{Kind: kind, Name: name}, format)
	}
}

// archive serves {page}.{format} of the archive of {name}.
func (h *feeds) archive(kind edition.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page, format, ok := parseFile(r.PathValue("file"))
		if !ok {
			h.noFormat(w, r)
			return
		}
		h.serve(w, r, edition.Ref{Kind: kind, Name: r.PathValue("name"), Page: page}, format)
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

// serve answers GET and HEAD of one document.
func (h *feeds) serve(w http.ResponseWriter, r *http.Request, ref edition.Ref, f feed.Format) {
	if h.greet(w, r, ref) {
		return
	}
	open(w)
	if h.knows(w, r, ref, f) {
		return
	}
	e, err := h.editions.Edition(r.Context(), ref)
	if err != nil {
		h.refuse(w, r, ref, f, err)
		return
	}
	h.subscribers.Note(r.UserAgent(), ref, f)
	h.write(w, r, e, e.Document(f))
}

// knows answers 304 where the client has the archive page and nobody needs to
// render it to tell.
func (h *feeds) knows(w http.ResponseWriter, r *http.Request, ref edition.Ref, f feed.Format) bool {
	if ref.Page == "" || len(r.Header["If-None-Match"]) == 0 {
		return false
	}
	etag, ok := h.editions.ETag(ref, f)
	if !ok {
		return false
	}
	etag, ok = (validators{etag: etag, plain: etag}).unchanged(r)
	if ok {
		link(w, feed.Link(nil, h.editions.Address(ref, f)))
		h.notModified(w, etag)
	}
	return ok
}

// link names the hubs of a document and its own address (WebSub §4).
func link(w http.ResponseWriter, value string) { w.Header()["Link"] = []string{value} }

func (h *feeds) notModified(w http.ResponseWriter, etag string) {
	header := w.Header()
	header["Cache-Control"] = h.always.cacheControl
	header["Vary"] = h.always.vary
	header["Etag"] = []string{etag}
	w.WriteHeader(http.StatusNotModified)
}

// refuse says why there is no document.
func (h *feeds) refuse(w http.ResponseWriter, r *http.Request, ref edition.Ref, f feed.Format, err error) {
	moved, isMoved := errors.AsType[*edition.Moved](err)
	meant, isMeant := errors.AsType[*edition.Meant](err)
	switch {
	case isMeant && len(meant.To) == 1:
		w.Header()["Cache-Control"] = h.always.cacheControl
		http.Redirect(w, r, meant.URLs(f)[0], http.StatusFound)
	case isMeant:
		plain(w, http.StatusMultipleChoices, "several feeds have this name, each with a hash at its end:\n"+strings.Join(meant.URLs(f), "\n"))
	case isMoved && moved.Permanent:
		w.Header()["Cache-Control"] = h.always.cacheControl
		http.Redirect(w, r, moved.URL(f), http.StatusMovedPermanently)
	case isMoved:
		w.Header()["Cache-Control"] = h.always.cacheControl
		http.Redirect(w, r, moved.URL(f), http.StatusTemporaryRedirect)
	case errors.Is(err, edition.ErrUnknown):
		plain(w, http.StatusNotFound, "no such feed: the feeds are listed at /")
	case errors.Is(err, edition.ErrGone):
		plain(w, http.StatusGone, "the gallery was taken down")
	default:
		h.log.Warn("a feed can not be served", "feed", ref.Name, "url", r.URL.Path, "err", err)
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "the feed is not available yet, try again in a second")
	}
}

// open lets pages of other origins read the answer, validators included.
func open(w http.ResponseWriter) {
	h := w.Header()
	h["Access-Control-Allow-Origin"] = []string{"*"}
	h["Access-Control-Expose-Headers"] = []string{"ETag, Last-Modified, Link, IM"}
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
	header["Cache-Control"] = h.always.cacheControl
	header["Vary"] = h.always.vary
	link(w, doc.Link)
	now := h.now()
	modified := e.LastModified(now)
	if !modified.IsZero() {
		header["Last-Modified"] = []string{modified.Format(http.TimeFormat)}
	}
	gzip := acceptsGzip(r.Header["Accept-Encoding"])
	etag := doc.ETag
	if gzip {
		etag = gzipTag(etag)
	}
	if matched, unchanged := (validators{etag, doc.ETag, modified, now}).unchanged(r); unchanged {
		h.notModified(w, matched)
		return
	}
	header["Etag"] = []string{etag}
	if delta := since(r, e, doc.Format); delta != nil {
		// The tag is of the whole: that is what the reader has once it has
		// both. Nobody else has what this is the difference to.
		header["Im"] = []string{"feed"}
		header["Cache-Control"] = []string{"private, no-store"}
		header["Vary"] = []string{"Accept-Encoding, Sec-Fetch-Dest, A-IM, If-None-Match"}
		h.send(w, r, delta, gzip, http.StatusIMUsed)
		return
	}
	h.send(w, r, doc, gzip, http.StatusOK)
}

// since returns what changed since the version that the client has, if it asks
// for that and it is known (RFC 3229).
func since(r *http.Request, e *edition.Edition, f feed.Format) *feed.Document {
	if len(r.Header["If-None-Match"]) == 0 || !acceptsIM(r.Header["A-Im"], "feed") {
		return nil
	}
	have := entityTags(r.Header["If-None-Match"])
	delta, ok := e.Since(func(etag string) bool { return have[etag] || have[gzipTag(etag)] }, f)
	if !ok {
		return nil
	}
	return delta
}

func (h *feeds) send(w http.ResponseWriter, r *http.Request, doc *feed.Document, gzip bool, status int) {
	header := w.Header()
	var body []byte
	if gzip {
		body, _ = doc.Gzip()
		header["Content-Encoding"] = h.always.gzip
	} else {
		body = doc.Bytes()
	}
	header["Content-Type"] = []string{doc.Format.ContentType()}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	header["Content-Security-Policy"] = h.always.policy
	header["X-Content-Type-Options"] = h.always.nosniff
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that left needs no answer
	}
}

// always are values of headers that are the same in every answer: shared, and
// never changed.
type always struct{ cacheControl, vary, policy, nosniff, gzip []string }
