package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"sync"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Document is a body that is sent many times: as it is and, after [Document.Compress], by
// gzip. It does not change once it is shared.
type Document struct {
	mediaType string
	body      []byte
	gzip      []byte // nil: it is sent as it is
	etag      string // strong and quoted; a function of body
}

// NewDocument returns a document of that body, which must not be changed.
func NewDocument(mediaType string, body []byte) *Document {
	return &Document{mediaType: mediaType, body: body, etag: `"` + gallery.HashOf(body).String() + `"`}
}

// writers are compressors, which are large.
var writers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// Compress adds the compressed form, and returns d.
func (d *Document) Compress() *Document {
	var out bytes.Buffer
	w := writers.Get().(*gzip.Writer)
	defer writers.Put(w)
	w.Reset(&out)
	// A bytes.Buffer refuses nothing, so neither call can fail.
	_, _ = w.Write(d.body)
	_ = w.Close()
	d.gzip = bytes.Clone(out.Bytes())
	return d
}

// Size returns how many bytes the document is long.
func (d *Document) Size() int { return len(d.body) }

// Held returns how many bytes it keeps in memory.
func (d *Document) Held() int { return cap(d.body) + cap(d.gzip) }

// Serve answers with d in a coding that the client accepts, or with 304 if the client has
// d in either coding. caching is the Cache-Control. Ranges are ignored: documents are
// small.
func (d *Document) Serve(w http.ResponseWriter, r *http.Request, caching string) {
	h := w.Header()
	h.Set("Cache-Control", caching)
	etag := d.etag
	if d.gzips(r) {
		etag = gzipTag(etag)
	}
	if have, unchanged := (validators{etag: etag, plain: d.etag}).unchanged(r); unchanged {
		varies(h)
		h.Set("Etag", have)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Etag", etag)
	d.Send(w, r, http.StatusOK)
}

// Send answers with d in a coding that the client accepts, unconditionally.
func (d *Document) Send(w http.ResponseWriter, r *http.Request, status int) {
	h, body := w.Header(), d.body
	varies(h)
	if d.gzips(r) {
		body = d.gzip
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", d.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that left needs no answer
	}
}

func (d *Document) gzips(r *http.Request) bool {
	return d.gzip != nil && acceptsGzip(r.Header["Accept-Encoding"])
}

// varies sets Vary to Accept-Encoding, unless the caller has set it.
func varies(h http.Header) {
	if h.Get("Vary") == "" {
		h.Set("Vary", "Accept-Encoding")
	}
}
