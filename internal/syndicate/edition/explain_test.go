package edition_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

// theRules are what the public may see by the configuration, in tests of rights.
func theRules() *gallery.Audience {
	return &gallery.Audience{Rules: []gallery.Rule{
		gallery.NewRule([]string{"getty*"}, nil, nil, []string{"public"}, "rights.rules[0]"),
		gallery.NewRule(nil, []string{"ap"}, []string{"msn"}, nil, "rights.rules[1]"),
	}}
}

// rightsHistory publishes random galleries, whose rights differ, to nodes, corrects them and
// takes them down. What the public never sees has the word "secret" in each of its
// texts and addresses.
type rightsHistory struct {
	*rand.Rand
	now time.Time
	ids []string
}

func (h *rightsHistory) instant() time.Time {
	if h.IntN(2) == 0 {
		return time.Time{}
	}
	return h.now.Add(time.Duration(h.IntN(12)-4) * 30 * time.Minute)
}

// rights returns some, and whether they hide from the public for good.
func (h *rightsHistory) rights() (r gallery.Rights, hide bool) {
	r = gallery.Rights{From: h.instant(), Until: h.instant()}
	switch h.IntN(7) {
	case 0:
		r.Deny, hide = []string{"msn", "Public"}, true
	case 1:
		r.Allow, hide = []string{"msn"}, true
	case 2:
		r.Syndicate, hide = new(bool), true
	case 3:
		r.Allow = []string{"msn", "public"}
	case 4:
		r.Deny = []string{"msn"}
	}
	return r, hide
}

func (h *rightsHistory) gallery(id string) *gallery.Gallery {
	g := &gallery.Gallery{ID: id, Title: id, Published: h.now.Add(time.Duration(h.IntN(8)-5) * time.Hour / 2), Updated: h.now, Version: h.Int64N(1 << 40), Expires: h.instant()}
	g.Section, g.Tags = []string{"Travel", "Sport"}[h.IntN(2)], []string{[]string{"night", "day"}[h.IntN(2)]}
	rights, hidden := h.rights()
	g.Rights = rights
	if h.IntN(6) == 0 {
		g.Sources, hidden = []string{"AP"}, true
	}
	if hidden {
		g.Title, g.Section, g.Tags, g.URL = "secret", "Secret section", []string{"secret"}, "https://news.example.com/secret"
	}
	for i := range h.IntN(4) {
		s := gallery.Slide{ID: fmt.Sprint(i), Image: gallery.Image{URL: fmt.Sprintf("https://img.example.com/%s/%d.jpg", id, i)}}
		hide := false
		if s.Rights, hide = h.rights(); h.IntN(5) == 0 {
			s.Credit, hide = "Getty Images", true
		}
		if hide || hidden {
			s.Title, s.Credit, s.Image.URL = "secret", s.Credit+" secret", "https://img.example.com/secret.jpg"
		}
		g.Slides = append(g.Slides, s)
	}
	return g
}

// explained are the feeds in which the gallery is shown, and the rules for the others.
func explained(t *testing.T, n *node, id string, at time.Time) map[string]edition.Explanation {
	t.Helper()
	list, err := n.editions.Explain(t.Context(), id, at)
	if err != nil {
		t.Fatal(err)
	}
	byFeed := map[string]edition.Explanation{}
	for _, x := range list {
		byFeed[x.Feed] = x
	}
	return byFeed
}

