package edition_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

func TestMain(m *testing.M) {
	edition.ShortenChanges(5)
	storetest.Main(m)
}

// changesWorld is a site of several nodes that only keep an index, and what was
// published there.
type changesWorld struct {
	*rightsHistory
	t         *testing.T
	partner   edition.PartnerFeed
	nodes     []*index.Index
	sets      []*edition.Set
	published map[string][]*publication
}

// publication is a revision of a gallery, and how long it was the latest.
type publication struct {
	gallery      *gallery.Gallery // nil: a take-down
	from, before time.Time
}

func newChangesWorld(t *testing.T, seed uint64, a *gallery.Audience) *changesWorld {
	w := &changesWorld{
		rightsHistory: &rightsHistory{Rand: rand.New(rand.NewPCG(seed, 2)), now: noon}, t: t,
		nodes: make([]*index.Index, 2), sets: make([]*edition.Set, 2), published: map[string][]*publication{},
	}
	w.partner = msnFeed(a, "")
	w.partner.Match, w.partner.Exclude = index.Match{Sections: []string{"Travel"}}, index.Match{Tags: []string{"day"}}
	for i := range w.nodes {
		w.start(i, map[string]*index.Entry{}, 0)
	}
	return w
}

func (w *changesWorld) start(node int, entries map[string]*index.Entry, last uint64) {
	x := index.New(index.Options{Tombstones: 6 * time.Hour, Public: theRules(), Partners: []*gallery.Audience{w.partner.Audience}})
	x.Fill(entries, noon, last, w.now)
	w.nodes[node] = x
	w.sets[node] = edition.New(edition.Options{
		Index: x, Now: func() time.Time { return w.now }, Site: edition.Site{BaseURL: "https://example.com"},
		Renderer: feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: "https://example.com"}),
	}).For(w.partner)
}

// restart begins a node anew with the records of what it knew.
func (w *changesWorld) restart(node int) {
	entries, old := map[string]*index.Entry{}, w.nodes[node]
	for _, id := range w.ids {
		e := old.Record(id)
		if e == nil {
			continue
		}
		if e.Lost() {
			continue // nobody reads it again
		}
		line, err := e.Line()
		if err != nil {
			w.t.Fatal(err)
		}
		if entries[id], err = index.ParseLine(string(line), e.Revision, e.Stored()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.start(node, entries, old.Revision())
}

// step lets time pass, a little or a lot, and something happen to a gallery.
func (w *changesWorld) step() {
	w.now = w.now.Add(time.Duration(10+w.IntN(40)) * time.Minute)
	if w.IntN(20) == 0 {
		w.now = w.now.Add(12 * time.Hour)
	}
	id := fmt.Sprintf("g%d", w.IntN(20))
	p := &publication{gallery: w.gallery(id), from: w.now}
	r := index.Revision{ID: id, Gallery: p.gallery, Rank: gallery.Rank{Updated: w.now, Hash: gallery.HashOf([]byte(fmt.Sprint(w.now)))}}
	if w.IntN(7) == 0 {
		p.gallery, r.Gallery, r.Rank.TakeDown = nil, nil, true
	}
	if before := w.published[id]; len(before) > 0 {
		before[len(before)-1].before = w.now
	} else {
		w.ids = append(w.ids, id)
	}
	w.published[id] = append(w.published[id], p)
	for _, x := range w.nodes {
		x.Add(r, w.now)
	}
}

// everShown reports whether the partner could see a revision of the gallery, while it was
// the latest, if it came in time.
func (w *changesWorld) everShown(id string) bool {
	all := w.published[id]
	for i, p := range all {
		if p.gallery == nil {
			continue
		}
		for _, next := range all[i+1:] { // nobody remembers the first of several take-downs
			if next.gallery != nil {
				break
			}
			p.before = next.from
		}
		from, until, ok := w.partner.Audience.Window(p.gallery.Terms())
		end := p.before
		if end.IsZero() {
			end = w.now.Add(1)
		}
		if !until.IsZero() && until.Before(end) {
			end = until
		}
		if ok && !from.After(end) && p.gallery.Section == "Travel" && p.gallery.Tags[0] != "day" {
			return true
		}
	}
	return false
}

// mirror is a client that follows a change list.
type mirror struct {
	cursor    string
	galleries map[string]string // id to what a feed says of it
}

// poll reads one part of the list from a node. It reports whether there is more.
func (m *mirror) poll(w *changesWorld, node int) bool {
	list, err := w.sets[node].Changes(m.cursor)
	if err != nil {
		w.t.Fatal(err)
	}
	if list.Reset || m.cursor == "" {
		clear(m.galleries)
	}
	seen := map[string]bool{}
	for _, c := range list.Changes {
		if seen[c.ID] {
			w.t.Errorf("%s comes twice in one part", c.ID)
		}
		if seen[c.ID] = true; !w.everShown(c.ID) {
			w.t.Errorf("%s %s: %s, which the partner could never see", w.now, c.Change, c.ID)
		}
		if c.Change == "removed" {
			if c.Reason == "" || c.URL != "" {
				w.t.Errorf("removed %+v", c)
			}
			delete(m.galleries, c.ID)
			continue
		}
		e := w.nodes[node].For(w.partner.Audience, w.nodes[node].Find(c.ID), w.now)
		if !e.VisibleAt(w.now) || c.Reason != "" || !strings.HasPrefix(c.URL, "https://example.com/partners/msn/galleries/g") || c.FeedID != "tag:example.com,2026:"+c.ID {
			w.t.Errorf("%+v, visible: %t", c, e.VisibleAt(w.now))
		}
		m.galleries[c.ID] = fmt.Sprint(e.Rank.Hash, e.Phase(w.now))
	}
	m.cursor = list.Cursor
	return list.More
}

// Over random histories, a client that follows the change list on any node, while nodes
// restart and itself crashes, has at the end what one has that reads everything; and is
// told of no gallery that it could never see.
func TestFollowingTheChangeListEndsLikeReadingAll(t *testing.T) {
	for name, a := range map[string]*gallery.Audience{
		"at once": {Name: "msn"},
		"delayed": {Name: "msn", Delay: 2 * time.Hour, MaxAge: 30 * time.Hour, Rules: theRules().Rules},
	} {
		seed := rand.Uint64()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newChangesWorld(t, seed, a)
			m := &mirror{galleries: map[string]string{}}
			for range 400 {
				w.step()
				if w.IntN(15) == 0 {
					w.restart(w.IntN(2))
				}
				if w.IntN(3) > 0 {
					continue
				}
				before := m.cursor
				m.poll(w, w.IntN(2))
				if w.IntN(5) == 0 {
					m.cursor = before // it died before it noted how far it was
				}
				if w.IntN(4) == 0 {
					w.now = w.now.Add(time.Minute)
					follow(w, m, w.IntN(2))
				}
			}
			if t.Failed() {
				t.Log("seed", seed)
			}
		})
	}
}

