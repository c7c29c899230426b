package web

import (
	"net/http"
	"strconv"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// contract serves a document of the event contract, which changes with the
// program only.
func contract(mediaType string, body []byte) http.HandlerFunc {
	etag := `"` + gallery.HashOf(body).String() + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		open(w)
		header := w.Header()
		header.Set("Cache-Control", "public, max-age=3600")
		header.Set("Etag", etag)
		if matchesAny(r.Header["If-None-Match"], etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		header.Set("Content-Type", mediaType)
		header.Set("Content-Length", strconv.Itoa(len(body)))
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // a client that left needs no answer
		}
	}
}
