package web

import "net/http"

// contract serves a document of the event contract, which changes with the
// program only.
func contract(mediaType string, body []byte) http.HandlerFunc {
	d := NewDocument(mediaType, body).Compress()
	return func(w http.ResponseWriter, r *http.Request) {
		open(w)
		d.Serve(w, r, "public, max-age=3600")
	}
}
