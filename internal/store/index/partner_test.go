package index

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	gocmp "github.com/google/go-cmp/cmp"
)

// partners are audiences that differ in all that an audience can.
func partners() []*gallery.Audience {
	rules := []gallery.Rule{gallery.NewRule(nil, []string{"AP"}, []string{"msn"}, nil, ""), gallery.NewRule([]string{"Getty"}, nil, nil, []string{"late"}, "")}
	return []*gallery.Audience{
		{Name: "msn", Rules: rules},
		{Name: "late", Delay: 2 * time.Hour, Rules: rules},
		{Name: "young", MaxAge: 5 * time.Hour, Groups: []string{"msn"}},
		{Name: "both", Delay: time.Hour, MaxAge: 6 * time.Hour},
		{Name: "strict", DenyUnstated: true, Groups: []string{"msn"}, Rules: append(rules, gallery.NewExclusion([]string{"Staff"}, []string{"Other"}, ""))},
	}
}

// history publishes galleries at random, corrects them and takes them down.
type history struct {
	*rand.Rand
	*world
	galleries map[string]*gallery.Gallery // the latest revisions of those that are not taken down
}

func newHistory(t *testing.T, audiences []*gallery.Audience) *history {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("seed", seed)
		}
	})
	h := &history{Rand: rand.New(rand.NewPCG(seed, 0)), world: newWorld(t, 3), galleries: map[string]*gallery.Gallery{}}
	h.Index = New(Options{ArchivePage: 3, Tombstones: 4 * time.Hour, Partners: audiences})
	h.Fill(map[string]*Entry{}, dawn, 0, dawn)
	return h
}

func (h *history) one(of ...string) string { return of[h.IntN(len(of))] }

func (h *history) instant() (t time.Time) {
	if h.IntN(3) > 0 {
		return t
	}
	return h.now.Add(time.Duration(h.IntN(16)-4) * 30 * time.Minute)
}

func (h *history) rights() gallery.Rights {
	r := gallery.Rights{From: h.instant(), Until: h.instant()}
	switch h.IntN(6) {
	case 0:
		r.Allow = []string{h.one("msn", "late", "public")}
	case 1:
		r.Deny = []string{h.one("msn", "both", "public")}
	case 2:
		r.Syndicate = new(bool)
		*r.Syndicate = h.IntN(3) > 0
	}
	return r
}

// step lets some time pass, and publishes a gallery or takes one down.
func (h *history) step() {
	h.pass(time.Duration(1+h.IntN(50)) * time.Minute)
	id := fmt.Sprintf("g%d", h.IntN(16))
	if h.IntN(7) == 0 && h.galleries[id] != nil {
		h.takeDown(id)
		delete(h.galleries, id)
		return
	}
	h.publish(id, func(g *gallery.Gallery) {
		g.Published = h.now.Add(time.Duration(h.IntN(14)-10) * 30 * time.Minute)
		g.Updated, g.Expires, g.Rights, g.Section, g.Tags = h.now, h.instant(), h.rights(), h.one("Travel", "Sport"), []string{h.one("day", "night")}
		if g.Updated.Before(g.Published) {
			g.Updated = g.Published
		}
		if h.IntN(5) == 0 {
			g.Sources = []string{h.one("AP", "Other")}
		}
		for range h.IntN(3) {
			g.Slides = append(g.Slides, gallery.Slide{Credit: h.one("Getty", "Staff", "A. Writer"), Rights: h.rights()})
		}
		h.galleries[id] = g
	})
}

// shown lists what the audience is shown by the galleries' own terms: the newest first, each
// with its update.
func (h *history) shown(c Choice) (list []string) {
	type place struct {
		rank time.Time
		id   string
		text string
	}
	var places []place
	for id, g := range h.galleries {
		terms := g.Terms()
		fs := facetsOf(g)
		if !c.Match.folded().matches(fs) || c.Exclude.folded().has(fs) || !c.Audience.Gallery(terms, h.now).Shown {
			continue
		}
		terms.Updated = h.Find(id).Rank.Updated
		updated := c.Audience.UpdatedAt(terms, h.now)
		p := place{g.Published, id, fmt.Sprint(id, " ", updated.Format(time.TimeOnly))}
		if c.Order == ByUpdated {
			p.rank = updated
		}
		places = append(places, p)
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Or(b.rank.Compare(a.rank), strings.Compare(b.id, a.id)) })
	for _, p := range places {
		list = append(list, p.text)
	}
	return list
}

func dated(entries []*Entry, now time.Time) (list []string) {
	for _, e := range entries {
		list = append(list, fmt.Sprint(e.ID, " ", e.UpdatedAt(now).Format(time.TimeOnly)))
	}
	return list
}

func choices(audiences []*gallery.Audience) (all []Choice) {
	for i, a := range audiences {
		for _, o := range []Order{ByPublished, ByUpdated} {
			all = append(all, Choice{Audience: a, Order: o}, Choice{
				Audience: a, Order: o, Match: Match{Sections: []string{"travel"}}, Exclude: Match{Tags: [][]string{nil, {"NIGHT"}}[i%2]},
			})
		}
	}
	return all
}