// follow reads the list to its end and compares with all that is shown.
func follow(w *changesWorld, m *mirror, node int) {
	w.t.Helper()
	for parts := 0; m.poll(w, node); parts++ {
		if parts > 100 {
			w.t.Fatal("a list without end")
		}
	}
	all := &mirror{galleries: map[string]string{}}
	fresh := maps.Clone(all.galleries)
	for more := true; more; {
		more = all.poll(w, 1-node)
		maps.Copy(fresh, all.galleries)
	}
	if diff := cmp.Diff(fresh, m.galleries); diff != "" {
		w.t.Fatalf("at %s (-all +followed)\n%s", w.now, diff)
	}
}

func TestChangesRefuseCursorsOfOthersAndBeginAnewAfterAnotherConfiguration(t *testing.T) {
	t.Parallel()
	w := newChangesWorld(t, 1, &gallery.Audience{Name: "msn"})
	for range 30 {
		w.step()
	}
	m := &mirror{galleries: map[string]string{}}
	for !m.poll(w, 0) { // until there are enough to list
		w.step()
		m.cursor = ""
	}
	begun := m.cursor
	for m.poll(w, 0) {
	}
	for name, cursor := range map[string]string{"text": "yesterday", "a part": m.cursor[:len(m.cursor)/2], "padded": m.cursor + "=", "JSON": "e30"} {
		if _, err := w.sets[0].Changes(cursor); !errors.Is(err, edition.ErrCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := w.sets[0].Changes(m.cursor); err != nil || list.Reset || list.More || len(list.Changes) > 0 {
		t.Errorf("nothing happened: %+v, %v", list, err)
	}
	w.partner.Exclude = index.Match{}
	w.restart(0)
	if list, err := w.sets[0].Changes(m.cursor); err != nil || !list.Reset || len(list.Changes) == 0 || list.Changes[0].Change != "created" {
		t.Errorf("chosen in another way: %+v, %v", list, err)
	}
	behind := newChangesWorld(t, 1, w.partner.Audience)
	if list, err := behind.sets[0].Changes(m.cursor); err != nil || list.Cursor != m.cursor || list.More || len(list.Changes) > 0 {
		t.Errorf("a node that is behind: %+v, %v", list, err)
	}
	if _, err := behind.sets[0].Changes(begun); !errors.Is(err, edition.ErrUnavailable) {
		t.Errorf("a node that is behind, in the middle of the list: %v", err)
	}
}
