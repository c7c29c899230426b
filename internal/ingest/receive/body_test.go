package receive_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/ingest/receive"
)

// A body of a sender who signs is read before it is known who he is: a network may have few
// of them at a time.
func TestFewBodiesAtATimeOfWhoHasNotProvedHimself(t *testing.T) {
	w := newWorld(t, receive.Key{Name: "desk", Kind: receive.Superdesk, Secret: secret})
	unproven := func(body io.Reader) *http.Request {
		r := post("/events", "", "Authorization: ", "X-Superdesk-Signature: sha1=0000000000000000000000000000000000000000")
		r.Body, r.ContentLength = io.NopCloser(body), -1
		return r
	}
	const most = 4
	ends := make([]*io.PipeWriter, most)
	statuses := make(chan int, most)
	for i := range ends {
		var body *io.PipeReader
		body, ends[i] = io.Pipe()
		go func() { statuses <- w.ask(t, unproven(body)).status }()
		_, _ = io.WriteString(ends[i], "{") // it is being read
	}
	if got := w.ask(t, unproven(http.NoBody)); got.status != http.StatusServiceUnavailable || !strings.Contains(got.Detail, "too many") {
		t.Errorf("one more: %+v", got)
	}
	for i := range ends {
		_ = ends[i].Close()
		if got := <-statuses; got != http.StatusUnauthorized {
			t.Errorf("answered %d", got)
		}
	}
	if got := w.ask(t, unproven(http.NoBody)); got.status != http.StatusUnauthorized {
		t.Errorf("after them: %+v", got)
	}
}
