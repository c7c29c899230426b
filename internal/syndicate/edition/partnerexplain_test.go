package edition_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/google/go-cmp/cmp"
)

// partnersHistory publishes random galleries to nodes with random partners, corrects them
// and takes them down. The title of a gallery and the address of a slide are only in what
// shows them.
type partnersHistory struct {
	*rand.Rand
	now      time.Time
	ids      []string
	partners []edition.PartnerFeed
}

func newPartnersHistory(seed, stream uint64) *partnersHistory {
	h := &partnersHistory{Rand: rand.New(rand.NewPCG(seed, stream)), now: noon}
	for i, name := range []string{"msn", "yahoo", "flip"} {
		a := &gallery.Audience{Name: name, Groups: some(h, "aggregators"), DenyUnstated: h.IntN(5) == 0, Rules: theRules().Rules}
		a.Delay = []time.Duration{0, 0, 30 * time.Minute, 2 * time.Hour}[h.IntN(4)]
		if h.IntN(3) == 0 {
			a.MaxAge = a.Delay + 3*time.Hour
		}
		if h.IntN(2) == 0 {
			a.Rules = append(a.Rules, gallery.NewExclusion(some(h, "Staff *"), some(h, "dpa"), fmt.Sprintf("partners[%d].exclude", i)))
		}
		h.partners = append(h.partners, msnFeed(a, "", func(p *edition.PartnerFeed) {
			p.Items, p.Order, p.Where = 2+h.IntN(8), index.Order(h.IntN(2)), fmt.Sprintf("partners[%d]", i)
			p.Match = index.Match{Sections: some(h, "travel"), Languages: some(h, "en")}
			p.Exclude = index.Match{Tags: some(h, "day"), Authors: some(h, "B. Writer")}
		}))
	}
	return h
}

// some returns a list with that text, or none.
func some(h *partnersHistory, text string) []string {
	if h.IntN(3) > 0 {
		return nil
	}
	return []string{text}
}

func (h *partnersHistory) instant() time.Time {
	if h.IntN(3) > 0 {
		return time.Time{}
	}
	return h.now.Add(time.Duration(h.IntN(12)-4) * 30 * time.Minute)
}

func (h *partnersHistory) rights() gallery.Rights {
	r := gallery.Rights{From: h.instant(), Until: h.instant()}
	for range h.IntN(3) {
		name := []string{"msn", "yahoo", "Aggregators", "public", "nobody"}[h.IntN(5)]
		if h.IntN(3) == 0 {
			r.Deny = append(r.Deny, name)
		} else {
			r.Allow = append(r.Allow, name)
		}
	}
	return r
}

func (h *partnersHistory) gallery(id string) *gallery.Gallery {
	g := &gallery.Gallery{
		ID: id, Title: "Title of " + id + ".", Published: h.now.Add(time.Duration(h.IntN(10)-7) * time.Hour / 2), Updated: h.now, Version: h.Int64N(1 << 40), Expires: h.instant(),
		Section: []string{"Travel", "Sport"}[h.IntN(2)], Tags: []string{[]string{"night", "day"}[h.IntN(2)]}, Language: []string{"en", "en-GB", "de"}[h.IntN(3)],
		Authors: []gallery.Author{{Name: []string{"A. Writer", "B. Writer"}[h.IntN(2)]}}, Sources: [][]string{nil, {"AP"}, {"dpa"}}[h.IntN(3)],
	}
	if h.IntN(2) == 0 {
		g.Rights = h.rights()
	}
	for i := range h.IntN(4) {
		address := fmt.Sprintf("https://img.example.com/%s/%d.jpg", id, i)
		g.Body += fmt.Sprintf(`<p><a href="%s">large</a><img src="%s" alt=""></p>`, address, address)
		s := gallery.Slide{Image: gallery.Image{URL: address}, Credit: []string{"Getty Images", "Staff writer", "Agency"}[h.IntN(3)]}
		if h.IntN(2) == 0 {
			s.Rights = h.rights()
		}
		g.Slides = append(g.Slides, s)
	}
	return g
}

