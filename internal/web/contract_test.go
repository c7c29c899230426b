package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
)

func TestTheEventContractIsServed(t *testing.T) {
	s := newSite(t)
	for path, want := range map[string][]byte{"/asyncapi.json": event.AsyncAPI(), "/schemas/gallery.json": event.Schema()} {
		res := s.get(path)
		got := []byte(body(t, res))
		if res.StatusCode != http.StatusOK || !bytes.Equal(got, want) || !json.Valid(got) {
			t.Errorf("%s: %s, %d bytes, want %d", path, res.Status, len(got), len(want))
		}
		wantHeader(t, res, "Access-Control-Allow-Origin", "*")
		again := s.get(path, "If-None-Match", res.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %s", path, again.Status)
		}
	}
}
