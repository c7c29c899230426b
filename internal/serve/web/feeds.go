package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// policy lets nothing in a feed run when a browser shows it: XHTML in XML would run in our
// origin.
const policy = "default-src 'none'; style-src 'self'; img-src *; sandbox"

// raw is the query with which a browser gets the feed itself.
const raw = "raw"

// feeds serves the documents of feeds, of their archives and of galleries. For the public
// and for partners it differs in headers and in what errors say.
type feeds struct {
	Options
	fixed   fixedHeaders
	origins bool // whether pages of other origins may read what they are
	explain func(http.ResponseWriter, *http.Request, edition.Ref, feed.Format, error)
}

// fixedHeaders are values of headers that are the same in every answer: shared, and
// never changed.
type fixedHeaders struct{ cacheControl, vary, varyDelta, policy, nosniff, gzip []string }

// newFeeds returns feeds that a cache may keep for so long as caching says. Answers vary by
// the headers of vary.
func newFeeds(o Options, caching, vary string) *feeds {
	return &feeds{Options: o, fixed: fixedHeaders{
		cacheControl: []string{caching}, vary: []string{vary}, varyDelta: []string{vary + ", A-IM, If-None-Match"},
		policy: []string{policy}, nosniff: []string{"nosniff"}, gzip: []string{"gzip"},
	}}
}

// A cache that serves stale documents would show galleries that were taken down.
func cacheControl(scope string, maxAge time.Duration) string {
	return fmt.Sprintf("%s, max-age=%d, must-revalidate", scope, int(maxAge.Seconds()))
}

// galleryFeed is the route of galleries' own feeds, which no pattern of net/http can
// distinguish from the galleries' pages.
const galleryFeed = "GET /galleries/{key}.{format}"

// registerFeeds adds the addresses of every kind of feed. A page and a feed at one
// pattern are counted apart.
func registerFeeds(mux *http.ServeMux, o Options) {
	h := newFeeds(o, cacheControl("public", o.MaxAge), "Accept-Encoding, Sec-Fetch-Dest")
	h.origins, h.explain = true, h.explainToAll
	for _, kind := range []edition.Kind{edition.Feed, edition.Section, edition.Tag, edition.Author} {
		at := "/" + string(kind) + "/"
		mux.HandleFunc("OPTIONS "+at+"{file}", preflight)
		mux.HandleFunc("GET "+at+"{file}", func(w http.ResponseWriter, r *http.Request) {
			file := r.PathValue("file")
			name, format, ok := parseFile(file)
			switch {
			case ok:
				h.serve(w, r, h.Editions, edition.Ref{Kind: kind, Name: name}, format)
			case h.ListPage != nil && (kind != edition.Feed || !strings.Contains(file, ".")): // an author may be "A. Writer"
				r.Pattern = "GET /" + string(kind) + "/{name}"
				h.ListPage(w, r, edition.Ref{Kind: kind, Name: file})
			default:
				h.noFormat(w, r)
			}
		})
		mux.HandleFunc("OPTIONS "+at+"{name}/archive/{file}", preflight)
		mux.HandleFunc("GET "+at+"{name}/archive/{file}", func(w http.ResponseWriter, r *http.Request) {
			page, format, ok := parseFile(r.PathValue("file"))
			if !ok {
				h.noFormat(w, r)
				return
			}
			h.serve(w, r, h.Editions, edition.Ref{Kind: kind, Name: r.PathValue("name"), Page: page}, format)
		})
	}
	mux.HandleFunc("OPTIONS /galleries/{key}", preflight)
	mux.HandleFunc("GET /galleries/{key}", func(w http.ResponseWriter, r *http.Request) {
		key, format, ok := parseFile(r.PathValue("key"))
		if !ok {
			h.GalleryPage(w, r)
			return
		}
		r.Pattern = galleryFeed
		h.serve(w, r, h.Editions, edition.Ref{Kind: edition.Gallery, Name: key}, format)
	})
}

func parseFile(file string) (name string, f feed.Format, ok bool) {
	dot := strings.LastIndexByte(file, '.')
	if dot <= 0 {
		return "", 0, false
	}
	f, err := feed.ParseFormat(file[dot+1:])
	return file[:dot], f, err == nil
}

// byBrowser reports whether a browser opens the address in a tab (Fetch Metadata §2.1).
// Nothing else distinguishes it from a feed reader, because the Accept header of many
// readers has HTML too. A browser without this header gets the feed.
func byBrowser(r *http.Request) bool {
	dest := r.Header["Sec-Fetch-Dest"]
	return len(dest) == 1 && dest[0] == "document" && r.URL.RawQuery != raw
}

// noFormat answers where the address of a feed does not end in a format.
func (h *feeds) noFormat(w http.ResponseWriter, r *http.Request) {
	if h.FeedPage != nil && byBrowser(r) {
		h.NotFound(w, r)
		return
	}
	allowOrigins(w)
	plain(w, http.StatusNotFound, "no such feed: addresses end in "+feed.FormatNames("."))
}

