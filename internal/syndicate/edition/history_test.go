package edition_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

const (
	// histories is how many random ones are tried; a quarter of them in a short run.
	histories = 8
	// seedVariable makes a test begin with the history of that seed.
	seedVariable = "GALLERYWIRE_TEST_SEED"
)

// One process that received everything and was asked on the way, and another that
// received the same in another order, more than once, and was restarted: at rest both
// serve the same bytes under the same entity tags, at every address.
func TestBytesDoNotDependOnTheWayToThem(t *testing.T) {
	t.Parallel()
	first := uint64(1)
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if first, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	server := brokertest.Server(t)
	last := first + histories
	if testing.Short() {
		last = first + histories/4
	}
	for seed := first; seed < last && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("%s=%d begins with this history", seedVariable, seed)
			h := newHistory(t, server, seed)
			asked := h.live("asked")
			restarted := h.live("restarted")
			for _, at := range h.rests {
				h.compare(asked, restarted, at)
			}
		})
	}
}

// history is a random one: what happened, and when all is looked at.
type history struct {
	t      *testing.T
	server *brokertest.External
	random *rand.Rand
	stubs  bool
	order  index.Order // of feeds that nobody configures
	events []catalogue.Revision
	rests  []time.Time // the first is after all events
	pages  map[edition.Ref]bool
}

func newHistory(t *testing.T, server *brokertest.External, seed uint64) *history {
	h := &history{t: t, server: server, random: rand.New(rand.NewPCG(seed, 4)), pages: map[edition.Ref]bool{}, stubs: seed%2 == 0, order: index.Order(seed / 2 % 2)}
	for range 40 {
		id := pick(h.random, "a", "b", "c", "d", "e", "f", "g", "h i")
		if h.random.IntN(4) == 0 {
			h.events = append(h.events, h.takeDown(id))
			continue
		}
		h.events = append(h.events, storetest.Publication(t, h.gallery(id)))
	}
	for _, after := range []time.Duration{6, 9, 14, 26, 40, 200} {
		h.rests = append(h.rests, noon.Add(after*time.Hour+time.Minute))
	}
	return h
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// hour is one of few, so that many things happen at once.
func (h *history) hour(from, to int) time.Time {
	return noon.Add(time.Duration(from+h.random.IntN(to-from)) * time.Hour)
}

// maybe is the instant in one of four cases.
func (h *history) maybe(at time.Time) time.Time {
	if h.random.IntN(4) == 0 {
		return at
	}
	return time.Time{}
}

func (h *history) gallery(id string) *gallery.Gallery {
	r := h.random
	g := photo(id, section(pick(r, "", "Travel", "travel", "TRAVEL", "Night Life", "night-life", "Sport")),
		tags(pick(r, []string{"night"}, []string{"Night", "c++"}, []string{"C++", "harbour lights"}, []string{"harbour-lights"}, nil)...),
		author(pick(r, "A. Writer", "a. writer", "B. Painter")))
	g.Title = fmt.Sprint("Title ", r.IntN(100))
	g.GUID = pick(r, "", "", "https://old.example.com/?p=1", "https://old.example.com/?p=2", "number 9")
	g.Language = pick(r, "en", "de", "de-AT", "")
	g.Published, g.Updated, g.Version = h.hour(-9, 4), h.hour(-9, 1), int64(r.IntN(2))
	g.Expires, g.Rights.Until = h.maybe(h.hour(-6, 12)), h.maybe(h.hour(-6, 12))
	if r.IntN(8) == 0 {
		g.Rights.Syndicate = new(bool)
	}
	for i := range g.Slides {
		g.Slides[i].Rights.Until = h.maybe(h.hour(-6, 12))
	}
	return g
}

func (h *history) takeDown(id string) catalogue.Revision {
	reason := pick(h.random, "", "The agency withdrew it", "A person asked")
	rank := gallery.Rank{Updated: h.hour(-9, 2), Version: int64(h.random.IntN(2)), TakeDown: true}
	body, err := json.Marshal(map[string]any{"id": id, "reason": reason, "rank": rank})
	if err != nil {
		h.t.Fatal(err)
	}
	rank.Hash = gallery.HashOf(body)
	return catalogue.Revision{ID: id, Rank: rank, Body: body, Reason: reason}
}

// start is a process on what the bucket of that name holds.
func (h *history) start(bucket string, now time.Time) *node {
	return startNode(h.t, func(o *options) {
		o.server, o.bucket, o.now, o.page, o.keep, o.stubs = h.server, bucket, now, 3, 12*time.Hour, h.stubs
		o.feeds = []edition.Definition{
			{Name: "all", Title: "All", Items: 4},
			{Name: "fresh", Items: 3, Order: index.ByUpdated, Content: feed.Summary},
			{Name: "travel", Items: 2, Match: index.Match{Sections: []string{"Travel"}, Languages: []string{"en", "de"}}},
		}
		o.few.Items, o.few.Order = 2, h.order
	})
}

// live has the events happen in an order of their own, until the first rest. The
// process that is asked lives on; the other is restarted, and receives some of them twice.
func (h *history) live(how string) *node {
	bucket := fmt.Sprint(h.t.Name(), how)
	bucket = gallery.HashOf([]byte(bucket)).String()
	n := h.start(bucket, noon)
	events := slices.Clone(h.events)
	if how == "restarted" {
		events = append(events, events[:len(events)/3]...)
	}
	h.random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	step := h.rests[0].Sub(noon) / time.Duration(len(events))
	for _, r := range events {
		if _, err := n.Put(h.t.Context(), r); err != nil {
			h.t.Fatal(err)
		}
		n.Settle()
		n.Clock.Advance(step)
		switch now := h.random.IntN(6); {
		case now == 0 && how == "restarted":
			n = h.start(bucket, n.Clock.Now())
		case now < 3:
			h.everything(n)
		}
	}
	if how == "restarted" {
		n = h.start(bucket, n.Clock.Now())
	}
	return n
}

// everything is what the process serves, by address: entity tag and bytes, or why
// there is nothing.
func (h *history) everything(n *node) map[string]string {
	refs := []edition.Ref{{Kind: edition.Feed, Name: "all"}, {Kind: edition.Feed, Name: "fresh"}, {Kind: edition.Feed, Name: "travel"}}
	names := map[edition.Kind][]string{
		edition.Section: {"Travel", "Night Life", "night-life", "Sport"}, edition.Tag: {"night", "c++", "C++", "harbour lights", "harbour-lights"},
		edition.Author: {"A. Writer", "B. Painter"},
	}
	for kind, all := range names {
		for _, name := range all {
			refs = append(refs, edition.Ref{Kind: kind, Name: gallery.Slug(name)})
		}
	}
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h i"} {
		refs = append(refs, slidesOf(gallery.Key(id)))
	}
	served := map[string]string{}
	for _, ref := range append(refs, slices.Collect(maps.Keys(h.pages))...) {
		for next := h.serve(n, ref, served); next != (edition.Ref{}); {
			h.pages[next] = true
			next = h.serve(n, next, served)
		}
	}
	return served
}

