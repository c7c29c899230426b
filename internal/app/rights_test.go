package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// without returns the list without one right, which must have been in it.
func without(t *testing.T, list []string, right string) []string {
	t.Helper()
	if !slices.Contains(list, right) {
		t.Fatalf("%s is not listed", right)
	}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == right })
}

// spoken collects what is logged as a warning or worse.
type spoken struct {
	mu    sync.Mutex
	lines []string
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, string(p))
	return len(p), nil
}

func (s *spoken) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "")
}

// nodeAt starts a node on the server and returns it with what it logs.
func nodeAt(t *testing.T, address string) (*App, *spoken) {
	t.Helper()
	c, err := LoadConfig("", []string{
		"GALLERYWIRE_SITE_ID=news.example.com", "GALLERYWIRE_NATS_URL=nats://gallerywire:node@" + address,
		"GALLERYWIRE_HTTP_LISTEN=127.0.0.1:0", "GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:0",
		"GALLERYWIRE_NOTICES_QUIET_PERIOD=1ms", "GALLERYWIRE_PARTNERS=[{name: msn}]",
	})
	if err != nil {
		t.Fatal(err)
	}
	log := &spoken{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.all())
		}
	})
	a, err := New(t.Context(), Options{Config: c, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a, log
}

// eventually waits for it, far shorter than any request waits for an answer that
// does not come.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// cms publishes a gallery, and an event that is none, as the CMS does, again and
// again until the test ends: nobody may be there to take them.
func cms(t *testing.T, address string) {
	t.Helper()
	conn, err := nats.Connect("nats://cms:cms@" + address)
	if err != nil {
		t.Fatal(err)
	}
	var publishing sync.WaitGroup
	publishing.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for t.Context().Err() == nil {
			for _, data := range []string{`{"id":"harbour","title":"Harbour","published":"2026-11-20T09:00:00Z"}`, `{"id":"dusk"}`} {
				_ = conn.Publish("article.published", []byte(data))
			}
			select {
			case <-tick.C:
			case <-t.Context().Done():
			}
		}
	})
	t.Cleanup(func() { publishing.Wait(); conn.Close() })
}

func TestTheListedRightsAreEnough(t *testing.T) {
	t.Parallel()
	address := brokertest.Documented(t, func(map[string]*server.Permissions) {})
	a, log := nodeAt(t, address)
	cms(t, address)
	eventually(t, "the node is ready and has taken both in", func() bool {
		s := a.reporter.Status(t.Context())
		return len(s.NotReady) == 0 && s.Galleries == 1 && s.Rejects.Kept > 0
	})
	if denied := a.broker.Denied(); len(denied) > 0 || strings.Contains(log.all(), "level=ERROR") {
		t.Errorf("denied %v, logged %s", denied, log.all())
	}
}

func TestEachRightThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		verb, right string
	}{
		{"publish on", "$JS.API.INFO"},
		{"publish on", "$JS.API.STREAM.NAMES"},
		{"publish on", "$JS.API.STREAM.INFO.>"},
		{"publish on", "$JS.API.STREAM.CREATE.>"},
		{"publish on", "$JS.API.DIRECT.GET.>"},
		{"publish on", "$JS.API.CONSUMER.NAMES.>"},
		{"publish on", "$JS.API.CONSUMER.INFO.>"},
		{"publish on", "$JS.API.CONSUMER.CREATE.>"},
		{"publish on", "$JS.API.CONSUMER.MSG.NEXT.>"},
		{"publish on", "$JS.ACK.>"},
		{"publish on", "$KV.gallerywire_site.>"},
		{"publish on", "$KV.gallerywire_galleries.>"},
		{"publish on", "$KV.gallerywire_notices.>"},
		{"publish on", "gallerywire_rejects.>"},
		{"publish on", "feed.updated"},
		{"publish on", "partner.updated"},
		{"publish on", "article.rejected"},
		{"subscribe to", "_GW_INBOX.>"},
	} {
		t.Run(c.verb+" "+c.right, func(t *testing.T) {
			address := brokertest.Documented(t, func(users map[string]*server.Permissions) {
				of := users["gallerywire"].Publish
				if c.verb == "subscribe to" {
					of = users["gallerywire"].Subscribe
				}
				of.Allow = without(t, of.Allow, c.right)
			})
			a, log := nodeAt(t, address)
			cms(t, address)
			missing := &broker.DeniedError{Verb: c.verb, Right: c.right}
			named, _, _ := strings.Cut(missing.Error(), ": give")
			eventually(t, "the missing right is named", func() bool { return strings.Contains(log.all(), named+": give it that right") })
			s := a.reporter.Status(t.Context())
			if got := fmt.Sprint(s.NotReady, s.Warnings); !strings.Contains(got, missing.Error()) {
				t.Errorf("the status says %s", got)
			}
			if strings.Contains(log.all(), "deadline") {
				t.Errorf("logged\n%s", log.all())
			}
		})
	}
}
