package page

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/web"
)

// security lets a page show its text, its stylesheet and pictures, and do
// nothing else: whatever got past sanitising is dead. Where the page has a script,
// it must be one that we serve.
const (
	security = "default-src 'none'; style-src 'self'; img-src http: https: data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	scriptSecurity = security + "; script-src 'self'"
)

// document is something to send. It is immutable.
type document struct {
	*web.Document
	scripted bool // whether it has our script
}

func newDocument(mediaType string, body []byte) *document {
	return &document{Document: web.NewDocument(mediaType, body)}
}

// newFile returns a document that is kept compressed, too.
func newFile(mediaType string, body []byte) *document {
	return &document{Document: web.NewDocument(mediaType, body).Compress()}
}

// held is about what the document needs in memory, its key included.
func (d *document) held() int { return 512 + d.Held() }

// cacheControl allows a cache to keep a page for so long and no longer, because
// it may be taken down.
func cacheControl(maxAge time.Duration) string {
	return fmt.Sprintf("public, max-age=%d, must-revalidate", int(maxAge.Seconds()))
}

// serve answers with d, or with 304 when the client has it.
func serve(w http.ResponseWriter, r *http.Request, d *document, caching string) {
	secured(w, d)
	d.Serve(w, r, caching)
}

// serveOnce answers with d, which no cache keeps: it is for one person, or the
// next request may have more luck.
func serveOnce(w http.ResponseWriter, r *http.Request, status int, d *document) {
	secured(w, d).Set("Cache-Control", "no-store")
	d.Send(w, r, status)
}

func secured(w http.ResponseWriter, d *document) http.Header {
	h := w.Header()
	Secure(h)
	if d.scripted {
		h.Set("Content-Security-Policy", scriptSecurity)
	}
	return h
}

// Secure lets a page show its text, its stylesheet and pictures, and do nothing else.
func Secure(h http.Header) {
	h.Set("Content-Security-Policy", security)
	// The hosts of pictures may ask on which site they are shown, not where.
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	}
}
