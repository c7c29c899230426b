package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// walk reads an archive from its newest page to the end, doing something
// between two pages.
func walk(t *testing.T, w *world, s *Selection, between func()) []Page {
	t.Helper()
	var pages []Page
	for name := newestPage(s, w.now); name != ""; {
		p, ok := s.Page(name, w.now)
		if !ok || p.Name != name || !s.HasPage(name, w.now) {
			t.Fatalf("no page %q", name)
		}
		if pages = append(pages, p); len(pages) > 5000 {
			t.Fatal("a walk that does not end")
		}
		between()
		name = p.Older
	}
	return pages
}

// act does something to a random gallery of about a hundred.
func act(w *world, random *rand.Rand) (id string) {
	id = fmt.Sprint("g", random.IntN(120))
	w.pass(time.Duration(random.IntN(120)) * time.Second)
	some := func() time.Duration { return time.Duration(random.IntN(2000)) * time.Minute }
	switch random.IntN(10) {
	case 0, 1:
		w.takeDown(id)
	case 2:
		w.publish(id, at(w.now.Add(some())))
	case 3:
		w.publish(id, at(w.now.Add(-some())), until(w.now.Add(some()/10)))
	case 4:
		w.publish(id, withheld)
	case 5, 6:
		w.publish(id)
	default: // late, often at the very same instant as another
		w.publish(id, at(w.now.Add(-some()).Truncate(time.Hour)))
	}
	return id
}

// An archive is every visible gallery exactly once, and a page of it changes
// only when a gallery of its own does.
func TestPagesChangeOnlyByTheirOwnGalleries(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		w := newWorld(t, 4)
		s := w.Select(Match{}, ByPublished)
		random := rand.New(rand.NewPCG(seed, 1))
		before := map[string]Page{}
		for step := range 700 {
			act(w, random)
			now := map[string]Page{}
			var shown []string
			for _, p := range walk(t, w, s, func() {}) {
				now[p.Name] = p
				shown = append(shown, idsOf(p.Entries)...)
			}
			if diff := cmp.Diff(idsOf(s.View(1000, w.now).Entries), append([]string{}, shown...)); diff != "" {
				t.Fatalf("seed %d, step %d: (-all +pages)\n%s", seed, step, diff)
			}
			for name, was := range before {
				if p, still := now[name]; still && slices.Equal(p.Entries, was.Entries) && p.Older != was.Older {
					t.Fatalf("seed %d, step %d: page %s led to %q and leads to %q", seed, step, name, was.Older, p.Older)
				}
			}
			if galleries, pages := changes(before, now); pages > 4*galleries {
				t.Fatalf("seed %d, step %d: %d pages changed by %d galleries", seed, step, pages, galleries)
			}
			before = now
		}
	}
}

// changes counts the galleries that came, went or changed, and the pages that
// did. A gallery that moves, at the end of a page, concerns four.
func changes(before, now map[string]Page) (galleries, pages int) {
	was, is := shown(before), shown(now)
	for e := range was {
		if !is[e] {
			galleries++
		}
	}
	for e := range is {
		if !was[e] {
			galleries++
		}
	}
	for name, p := range now {
		if old, still := before[name]; !still || !slices.Equal(p.Entries, old.Entries) {
			pages++
		}
	}
	return galleries, pages
}

func shown(pages map[string]Page) map[*Entry]bool {
	all := map[*Entry]bool{}
	for _, p := range pages {
		for _, e := range p.Entries {
			all[e] = true
		}
	}
	return all
}

// Whatever happens during a walk, a gallery that nothing happens to is met once.
func TestWalkMeetsEveryGalleryOnceDuringChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		w := newWorld(t, 4)
		s := w.Select(Match{}, ByPublished)
		random := rand.New(rand.NewPCG(seed, 2))
		for range 300 {
			act(w, random)
		}
		quiet := map[string]*Entry{}
		for _, e := range s.View(1000, w.now).Entries {
			quiet[e.ID] = e
		}
		met := map[string]int{}
		for _, p := range walk(t, w, s, func() {
			for range random.IntN(6) {
				delete(quiet, act(w, random))
			}
		}) {
			for _, e := range p.Entries {
				met[e.ID]++
			}
		}
		for id, e := range quiet {
			if e.VisibleAt(w.now) && met[id] != 1 {
				t.Errorf("seed %d: %s was met %d times", seed, id, met[id])
			}
		}
	}
}

// cutting returns ids below which an archive of that page size is cut, and ids
// below which it is not.
func cutting(page uint32) (cuts, others []string) {
	for i := range 400 {
		if id := fmt.Sprint("p", i); pageHash(id)%page == 0 {
			cuts = append(cuts, id)
		} else {
			others = append(others, id)
		}
	}
	return cuts, others
}

func TestWalkAfterTheLastGalleryOfAPageIsTakenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	s := w.Select(Match{}, ByPublished)
	cuts, others := cutting(4)
	for i, id := range []string{others[0], cuts[0], others[1], others[2], cuts[1], others[3]} {
		w.publish(id, at(dawn.Add(time.Duration(i-10)*time.Hour)))
	}
	newest, _ := s.Page(NewestPage, w.now)
	w.takeDown(cuts[1])
	next, ok := s.Page(newest.Older, w.now)
	if want := []string{others[2], others[1], cuts[0]}; !ok || !cmp.Equal(idsOf(next.Entries), want) {
		t.Errorf("the page below what is gone: %v, want %v", idsOf(next.Entries), want)
	}
	if above, ok := s.PageAfter(newest.Older, w.now); !ok || above != NewestPage {
		t.Errorf("above it is %q", above)
	}
	last, _ := s.Page(next.Older, w.now)
	if !cmp.Equal(idsOf(last.Entries), []string{others[0]}) || last.Older != "" {
		t.Errorf("the last page: %v, then %q", idsOf(last.Entries), last.Older)
	}
}

func TestPageAfterLeadsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	s := w.Select(Match{}, ByPublished)
	random := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		act(w, random)
	}
	pages := walk(t, w, s, func() {})
	if len(pages) < 5 {
		t.Fatalf("only %d pages", len(pages))
	}
	for i, p := range pages[1:] {
		if above, ok := s.PageAfter(p.Name, w.now); !ok || above != pages[i].Name {
			t.Errorf("above %s is %q, want %q", p.Name, above, pages[i].Name)
		}
	}
	for _, name := range []string{NewestPage, "nothing", ""} {
		if above, ok := s.PageAfter(name, w.now); ok {
			t.Errorf("above %q is %q", name, above)
		}
	}
}

func TestPageNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1) // every gallery is at the end of a page
	s := w.Select(Match{}, ByPublished)
	for _, id := range []string{"plain", "no/plain id", strings.Repeat("é", 128), "a~b", strings.Repeat("x", 81), "="} {
		e := &Entry{ID: id, published: w.now.UnixNano()}
		name := pageName(e)
		place, ok := w.parsePage(name, w.now)
		if !ok || place.ID != id || place.published != e.published || strings.ContainsAny(name, "/.%") {
			t.Errorf("%q is named %q and read as %v", id, name, place)
		}
		e.published += int64(time.Hour)
		if early := pageName(e); s.HasPage(early, w.now) {
			t.Errorf("%q is there before its time", early)
		}
	}
	past := pageName(&Entry{ID: "plain", published: -5})
	if !s.HasPage(past, w.now) {
		t.Errorf("no page %q, of before 1970", past)
	}
	for _, name := range []string{
		"", "~", "newest~", "0", "0~", "~plain", "00~plain", "+1~plain", "A~plain", "1~pl ain", "1~=", "1~=%%%", "1~=cGxhaW4",
		"zzzzzzzzzzzzzzzz~plain", "1~" + strings.Repeat("x", 10_000), "1~=" + strings.Repeat("A", 10_000), "../..", "\x00", "after-1~plain",
	} {
		if _, ok := s.Page(name, w.now); ok || s.HasPage(name, w.now) {
			t.Errorf("there is a page %.40q", name)
		}
	}
	four := newWorld(t, 4)
	_, others := cutting(4)
	if name := pageName(&Entry{ID: others[0]}); four.Select(Match{}, ByPublished).HasPage(name, four.now) {
		t.Errorf("there is a page %q, where nothing is cut", name)
	}
}

// The archive of what is embargoed is the archive of nothing.
func TestPagesHoldNoEmbargoedGallery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	s := w.Select(Match{}, ByPublished)
	if got := newestPage(s, w.now); got != "" {
		t.Errorf("an empty archive begins with %q", got)
	}
	soon := w.publish("soon", at(w.now.Add(time.Hour)))
	if got := newestPage(s, w.now); got != "" {
		t.Errorf("an archive of what is embargoed begins with %q", got)
	}
	if s.HasPage(pageName(soon), w.now) {
		t.Error("its name is known")
	}
	w.publish("there")
	if p, _ := s.Page(NewestPage, w.now); !cmp.Equal(idsOf(p.Entries), []string{"there"}) {
		t.Errorf("the newest page shows %v", idsOf(p.Entries))
	}
	w.pass(time.Hour)
	if p, _ := s.Page(NewestPage, w.now); !cmp.Equal(idsOf(p.Entries), []string{"soon"}) {
		t.Errorf("then it shows %v", idsOf(p.Entries))
	}
}

func TestPagesHaveTheirSizeOnAverage(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"gallery-%d", "%08d", "urn:newsml:localhost:2026-%d", "%x"} {
		cuts := 0
		for i := range 100_000 {
			if pageHash(fmt.Sprintf(pattern, i))%100 == 0 {
				cuts++
			}
		}
		if cuts < 850 || cuts > 1150 {
			t.Errorf("ids like %s cut 100000 galleries %d times, want about 1000", pattern, cuts)
		}
	}
}

// The archive of a selection is of what is chosen, and the same after a restart.
func TestArchiveOfASelection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	match := Match{Tags: []string{"night"}}
	s := w.Select(match, ByPublished)
	for i := range 60 {
		tag := []string{"Night", "day"}[i%2]
		w.publish(fmt.Sprint("g", i), tagged(tag), at(dawn.Add(-time.Duration(i*7919%97)*time.Hour)))
	}
	names := map[string][]string{}
	for _, p := range walk(t, w, s, func() {}) {
		names[p.Name] = idsOf(p.Entries)
	}
	again := w.restart()
	restarted := map[string][]string{}
	for _, p := range walk(t, again, again.Select(match, ByPublished), func() {}) {
		restarted[p.Name] = idsOf(p.Entries)
	}
	if diff := cmp.Diff(names, restarted); diff != "" || len(names) < 3 {
		t.Errorf("pages (-ran +restarted):\n%s", diff)
	}
	if got := len(slices.Concat(slices.Collect(maps.Values(names))...)); got != 30 {
		t.Errorf("the archive has %d galleries, want 30", got)
	}
}