// step lets some time pass and something happen.
func (h *partnersHistory) step(n *node) {
	h.now = h.now.Add(time.Duration(1+h.IntN(40)) * time.Minute)
	n.Clock.Set(h.now)
	switch id := fmt.Sprintf("g%d", h.IntN(12)); {
	case h.IntN(8) == 0 && len(h.ids) > 0:
		n.TakeDown(h.ids[h.IntN(len(h.ids))])
	case h.IntN(3) > 0:
		n.Publish(h.gallery(id))
		if !slices.Contains(h.ids, id) {
			h.ids = append(h.ids, id)
		}
	}
}

func (h *partnersHistory) node(t *testing.T) (*node, []*edition.Set) {
	n := startNode(t, func(o *options) {
		o.public, o.page = theRules(), 3
		for _, p := range h.partners {
			o.others = append(o.others, p.Audience)
		}
	})
	var sets []*edition.Set
	for _, p := range h.partners {
		sets = append(sets, n.editions.For(p))
	}
	return n, sets
}

// text is all that is shown of a feed, but for what it says is gone; empty if there is none.
func text(t *testing.T, s *edition.Set, ref edition.Ref) (e *edition.Edition, all string) {
	t.Helper()
	e, err := s.Edition(t.Context(), ref)
	if err != nil {
		return nil, ""
	}
	for _, doc := range e.Documents {
		all += string(doc.Bytes())
	}
	return e, all
}

// Random galleries and partners over a random time: what explains says "in" if and only if
// a document has the gallery, and of a slide if and only if it has the picture. A node that
// has just started has the same documents.
func TestExplainAgreesWithWhatPartnersGet(t *testing.T) {
	seed := rand.Uint64()
	h := newPartnersHistory(seed, 3)
	n, sets := h.node(t)
	in := 0
	for step := range 60 {
		h.step(n)
		for i, s := range sets {
			ref := edition.Ref{Kind: edition.Partner, Name: h.partners[i].Name}
			e, whole := text(t, s, ref)
			shown := itemIDs(t, e)
			for _, id := range h.ids {
				list, err := s.Explain(t.Context(), id, h.now)
				if err != nil || len(list) != 2 {
					t.Fatalf("seed %d, step %d: %v, %v", seed, step, list, err)
				}
				if now, err := s.Explain(t.Context(), id, time.Time{}); err != nil || cmp.Diff(list, now) != "" {
					t.Fatalf("seed %d, step %d: for now %v, for the instant that it is %v: %v", seed, step, now, list, err)
				}
				_, own := text(t, s, edition.Ref{Kind: edition.Gallery, Name: id})
				for j, rendered := range []string{own, whole} {
					x := list[j]
					is := j == 0 && own != "" || j == 1 && slices.Contains(shown, "tag:example.com,2026:"+id)
					if x.Shown != is || strings.Contains(rendered, "Title of "+id+".") != is {
						t.Fatalf("seed %d, step %d, %+v: %s: %+v, rendered: %t", seed, step, h.partners[i], id, x, is)
					}
					for _, slide := range x.Slides {
						picture := fmt.Sprintf("https://img.example.com/%s/%d.jpg", id, slide.Slide)
						if strings.Contains(rendered, picture) != (is && slide.Shown) {
							t.Fatalf("seed %d, step %d, %+v: slide %d of %s: %+v, %+v", seed, step, h.partners[i], slide.Slide, id, x, slide)
						}
					}
					if x.Shown {
						in++
					}
				}
			}
			if step%10 == 9 {
				o := n.options
				if _, fresh := text(t, edition.New(o).For(h.partners[i]), ref); fresh != whole {
					diff := cmp.Diff(strings.Split(whole, "\n"), strings.Split(fresh, "\n"))
					t.Fatalf("seed %d, step %d: a set that was just made has other documents\n%s", seed, step, diff)
				}
			}
		}
	}
	if in == 0 {
		t.Errorf("seed %d: no partner ever got anything", seed)
	}
}