// itemIDs are those of the items in the JSON document.
func itemIDs(t *testing.T, e *edition.Edition) (ids []string) {
	t.Helper()
	var doc struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(e.Document(feed.JSON).Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, item := range doc.Items {
		ids = append(ids, item.ID)
	}
	return ids
}

// Random galleries over a random time: what explains says "in" if and only if a document
// has the gallery, and of a slide if and only if it has the picture; nothing that the
// public may never see is in a byte of a document.
func TestExplainAgreesWithWhatIsRendered(t *testing.T) {
	seed := rand.Uint64()
	h := &rightsHistory{Rand: rand.New(rand.NewPCG(seed, 1)), now: noon}
	n := startNode(t, func(o *options) {
		o.public = theRules()
		o.feeds = []edition.Definition{
			{Name: "all", Title: "All", Items: 6, Where: "feeds[0]"},
			{Name: "night", Title: "Night", Items: 3, Where: "feeds[1]", Order: index.ByUpdated, Match: index.Match{Tags: []string{"night"}, Sections: []string{"travel"}}},
		}
		o.few.Items = 4
	})
	for step := range 60 {
		h.now = h.now.Add(time.Duration(1+h.IntN(40)) * time.Minute)
		n.Clock.Set(h.now)
		switch id := fmt.Sprintf("g%d", h.IntN(14)); {
		case h.IntN(8) == 0 && len(h.ids) > 0:
			n.TakeDown(h.ids[h.IntN(len(h.ids))])
		case h.IntN(3) > 0:
			n.Publish(h.gallery(id))
			h.ids = append(h.ids, id)
		}
		for _, id := range h.ids {
			for name, x := range explained(t, n, id, h.now) {
				ref, _ := edition.ParseRef(name)
				e, err := n.editions.Edition(t.Context(), ref)
				shown := false
				var bytes string
				if err == nil {
					bytes = string(e.Document(feed.JSON).Bytes())
					shown = slices.Contains(itemIDs(t, e), "tag:example.com,2026:"+id) || ref.Kind == edition.Gallery
				}
				if x.Shown != shown {
					t.Fatalf("seed %d, step %d: %s in %s: %+v, rendered: %t, %v", seed, step, id, name, x, shown, err)
				}
				for _, s := range x.Slides {
					picture := fmt.Sprintf("https://img.example.com/%s/%d.jpg", id, s.Slide)
					if rendered := strings.Contains(bytes, picture); rendered != (x.Shown && s.Shown) {
						t.Fatalf("seed %d, step %d: slide %d of %s in %s: %+v, rendered: %t", seed, step, s.Slide, id, name, s, rendered)
					}
				}
				if err == nil {
					for _, doc := range e.Documents {
						if strings.Contains(strings.ToLower(string(doc.Bytes())), "secret") {
							t.Fatalf("seed %d, step %d: %s has what the public may not see:\n%s", seed, step, name, doc.Bytes())
						}
					}
				}
			}
		}
	}
	for _, name := range n.editions.Listings() {
		if strings.Contains(strings.ToLower(name.Title), "secret") {
			t.Errorf("seed %d: listed is %s", seed, name.Title)
		}
	}
}

// What is explained for an instant to come is what is rendered then.
func TestExplainPredicts(t *testing.T) {
	seed := rand.Uint64()
	h := &rightsHistory{Rand: rand.New(rand.NewPCG(seed, 2)), now: noon}
	n := startNode(t, func(o *options) { o.public = theRules(); o.feeds[0].Items = 5 })
	for i := range 14 {
		id := fmt.Sprintf("g%d", i)
		n.Publish(h.gallery(id))
		h.ids = append(h.ids, id)
	}
	predicted := map[time.Time]map[string]map[string]edition.Explanation{}
	var instants []time.Time
	for i := range 24 {
		at := noon.Add(time.Duration(i) * 17 * time.Minute)
		instants, predicted[at] = append(instants, at), map[string]map[string]edition.Explanation{}
		for _, id := range h.ids {
			predicted[at][id] = explained(t, n, id, at)
		}
	}
	for i, at := range instants {
		n.Clock.Set(at)
		n.current("all")
		for _, id := range h.ids {
			is := explained(t, n, id, at)
			if diff := cmp.Diff(predicted[at][id], is); diff != "" {
				t.Fatalf("seed %d: of %s at %v (-predicted +is)\n%s", seed, id, at, diff)
			}
			next := is["galleries/"+id].Next
			if i+1 < len(instants) && (next.IsZero() || next.After(instants[i+1])) {
				then, now := predicted[instants[i+1]][id]["galleries/"+id], is["galleries/"+id]
				if then.Shown != now.Shown || then.Shown && cmp.Diff(then.Slides, now.Slides) != "" {
					t.Fatalf("seed %d: of %s changes before %v: %+v, %+v", seed, id, next, now, then)
				}
			}
		}
	}
}

// The rule that is named is the one that hides the gallery.
func TestTheRuleNamedIsTheOneThatDecides(t *testing.T) {
	n := startNode(t, func(o *options) {
		o.public = theRules()
		o.feeds = []edition.Definition{
			{Name: "all", Title: "All", Items: 2, Where: "feeds[0]"},
			{Name: "night", Title: "Night", Items: 2, Where: "feeds[1]", Match: index.Match{Tags: []string{"night"}, Sections: []string{"travel"}, Languages: []string{"en"}}},
		}
	})
	base := func(change func(g *gallery.Gallery)) *gallery.Gallery {
		g := &gallery.Gallery{ID: "a", Title: "a", Published: noon.Add(-time.Hour), Updated: noon, Section: "Travel", Tags: []string{"night"}, Language: "en-GB"}
		if change != nil {
			change(g)
		}
		return g
	}
	for i, tt := range []struct {
		rule, where string
		change      func(g *gallery.Gallery)
	}{
		{"default", "", nil},
		{"published", "/published", func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }},
		{"expires", "/expires", func(g *gallery.Gallery) { g.Expires = noon }},
		{"rights.syndicate", "/rights/syndicate", func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }},
		{"rights.from", "/rights/from", func(g *gallery.Gallery) { g.Rights.From = noon.Add(time.Hour) }},
		{"rights.until", "/rights/until", func(g *gallery.Gallery) { g.Rights.Until = noon }},
		{"rights.deny", "/rights/deny/0", func(g *gallery.Gallery) { g.Rights.Deny = []string{"public"} }},
		{"rights.allow", "/rights/allow", func(g *gallery.Gallery) { g.Rights.Allow = []string{"msn"} }},
		{"rules.allow", "rights.rules[1]", func(g *gallery.Gallery) { g.Sources = []string{"AP"} }},
		{"match.tags", "feeds[1].match.tags", func(g *gallery.Gallery) { g.Tags = []string{"day"} }},
		{"match.sections", "feeds[1].match.sections", func(g *gallery.Gallery) { g.Section = "Sport" }},
		{"match.languages", "feeds[1].match.languages", func(g *gallery.Gallery) { g.Language = "de" }},
		{"items", "feeds[1].items", func(g *gallery.Gallery) { g.Published = noon.AddDate(-1, 0, 0) }},
	} {
		g := base(tt.change)
		g.Version = int64(i + 1)
		n.Publish(g)
		if tt.rule == "items" {
			for _, id := range []string{"b", "c"} {
				newer := base(nil)
				newer.ID = id
				n.Publish(newer)
			}
		}
		x := explained(t, n, "a", noon)["night"]
		if x.Rule != tt.rule || x.Where != tt.where || x.Shown != (tt.rule == "default") {
			t.Errorf("%s: %+v", tt.rule, x)
		}
	}
	n.Clock.Advance(time.Second)
	n.TakeDown("a")
	if x := explained(t, n, "a", noon)["all"]; x.Rule != "taken-down" || x.Shown {
		t.Errorf("taken down: %+v", x)
	}
}
