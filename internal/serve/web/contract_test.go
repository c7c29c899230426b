package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
)

func TestTheEventContractIsServed(t *testing.T) {
	s := newSite(t)
	for path, want := range map[string][]byte{"/asyncapi.json": event.AsyncAPI(), "/openapi.json": event.OpenAPI(), "/schemas/gallery.json": event.Schema()} {
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

func TestOtherDocumentsAreCompressedToo(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/asyncapi.json", "/openapi.json", "/schemas/gallery.json", "/feeds.opml"} {
		plain, small := s.get(path), s.get(path, "Accept-Encoding", "gzip")
		wantHeader(t, small, "Content-Encoding", "gzip")
		wantHeader(t, small, "Vary", "Accept-Encoding")
		text := body(t, plain)
		unpacked, err := gzip.NewReader(small.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(unpacked); err != nil || string(got) != text {
			t.Errorf("%s: %v, or another text", path, err)
		}
		tags := []string{plain.Header.Get("Etag"), small.Header.Get("Etag")}
		if tags[0] == tags[1] {
			t.Errorf("%s: both codings have the tag %s", path, tags[0])
		}
		for _, tag := range tags {
			for _, coding := range []string{"gzip", "identity"} {
				res := s.get(path, "If-None-Match", tag, "Accept-Encoding", coding)
				if res.StatusCode != http.StatusNotModified || res.Header.Get("Etag") != tag || body(t, res) != "" {
					t.Errorf("%s with %s: %s, %v", path, tag, res.Status, res.Header)
				}
			}
		}
	}
}
