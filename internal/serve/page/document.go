package page

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gallerywire/gallerywire/internal/serve/web"
)

// security lets a page show its text, its stylesheet and pictures, and do nothing else,
// even if something got past sanitising. A script must be one that we serve.
const (
	security = "default-src 'none'; style-src 'self'; img-src http: https: data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	scriptSecurity = security + "; script-src 'self'"
)

// formSecurity is security for a page whose forms the site itself answers.
var formSecurity = strings.Replace(security, "form-action 'none'", "form-action 'self'", 1)

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

// incomplete is the error of a page with galleries that could not be read. The page is
// shown and not cached.
type incomplete struct {
	page  *document
	cards int // that it has nevertheless
	cause error
}

func (e *incomplete) Error() string { return "a part of the page cannot be read: " + e.cause.Error() }

func (e *incomplete) Unwrap() error { return e.cause }

// answer answers with d, or with the page of an error. An [*incomplete] is shown if it has
// any gallery.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, d *document, err error) {
	caching := p.caching
	if part, ok := errors.AsType[*incomplete](err); ok && part.cards > 0 {
		d, caching, err = part.page, "no-cache", nil
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	serve(w, r, d, caching)
}

// serve answers with d, or with 304 when the client has it.
func serve(w http.ResponseWriter, r *http.Request, d *document, caching string) {
	d.secure(w.Header())
	d.Serve(w, r, caching)
}

// serveOnce answers with d, which no cache keeps: it is for one person, or the next
// request may succeed.
func serveOnce(w http.ResponseWriter, r *http.Request, status int, d *document) {
	d.secure(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	d.Send(w, r, status)
}

func (d *document) secure(h http.Header) {
	Secure(h)
	if d.scripted {
		h.Set("Content-Security-Policy", scriptSecurity)
	}
}

// Secure lets a page show its text, its stylesheet and pictures, and do nothing else.
func Secure(h http.Header) {
	h.Set("Content-Security-Policy", security)
	// The hosts of pictures may ask on which site they are shown, not where.
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	}
}

// SecureForm is [Secure] for a page with forms that its own site answers.
func SecureForm(h http.Header) {
	Secure(h)
	h.Set("Content-Security-Policy", formSecurity)
}