// serve notes what is at the addresses of ref, and returns the page of its archive
// that it leads to.
func (h *history) serve(n *node, ref edition.Ref, served map[string]string) (older edition.Ref) {
	e, err := n.editions.Edition(h.t.Context(), ref)
	for _, f := range feed.Formats() {
		path := ref.Path(f)
		switch {
		case errors.Is(err, edition.ErrGone):
			served[path] = "gone"
		case errors.Is(err, edition.ErrUnknown):
			served[path] = "unknown"
		case err != nil:
			h.t.Fatalf("%s: %v", path, err)
		default:
			served[path] = e.Document(f).ETag + "\n" + string(e.Document(f).Bytes())
			if known, ok := n.editions.ETag(ref, f); ok && known != e.Document(f).ETag {
				h.t.Errorf("%s has the entity tag %s, and ETag returns %s", path, e.Document(f).ETag, known)
			}
		}
	}
	if err != nil {
		return edition.Ref{}
	}
	if next := prevArchive(h.t, e.Document(feed.Atom)); next != "" {
		return refOf(h.t, next)
	}
	return edition.Ref{}
}

func (h *history) compare(asked, restarted *node, at time.Time) {
	asked.Clock.Set(at)
	restarted.Clock.Set(at)
	h.everything(restarted) // pages that only one of them has shown
	want, got := h.everything(asked), h.everything(restarted)
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("at %s (-asked +restarted):\n%.6000s", at, diff)
	}
	if len(want) < 60 {
		h.t.Errorf("only %d documents", len(want))
	}
}
