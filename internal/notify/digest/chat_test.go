package digest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
)

// chat keeps what is posted to it.
type chat struct {
	*httptest.Server
	mu     sync.Mutex
	posts  []string
	status int
}

func newChat(t *testing.T) *chat {
	t.Helper()
	r := &chat{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.posts = append(r.posts, string(body))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// address is one of shoutrrr's, with a secret path.
func (r *chat) address() string {
	return "generic://" + strings.TrimPrefix(r.URL, "http://") + "/hook/s3cr3t?disabletls=yes"
}

func TestChatMessageListsGalleries(t *testing.T) {
	t.Parallel()
	s, chat := withoutStore(t), newChat(t)
	n := s.node(to(chat.address()))
	notice := s.noticeOf("a", "b")
	s.edit("a", func(g *gallery.Gallery) { g.Title = "@everyone <!channel>" })
	if err := n.send(notice); err != nil {
		t.Fatal(err)
	}
	want := []string{`Example News: travel

Gallery b
https://example.com/galleries/b
About b.

@` + "\u200b" + `everyone <` + "\u200b" + `!channel>
https://example.com/galleries/a
About a.
`}
	if diff := cmp.Diff(want, chat.posts); diff != "" {
		t.Errorf("posted (-want +got):\n%s", diff)
	}
}

func TestLongDigestShortenedForChat(t *testing.T) {
	t.Parallel()
	s, chat := withoutStore(t), newChat(t)
	n := s.node(to(chat.address()))
	var keys []string
	for i := range 130 {
		keys = append(keys, fmt.Sprintf("g%03d", i))
	}
	notice := s.noticeOf(keys...)
	s.edit("g129", func(g *gallery.Gallery) { g.Summary = strings.Repeat("word ", 2000) })
	if err := n.send(notice); err != nil {
		t.Fatal(err)
	}
	got := chat.posts[0]
	listed := strings.Count(got, "Gallery g")
	if len(got) > 10_000 || listed < 50 || !strings.HasSuffix(got, fmt.Sprintf("\nand %d more: https://example.com/\n", 130-listed)) {
		t.Errorf("%d bytes, %d galleries:\n%s", len(got), listed, got)
	}
	if !strings.Contains(got, "word…\n") {
		t.Error("a long summary is not shortened")
	}
}

func TestSilentServiceTimesOutAndHoldsFewDeliveries(t *testing.T) {
	t.Parallel()
	s := withoutStore(t)
	release := make(chan struct{})
	begun := make(chan struct{}, 100)
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-release
	}))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(release) })
	n := s.node(to("generic://"+strings.TrimPrefix(silent.URL, "http://")+"/s3cr3t?disabletls=yes"),
		func(o *digest.Options) { o.Timeout = 50 * time.Millisecond })
	notice := s.noticeOf("a")
	for range 10 {
		if err := n.send(notice); err == nil || errors.Is(err, outbox.ErrFinal) {
			t.Fatalf("error %v", err)
		}
	}
	if err := n.send(notice); err == nil || !strings.Contains(err.Error(), "have not come back") {
		t.Errorf("error %v", err)
	}
	if len(begun) > 4 {
		t.Errorf("%d deliveries go on", len(begun))
	}
}
