package receive_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/google/go-cmp/cmp"
)

// FuzzReceive holds that intake accepts what a receiver accepts, as an event of the same
// kind about a gallery of the same sender.
func FuzzReceive(f *testing.F) {
	for _, seed := range [][4]string{
		{"/events", "application/json", "", bare},
		{"/events/article.unpublished", "application/json", "", `{"id":"wp-1","reason":"rights"}`},
		{"/events", "application/cloudevents+json", "", structured},
		{"/events", "application/cloudevents-batch+json", "", "[" + structured + "," + takenDown + "]"},
		{"/events", "application/json", "1.0\narticle.published\ne%20\n\"/a\"\n1999-01-01T00:00:00Z", bare},
		{"/events", "application/json", "", strings.Replace(item, "%s", "canceled", 1)},
		{"/events", "application/json", "", strings.Replace(item, "%s", "usable", 1)},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	attributes := []string{"Ce-Specversion", "Ce-Type", "Ce-Id", "Ce-Source", "Ce-Time"}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, path, mediaType, ce, body string) {
		r := post(receive.Path, body)
		r.URL.Path = path
		r.Header.Set("Content-Type", mediaType)
		if ce != "" {
			for i, value := range strings.SplitN(ce, "\n", len(attributes)) {
				r.Header.Set(attributes[i], value)
			}
		}
		w.stream.msgs = nil
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		if rec.Code == http.StatusAccepted && len(w.stream.msgs) == 0 && !strings.Contains(strings.ToLower(mediaType), "batch") {
			t.Error("accepted, and not published")
		}
		for _, m := range w.stream.msgs {
			reader := event.Reader{MaxBytes: maxEvent, SiteID: "news.example.com"}
			message := event.Message{Subject: m.Subject, Header: m.Header, Data: m.Data, Stored: time.Now()}
			e, err := reader.Decode(message)
			if err != nil {
				t.Fatalf("intake refuses %q: %v", m.Data, err)
			}
			if decoded := w.Decoded(message); decoded != nil && !cmp.Equal(decoded, e) {
				t.Errorf("decoded before and after it is stored (-before +after):\n%s", cmp.Diff(decoded, e))
			}
			if !strings.HasSuffix(m.Subject, string(e.Kind)) || !strings.HasPrefix(e.GalleryID(), prefix) {
				t.Errorf("%s of %q is published on %s", e.Kind, e.GalleryID(), m.Subject)
			}
		}
	})
}
