package edition_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/google/go-cmp/cmp"
)

func TestWithheldNamesTheRulesThatHide(t *testing.T) {
	msn := &gallery.Audience{
		Name: "msn", Delay: time.Hour, MaxAge: 48 * time.Hour,
		Rules: append(theRules().Rules, gallery.NewRule([]string{"staff"}, nil, nil, []string{"msn"}, "rights.rules[2]"),
			gallery.NewExclusion([]string{"agency"}, []string{"dpa"}, "partners[0].exclude")),
	}
	n := startNode(t, func(o *options) { o.others = []*gallery.Audience{msn} })
	s := n.editions.For(msnFeed(msn, "", func(p *edition.PartnerFeed) {
		p.Match = index.Match{Sections: []string{"travel"}}
		p.Exclude = index.Match{Sections: []string{"sport"}, Tags: []string{"day"}, Authors: []string{"A. Writer"}, Languages: []string{"de"}}
	}))
	slide := func(credit string, r gallery.Rights) gallery.Slide { return gallery.Slide{Credit: credit, Rights: r} }
	for name, tt := range map[string]struct {
		change      func(g *gallery.Gallery)
		rule, where string
		slides      []edition.SlideExplanation
	}{
		"nothing":           {change: func(g *gallery.Gallery) {}},
		"allowed by name":   {change: func(g *gallery.Gallery) { g.Rights.Allow = []string{"msn"} }},
		"denied":            {func(g *gallery.Gallery) { g.Rights.Deny = []string{"yahoo", "msn"} }, "rights.deny", "/rights/deny/1", nil},
		"for nobody":        {func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }, "rights.syndicate", "/rights/syndicate", nil},
		"rights that ended": {func(g *gallery.Gallery) { g.Rights.Until = noon }, "rights.until", "/rights/until", nil},
		"excluded source":   {func(g *gallery.Gallery) { g.Sources = []string{"dpa"} }, "exclude.sources", "partners[0].exclude.sources", nil},
		"of another section": {change: func(g *gallery.Gallery) {
			g.Section, g.Rights.Deny = "Sport", []string{"msn"}
		}},
		"of an excluded tag": {func(g *gallery.Gallery) {
			g.Tags, g.Slides = []string{"Day"}, []gallery.Slide{slide("Staff", gallery.Rights{})}
		}, "exclude.tags", "partners[0].exclude.tags", nil},
		"by an excluded author":      {func(g *gallery.Gallery) { g.Authors = []gallery.Author{{Name: "a. writer"}} }, "exclude.authors", "partners[0].exclude.authors", nil},
		"in an excluded language":    {func(g *gallery.Gallery) { g.Language = "de-AT" }, "exclude.languages", "partners[0].exclude.languages", nil},
		"excluded, to come":          {func(g *gallery.Gallery) { g.Published, g.Tags = noon.Add(time.Hour), []string{"day"} }, "exclude.tags", "partners[0].exclude.tags", nil},
		"excluded and denied":        {func(g *gallery.Gallery) { g.Tags, g.Rights.Deny = []string{"day"}, []string{"msn"} }, "rights.deny", "/rights/deny/0", nil},
		"excluded, and too old":      {change: func(g *gallery.Gallery) { g.Published, g.Tags = noon.AddDate(0, 0, -3), []string{"day"} }},
		"excluded, and not matched":  {change: func(g *gallery.Gallery) { g.Section, g.Tags = "Food", []string{"day"} }},
		"of an excluded section too": {change: func(g *gallery.Gallery) { g.Section, g.Tags = "Sport", nil }},
		"to come":                    {change: func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }},
		"delayed":                    {change: func(g *gallery.Gallery) { g.Published = noon }},
		"too old": {change: func(g *gallery.Gallery) {
			g.Published = noon.AddDate(0, 0, -3)
			g.Slides = []gallery.Slide{slide("Staff", gallery.Rights{})}
		}},
		"expired":        {change: func(g *gallery.Gallery) { g.Expires = noon }},
		"rights to come": {change: func(g *gallery.Gallery) { g.Rights.From = noon.Add(time.Hour) }},
		"slides, of a gallery that is delayed": {
			change: func(g *gallery.Gallery) {
				g.Published = noon
				g.Slides = []gallery.Slide{
					slide("", gallery.Rights{}), slide("Staff", gallery.Rights{}), slide("Agency", gallery.Rights{}),
					slide("", gallery.Rights{From: noon.Add(time.Hour)}), slide("", gallery.Rights{Until: noon.Add(time.Hour)}),
					slide("", gallery.Rights{Allow: []string{"msn"}}), slide("", gallery.Rights{Allow: []string{"yahoo"}}),
				}
			},
			slides: []edition.SlideExplanation{
				{Slide: 1, Rule: "rules.deny", Where: "rights.rules[2]"}, {Slide: 2, Rule: "exclude.credits", Where: "partners[0].exclude.credits"},
				{Slide: 6, Rule: "rights.allow", Where: "/slides/6/rights/allow"},
			},
		},
	} {
		g := &gallery.Gallery{ID: "a", Title: "a", Published: noon.Add(-2 * time.Hour), Updated: noon, Section: "Travel", Tags: []string{"night"}}
		tt.change(g)
		want := edition.Explanation{Rule: tt.rule, Where: tt.where, Slides: tt.slides}
		got := s.Withheld(g, noon)
		got.Audience = ""
		if len(got.Slides) == 0 {
			got.Slides = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	strict := &gallery.Audience{Name: "strict", DenyUnstated: true}
	got := n.editions.For(msnFeed(strict, "")).Withheld(&gallery.Gallery{ID: "a", Published: noon, Updated: noon}, noon)
	if got.Rule != "unstated_rights" || got.Where != "partners[0].unstated_rights" {
		t.Errorf("a gallery that names nobody is withheld by %+v", got)
	}
}

func TestWhatIsWithheldIsNeverShownLater(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	h := newPartnersHistory(seed, 5)
	n, sets := h.node(t)
	withheld := 0
	for range 60 {
		g := h.gallery("g")
		g.Updated = h.now
		h.now = h.now.Add(time.Minute)
		n.Clock.Set(h.now)
		n.Publish(g)
		for _, s := range sets {
			hidden := s.Withheld(g, h.now)
			for at := h.now; at.Before(h.now.AddDate(0, 0, 1)); at = at.Add(29 * time.Minute) {
				list, err := s.Explain(t.Context(), "g", at)
				if err != nil {
					t.Fatal(err)
				}
				x := list[0]
				if hidden.Rule != "" && x.Shown {
					t.Fatalf("seed %d: withheld by %s and shown at %v: %+v", seed, hidden.Rule, at, x)
				}
				for _, slide := range hidden.Slides {
					if withheld++; x.Slides[slide.Slide].Shown {
						t.Fatalf("seed %d: slide %+v is withheld and shown at %v: %+v", seed, slide, at, x)
					}
				}
			}
		}
	}
	if withheld == 0 {
		t.Errorf("seed %d: nothing was withheld", seed)
	}
}