// What is explained for an instant to come is what partners get then, though no event comes.
func TestExplainPredictsWhatPartnersGet(t *testing.T) {
	seed := rand.Uint64()
	h := newPartnersHistory(seed, 4)
	n, sets := h.node(t)
	for range 30 {
		h.step(n)
	}
	type forecast struct {
		set int
		id  string
	}
	predicted := map[time.Time]map[forecast][]edition.Explanation{}
	var instants []time.Time
	explain := func(at time.Time) map[forecast][]edition.Explanation {
		all := map[forecast][]edition.Explanation{}
		for i, s := range sets {
			for _, id := range h.ids {
				list, err := s.Explain(t.Context(), id, at)
				if err != nil {
					t.Fatal(err)
				}
				all[forecast{i, id}] = list
			}
		}
		return all
	}
	for i := range 30 {
		at := h.now.Add(time.Duration(i) * 11 * time.Minute)
		instants, predicted[at] = append(instants, at), explain(at)
	}
	for i, at := range instants {
		n.Clock.Set(at)
		is := explain(at)
		if diff := cmp.Diff(predicted[at], is); diff != "" {
			t.Fatalf("seed %d: at %v (-predicted +is)\n%s", seed, at, diff)
		}
		for f, now := range is {
			e, _ := text(t, sets[f.set], edition.Ref{Kind: edition.Partner, Name: h.partners[f.set].Name})
			if shown := slices.Contains(itemIDs(t, e), "tag:example.com,2026:"+f.id); shown != now[1].Shown {
				t.Fatalf("seed %d: of %+v at %v %+v, rendered: %t", seed, f, at, now[1], shown)
			}
			if next := now[0].Next; i+1 < len(instants) && (next.IsZero() || next.After(instants[i+1])) {
				then := predicted[instants[i+1]][f][0]
				if then.Shown != now[0].Shown || then.Shown && cmp.Diff(then.Slides, now[0].Slides) != "" {
					t.Fatalf("seed %d: %+v changes before %v: %+v, %+v", seed, f, next, now[0], then)
				}
			}
		}
	}
}