// Over random histories a partner's selection shows what the galleries' own terms say, in its
// order, and a process that begins later shows the same, with the same dates and the
// same withdrawals; whatever changes what is shown touches the selection in both; its archive
// has each of these galleries once.
func TestPartnersSelectionShowsWhatTheTermsSay(t *testing.T) {
	t.Parallel()
	audiences := partners()
	for range 4 {
		h := newHistory(t, audiences)
		var running []*Selection
		for _, c := range choices(audiences) {
			running = append(running, h.Choose(c))
		}
		before, touched := make([]string, len(running)), make([]time.Time, len(running))
		for i := range before {
			before[i] = "[] []"
		}
		for range 60 {
			looked := h.now
			h.step()
			again := h.restart()
			again.opts.Partners = audiences
			for i, c := range choices(audiences) {
				what := fmt.Sprintf("%s, order %d, %v, at %s", c.Audience.Name, c.Order, c.Match, h.now.Format(time.TimeOnly))
				v := running[i].View(9, h.now)
				want := h.shown(c)
				if diff := gocmp.Diff(want[:min(9, len(want))], dated(v.Entries, h.now)); diff != "" || v.More != (len(want) > 9) {
					t.Fatalf("%s (-want +got), more: %t\n%s", what, v.More, diff)
				}
				s := again.Choose(c)
				u := s.View(9, h.now)
				if diff := gocmp.Diff(dated(v.Entries, h.now), dated(u.Entries, h.now)); diff != "" {
					t.Fatalf("%s, restarted (-running +restarted)\n%s", what, diff)
				}
				if diff := gocmp.Diff(idsOf(v.Gone), idsOf(u.Gone)); diff != "" {
					t.Fatalf("%s: gone, restarted (-running +restarted)\n%s", what, diff)
				}
				content := fmt.Sprint(dated(v.Entries, h.now), idsOf(v.Gone))
				if content != before[i] && (!v.Touched.After(looked) || !u.Touched.After(looked)) || v.Touched.Before(touched[i]) || u.Touched.After(v.Touched) {
					t.Fatalf("%s: touched %s, restarted %s\nat %s it was %s\nnow it is %s", what, v.Touched, u.Touched, looked, before[i], content)
				}
				before[i], touched[i] = content, v.Touched
				if c.Order == ByPublished {
					var ids []string
					for _, p := range walk(t, h.world, running[i], func() {}) {
						ids = append(ids, dated(p.Entries, h.now)...)
					}
					if diff := gocmp.Diff(want, ids); diff != "" {
						t.Fatalf("%s, archive (-want +got)\n%s", what, diff)
					}
				}
			}
		}
	}
}

// A correction may keep the date of what it corrects, and a take-down may be dated before a
// release that came before it: a delayed partner that was shown the gallery is told.
func TestADelayedPartnerIsToldOfWhatIsDatedBeforeItsRelease(t *testing.T) {
	t.Parallel()
	late := &gallery.Audience{Name: "late", Delay: time.Hour}
	for name, happen := range map[string]func(w *world){
		"taken down": func(w *world) {
			w.apply(Revision{ID: "a", Rank: gallery.Rank{Updated: dawn.Add(time.Second), TakeDown: true}})
		},
		"denied": func(w *world) {
			r := revision("a", 0, deny("late"))
			r.Rank.Version = 2
			w.apply(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 100)
			w.opts.Partners = []*gallery.Audience{late}
			w.Index = New(w.opts)
			w.Fill(map[string]*Entry{}, dawn, 0, dawn)
			s := w.Choose(Choice{Audience: late})
			w.apply(revision("a", 0, in("Travel")))
			w.pass(2 * time.Hour)
			if got := idsOf(s.View(9, w.now).Entries); !gocmp.Equal(got, []string{"a"}) {
				t.Fatalf("shows %v", got)
			}
			from, known := w.Position(w.now), s.Newest(w.now)
			w.pass(time.Minute)
			happen(w)
			again := w.restart()
			for _, s := range []*Selection{s, again.Choose(Choice{Audience: late})} {
				if v := s.View(9, w.now); len(v.Entries) > 0 || !v.Touched.Equal(w.now) {
					t.Errorf("shows %v, touched at %s, not %s", idsOf(v.Entries), v.Touched, w.now)
				}
				news, _, _, _, ok := s.News(Position{from.Epoch, known.Revision, from.Passed}, known, 9, w.now)
				if !ok || len(news) != 1 || news[0].Gone == "" {
					t.Errorf("news: %+v, %t", news, ok)
				}
			}
			if v := s.View(9, w.now); name == "taken down" && !gocmp.Equal(idsOf(v.Gone), []string{"a"}) {
				t.Errorf("gone: %v", idsOf(v.Gone))
			}
		})
	}
}

// However much a record has to remember, the take-down of a gallery knows who could see it.
func TestALongTakeDownKeepsWhatItEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	all := w.Select(Match{}, ByPublished)
	for i := range 3 {
		var tags []string
		for j := range 200 {
			tags = append(tags, fmt.Sprintf("%d-%d-%s", i, j, strings.Repeat("x", 95)))
		}
		w.pass(time.Minute)
		w.publish("a", tagged(tags...), allow("msn"))
	}
	w.pass(time.Minute)
	w.takeDown("a")
	for _, s := range []*Selection{all, w.restart().Select(Match{}, ByPublished)} {
		if v := s.View(9, w.now); len(v.Gone) > 0 {
			t.Errorf("the public is told that %v is gone", idsOf(v.Gone))
		}
	}
	msn := w.restart().Choose(Choice{Audience: &gallery.Audience{Name: "msn"}})
	if v := msn.View(9, w.now); !gocmp.Equal(idsOf(v.Gone), []string{"a"}) {
		t.Errorf("its partner is told that %v is gone", idsOf(v.Gone))
	}
}
