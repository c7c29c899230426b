package digest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/prometheus/client_golang/prometheus"
)

// monday is when the clocks of tests begin: a Monday at noon in winter.
var monday = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var errAway = errors.New("nats is away")

// site is what is published, as every node of a test knows it, and the outbox to which its
// nodes give their notices.
type site struct {
	t     *testing.T
	store *storetest.World // nil: no digest is made
	clock *storetest.Clock
	name  string // of the digest

	mu        sync.Mutex
	feeds     map[string]map[string]digest.Shown // by name and key
	galleries map[string]gallery.Gallery         // by key
	err       error
	enqueued  []outbox.Notice
}

// newSite is a site whose digests are made, with records on a server of its own.
func newSite(t *testing.T) *site { return siteOn(t, storetest.NewWorld(t), "travel") }

// siteOn is a site with a digest of that name, whose record is in the store.
func siteOn(t *testing.T, store *storetest.World, digest string) *site {
	s := withoutStore(t)
	s.store, s.name = store, digest
	return s
}

// withoutStore is a site whose digests are only sent.
func withoutStore(t *testing.T) *site {
	s := &site{
		t: t, clock: new(storetest.Clock), name: "travel",
		feeds: map[string]map[string]digest.Shown{}, galleries: map[string]gallery.Gallery{},
	}
	s.clock.Set(monday)
	return s
}

// Shown implements [digest.Source].
func (s *site) Shown(_ context.Context, feed string, since time.Time, n int) ([]digest.Shown, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []digest.Shown
	for _, g := range s.feeds[feed] {
		if g.Published.After(since) && !g.Published.After(s.clock.Now()) {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b digest.Shown) int {
		return cmp.Or(b.Published.Compare(a.Published), cmp.Compare(a.Key, b.Key))
	})
	return list[:min(n, len(list))], s.err
}

// View implements [digest.Source].
func (s *site) View(_ context.Context, _ []string, key string) (gallery.View, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.galleries[key]
	return g.View(new(gallery.Audience), s.clock.Now()), found, s.err
}

// put stores a gallery of a feed now.
func (s *site) put(feed, key string, published time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds[feed] == nil {
		s.feeds[feed] = map[string]digest.Shown{}
	}
	visible := s.clock.Now()
	if published.After(visible) {
		visible = published
	}
	s.feeds[feed][key] = digest.Shown{Key: key, Published: published, Visible: visible}
	s.galleries[key] = gallery.Gallery{
		ID: key, Title: "Gallery " + key, URL: "https://example.com/galleries/" + key, Summary: "About " + key + ".",
		Section: "Travel", Authors: []gallery.Author{{Name: "A. Writer"}}, Language: "en", Published: published,
		Slides: []gallery.Slide{{ID: "1", Image: gallery.Image{URL: "https://img.example.com/" + key + ".jpg", Alt: "Picture of " + key, Width: 1600, Height: 900}}},
	}
}

// edit changes a gallery.
func (s *site) edit(key string, change func(*gallery.Gallery)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.galleries[key]
	change(&g)
	s.galleries[key] = g
}

// takeDown removes a gallery everywhere.
func (s *site) takeDown(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.galleries, key)
	for _, feed := range s.feeds {
		delete(feed, key)
	}
}

func (s *site) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *site) enqueue(_ context.Context, n outbox.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueued = append(s.enqueued, n)
	return nil
}

// notices are those that all nodes enqueued so far.
func (s *site) notices() []outbox.Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.enqueued)
}

// noticeOf publishes galleries, the last of them the newest, and returns a digest of them.
func (s *site) noticeOf(keys ...string) outbox.Notice {
	s.t.Helper()
	for i, key := range keys {
		s.put("travel", key, monday.Add(time.Duration(i+1)*time.Minute))
	}
	due := rome(s.t, "2026-11-24 07:00")
	s.clock.Set(due)
	keys = slices.Clone(keys)
	slices.Reverse(keys)
	data, err := json.Marshal(map[string]any{"format": 1, "due": due, "galleries": keys[:min(len(keys), 100)], "more": max(len(keys)-100, 0)})
	if err != nil {
		s.t.Fatal(err)
	}
	return outbox.Notice{Channel: digest.Channel, About: s.name, ID: "n-1", Data: data}
}

// node is one of the site's.
type node struct {
	*digest.Digests
	t       *testing.T
	metrics *prometheus.Registry
}

// node adds a node with one digest, on weekdays at seven in Rome. Options can be changed
// before.
func (s *site) node(change ...func(*digest.Options)) *node {
	s.t.Helper()
	n := &node{t: s.t, metrics: prometheus.NewRegistry()}
	o := digest.Options{
		Digests: []digest.Definition{{
			Name: s.name, Schedule: spec(s.t, "CRON_TZ=Europe/Rome 0 7 * * 1-5"), Feeds: []string{"travel"},
		}},
		Source: s, Enqueue: s.enqueue, SiteTitle: "Example News", BaseURL: "https://example.com", Language: "en",
		Now: s.clock.Now, Registerer: n.metrics, Logger: slog.New(slog.DiscardHandler),
	}
	if s.store != nil {
		o.Bucket = s.store.Bucket("digests")
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if n.Digests, err = digest.New(o); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// to sends the digest to these addresses.
func to(addresses ...string) func(*digest.Options) {
	return func(o *digest.Options) { o.Digests[0].To = addresses }
}

// sweep must succeed.
func (n *node) sweep() {
	n.t.Helper()
	if err := n.Sweep(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// targets lists those of a notice.
func (n *node) targets(of outbox.Notice) []outbox.Target {
	return slices.Collect(func(yield func(outbox.Target) bool) { n.Targets(of, yield) })
}

// send sends the notice to all its targets as the outbox does, and returns their errors.
func (n *node) send(notice outbox.Notice) error {
	n.t.Helper()
	payload, err := n.Pack(n.t.Context(), notice)
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	var errs []error
	for _, to := range n.targets(notice) {
		errs = append(errs, payload.Send(n.t.Context(), to))
	}
	return errors.Join(errs...)
}

func spec(t testing.TB, text string) digest.Schedule {
	t.Helper()
	s, err := schedule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rome is a time there.
func rome(t testing.TB, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// wantDigests compares the galleries of each digest that was enqueued, by key.
func (s *site) wantDigests(want ...string) {
	s.t.Helper()
	var got []string
	for _, n := range s.notices() {
		got = append(got, keysOf(s.t, n))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("digests of %q, want %q", got, want)
	}
}

// keysOf are the keys of a notice's galleries, one after the other.
func keysOf(t testing.TB, n outbox.Notice) string {
	t.Helper()
	var data struct{ Galleries []string }
	if err := json.Unmarshal(n.Data, &data); err != nil {
		t.Fatal(err)
	}
	return strings.Join(data.Galleries, "")
}