// The rule that is named is the one that keeps the gallery from the partner.
func TestTheRuleNamedIsTheOneThatDecidesForAPartner(t *testing.T) {
	a := &gallery.Audience{
		Name: "msn", Groups: []string{"aggregators"}, Delay: time.Hour, MaxAge: 30 * 24 * time.Hour, DenyUnstated: true,
		Rules: append(theRules().Rules, gallery.NewRule(nil, []string{"Free"}, []string{"msn"}, nil, "rights.rules[2]"), gallery.NewExclusion([]string{"Staff *"}, []string{"dpa"}, "partners[0].exclude")),
	}
	n := startNode(t, func(o *options) { o.public, o.others = theRules(), []*gallery.Audience{a} })
	s := n.editions.For(msnFeed(a, "", func(p *edition.PartnerFeed) {
		p.Items, p.Order = 2, index.ByPublished
		p.Match = index.Match{Tags: []string{"night"}, Authors: []string{"A. Writer"}}
		p.Exclude = index.Match{Sections: []string{"Sport"}, Tags: []string{"day"}, Authors: []string{"B. Writer"}, Languages: []string{"de"}}
	}))
	base := func(change func(g *gallery.Gallery)) *gallery.Gallery {
		g := &gallery.Gallery{
			ID: "a", Title: "a", Published: noon.Add(-2 * time.Hour), Updated: noon, Section: "Travel", Tags: []string{"night"}, Language: "en",
			Authors: []gallery.Author{{Name: "A. Writer"}}, Rights: gallery.Rights{Allow: []string{"aggregators"}},
			Slides: []gallery.Slide{{Image: gallery.Image{URL: "https://img.example.com/1.jpg"}}},
		}
		change(g)
		return g
	}
	for i, tt := range []struct {
		rule, where string
		change      func(g *gallery.Gallery)
	}{
		{"rights.allow", "/rights/allow/0", func(*gallery.Gallery) {}},
		{"rules.allow", "rights.rules[2]", func(g *gallery.Gallery) { g.Rights, g.Sources = gallery.Rights{}, []string{"free"} }},
		{"unstated_rights", "partners[0].unstated_rights", func(g *gallery.Gallery) { g.Rights = gallery.Rights{} }},
		{"rights.deny", "/rights/deny/0", func(g *gallery.Gallery) { g.Rights.Deny = []string{"Aggregators"} }},
		{"delay", "partners[0].delay", func(g *gallery.Gallery) { g.Published = noon.Add(-time.Minute) }},
		{"max_age", "partners[0].max_age", func(g *gallery.Gallery) { g.Published = noon.AddDate(0, 0, -31) }},
		{"exclude.sources", "partners[0].exclude.sources", func(g *gallery.Gallery) { g.Sources = []string{"DPA"} }},
		{"exclude.sections", "partners[0].exclude.sections", func(g *gallery.Gallery) { g.Section = "sport" }},
		{"exclude.tags", "partners[0].exclude.tags", func(g *gallery.Gallery) { g.Tags = []string{"night", "day"} }},
		{"exclude.authors", "partners[0].exclude.authors", func(g *gallery.Gallery) { g.Authors = append(g.Authors, gallery.Author{Name: "B. Writer"}) }},
		{"exclude.languages", "partners[0].exclude.languages", func(g *gallery.Gallery) { g.Language = "de-AT" }},
		{"match.tags", "partners[0].match.tags", func(g *gallery.Gallery) { g.Tags = nil }},
		{"match.authors", "partners[0].match.authors", func(g *gallery.Gallery) { g.Authors = nil }},
		{"match.authors", "partners[0].match.authors", func(g *gallery.Gallery) { g.Authors, g.Published = nil, noon.Add(-time.Minute) }},
		{"items", "partners[0].items", func(g *gallery.Gallery) { g.Published = noon.Add(-48 * time.Hour) }},
	} {
		g := base(tt.change)
		g.Version = int64(i + 1)
		n.Publish(g)
		if tt.rule == "items" {
			for _, id := range []string{"b", "c"} {
				newer := base(func(g *gallery.Gallery) { g.ID = id })
				n.Publish(newer)
			}
		}
		list, err := s.Explain(t.Context(), "a", noon)
		if err != nil {
			t.Fatal(err)
		}
		x, shown := list[1], tt.rule == "rights.allow" || tt.rule == "rules.allow"
		if x.Rule != tt.rule || x.Where != tt.where || x.Shown != shown || x.Audience != "msn" || x.Feed != "partners/msn" {
			t.Errorf("%s: %+v", tt.rule, x)
		}
		if own := list[0]; own.Feed != "partners/msn/galleries/a" || own.Shown != (shown || tt.rule == "items") {
			t.Errorf("%s: of the gallery's own feed %+v", tt.rule, own)
		}
		if hasNext := !x.Next.IsZero(); hasNext != (shown || tt.rule == "delay" || tt.rule == "items") {
			t.Errorf("%s: the next change is %v", tt.rule, x.Next)
		}
	}
	n.Publish(base(func(g *gallery.Gallery) { g.Version, g.Slides[0].Credit = 99, "staff photographer" }))
	list, err := s.Explain(t.Context(), "a", noon)
	if slide := list[0].Slides[0]; err != nil || slide.Rule != "exclude.credits" || slide.Where != "partners[0].exclude.credits" || slide.Shown {
		t.Errorf("%+v: %v", slide, err)
	}
	if _, all := text(t, s, edition.Ref{Kind: edition.Gallery, Name: "a"}); all == "" || strings.Contains(all, "1.jpg") {
		t.Error("the excluded picture is shown")
	}
}
