package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
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
	mediaType string
	body      []byte
	etag      string // strong and quoted; a function of body
	scripted  bool   // whether it has our script
}

func newDocument(mediaType string, body []byte) *document {
	sum := sha256.Sum256(body)
	return &document{mediaType: mediaType, body: body, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
}

func (d *document) size() int { return len(d.body) }

// held is about what the document needs in memory, its key included.
func (d *document) held() int { return 512 + cap(d.body) }

// cacheControl allows a cache to keep a page for so long and no longer, because
// it may be taken down.
func cacheControl(maxAge time.Duration) string {
	return fmt.Sprintf("public, max-age=%d, must-revalidate", int(maxAge.Seconds()))
}

// serve answers with d, or with 304 when the client has these very bytes.
func serve(w http.ResponseWriter, r *http.Request, d *document, caching string) {
	h := secured(w, d)
	h.Set("Cache-Control", caching)
	h.Set("Content-Type", d.mediaType)
	h.Set("Etag", d.etag)
	http.ServeContent(inOnePiece{w}, r, "", time.Time{}, bytes.NewReader(d.body))
}

// inOnePiece writes the rest of a document at once, instead of copying it through
// a buffer.
type inOnePiece struct{ http.ResponseWriter }

// ReadFrom implements [io.ReaderFrom], as [io.CopyN] calls it.
func (w inOnePiece) ReadFrom(src io.Reader) (int64, error) {
	if part, ok := src.(*io.LimitedReader); ok {
		if body, ok := part.R.(*bytes.Reader); ok && part.N >= int64(body.Len()) {
			return body.WriteTo(w.ResponseWriter)
		}
	}
	return io.Copy(w.ResponseWriter, src)
}

// serveOnce answers with d, which no cache keeps: it is for one person, or the
// next request may have more luck.
func serveOnce(w http.ResponseWriter, r *http.Request, status int, d *document) {
	h := secured(w, d)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", d.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.body) // a client that left needs no answer
	}
}

func secured(w http.ResponseWriter, d *document) http.Header {
	h := w.Header()
	h.Set("Content-Security-Policy", security)
	if d.scripted {
		h.Set("Content-Security-Policy", scriptSecurity)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	// The hosts of pictures may ask on which site they are shown, not where.
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	}
	return h
}