// serve answers GET and HEAD of one document: with a page to a browser; with 304 to a
// client whose archive page is known to be unchanged without rendering it; else with the
// document of the current edition in all.
func (h *feeds) serve(w http.ResponseWriter, r *http.Request, all Editions, ref edition.Ref, f feed.Format) {
	if h.FeedPage != nil && byBrowser(r) && h.FeedPage(w, r, ref) {
		return
	}
	if h.origins {
		allowOrigins(w)
	}
	if ref.Page != "" && len(r.Header["If-None-Match"]) > 0 {
		if etag, known := all.ETag(ref, f); known {
			if have, unchanged := (validators{etag: etag, plain: etag}).unchanged(r); unchanged {
				w.Header()["Link"] = []string{feed.Link(nil, all.Address(ref, f))}
				h.notModified(w, have)
				return
			}
		}
	}
	e, err := all.Edition(r.Context(), ref)
	if err != nil {
		h.explain(w, r, ref, f, err)
		return
	}
	h.Subscribers.Note(r.UserAgent(), ref, f)
	h.write(w, r, e, e.Document(f))
}

func (h *feeds) notModified(w http.ResponseWriter, etag string) {
	header := w.Header()
	header["Cache-Control"] = h.fixed.cacheControl
	header["Vary"] = h.fixed.vary
	header["Etag"] = []string{etag}
	w.WriteHeader(http.StatusNotModified)
}

// explainToAll answers the public with the reason why there is no document.
func (h *feeds) explainToAll(w http.ResponseWriter, r *http.Request, ref edition.Ref, f feed.Format, err error) {
	moved, isMoved := errors.AsType[*edition.Moved](err)
	meant, isMeant := errors.AsType[*edition.Meant](err)
	switch {
	case isMeant && len(meant.To) == 1:
		w.Header()["Cache-Control"] = h.fixed.cacheControl
		http.Redirect(w, r, meant.URLs(f)[0], http.StatusFound)
	case isMeant:
		plain(w, http.StatusMultipleChoices, "several feeds have this name, each with a hash at its end:\n"+strings.Join(meant.URLs(f), "\n"))
	case isMoved && moved.Permanent:
		w.Header()["Cache-Control"] = h.fixed.cacheControl
		http.Redirect(w, r, moved.URL(f), http.StatusMovedPermanently)
	case isMoved:
		w.Header()["Cache-Control"] = h.fixed.cacheControl
		http.Redirect(w, r, moved.URL(f), http.StatusTemporaryRedirect)
	case errors.Is(err, edition.ErrUnknown):
		plain(w, http.StatusNotFound, "no such feed: the feeds are listed at /")
	case errors.Is(err, edition.ErrGone):
		plain(w, http.StatusGone, "the gallery was taken down")
	default:
		h.Logger.Warn("a feed cannot be served", "feed", ref.Name, "url", r.URL.Path, "err", err)
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "the feed is not available yet, try again in a second")
	}
}

// allowOrigins lets pages of other origins read the answer, validators included.
func allowOrigins(w http.ResponseWriter) {
	h := w.Header()
	h["Access-Control-Allow-Origin"] = []string{"*"}
	h["Access-Control-Expose-Headers"] = []string{"ETag, Last-Modified, Link, IM"}
}

// preflight allows conditional requests from other origins.
func preflight(w http.ResponseWriter, _ *http.Request) {
	allowOrigins(w)
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Allow-Headers", "If-None-Match, If-Modified-Since, A-IM")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// write answers with the document, or with 304 if the client has it, in either coding.
func (h *feeds) write(w http.ResponseWriter, r *http.Request, e *edition.Edition, doc *feed.Document) {
	header := w.Header()
	header["Cache-Control"] = h.fixed.cacheControl
	header["Vary"] = h.fixed.vary
	header["Link"] = []string{doc.Link} // the hubs and its own address (WebSub §4)
	now := h.Now()
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
	if delta, ok := since(r, e, doc.Format); ok {
		// The tag is that of the whole document, which the reader has after merging. No
		// other client has the version to which this is the difference.
		header["Im"] = []string{"feed"}
		header["Cache-Control"] = []string{"private, no-store"}
		header["Vary"] = h.fixed.varyDelta
		h.send(w, r, delta, gzip, http.StatusIMUsed)
		return
	}
	h.send(w, r, doc, gzip, http.StatusOK)
}

// since returns the changes since the version that the client has, if it asks for them
// (A-IM: feed, RFC 3229 §10.5.3) and that version is known.
func since(r *http.Request, e *edition.Edition, f feed.Format) (delta *feed.Document, ok bool) {
	accepts := false
	for part := range strings.SplitSeq(strings.Join(r.Header["A-Im"], ","), ",") {
		if name, params, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), "feed") {
			accepts = weight(params) > 0
			break
		}
	}
	if !accepts || len(r.Header["If-None-Match"]) == 0 {
		return nil, false
	}
	have := slices.Collect(entityTags(r.Header["If-None-Match"]))
	return e.Since(func(etag string) bool { return slices.Contains(have, etag) || slices.Contains(have, gzipTag(etag)) }, f)
}

func (h *feeds) send(w http.ResponseWriter, r *http.Request, doc *feed.Document, gzip bool, status int) {
	header := w.Header()
	var body []byte
	if gzip {
		body, _ = doc.Gzip()
		header["Content-Encoding"] = h.fixed.gzip
	} else {
		body = doc.Bytes()
	}
	header["Content-Type"] = []string{doc.Format.ContentType()}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	header["Content-Security-Policy"] = h.fixed.policy
	header["X-Content-Type-Options"] = h.fixed.nosniff
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that left needs no answer
	}
}
