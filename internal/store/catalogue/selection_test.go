package catalogue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/google/go-cmp/cmp"
)

func TestMatchChooses(t *testing.T) {
	c := start(t, brokertest.Start(t))
	put(t, c, revision(t, "harbour", noon, section("Travel"), tags("Night", " night ", "harbours"), func(g *gallery.Gallery) {
		g.Language, g.Authors = "pt-BR", []gallery.Author{{Name: "A. Writer"}, {Email: "a@example.com"}}
	}))
	cases := []struct {
		name  string
		match catalogue.Match
		want  bool
	}{
		{"everything", catalogue.Match{}, true},
		{"section", catalogue.Match{Sections: []string{"Sport", "travel"}}, true},
		{"other section", catalogue.Match{Sections: []string{"Sport"}}, false},
		{"a tag is no section", catalogue.Match{Sections: []string{"harbours"}}, false},
		{"tag without regard to case and blanks", catalogue.Match{Tags: []string{"NIGHT"}}, true},
		{"author", catalogue.Match{Authors: []string{"a. writer"}}, true},
		{"language", catalogue.Match{Languages: []string{"pt-br"}}, true},
		{"language of a region", catalogue.Match{Languages: []string{"pt"}}, true},
		{"region of another", catalogue.Match{Languages: []string{"pt-PT"}}, false},
		{"beginning of a language", catalogue.Match{Languages: []string{"p"}}, false},
		{"both", catalogue.Match{Sections: []string{"Travel"}, Tags: []string{"night"}}, true},
		{"one of both", catalogue.Match{Sections: []string{"Travel"}, Tags: []string{"day"}}, false},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			s := c.Select(test.match)
			defer c.Release(s)
			change := catalogue.Change{New: c.Find("harbour")}
			if got := s.LenAt(time.Now()) == 1; got != test.want || s.Holds("harbour", time.Now()) != test.want || s.Concerns(change) != test.want {
				t.Errorf("chosen: %t, want %t", got, test.want)
			}
		})
	}
}

// Galleries are ordered by publication, newest first, then by id, and an entry
// that moves is in the selection once.
func TestOrderIsTotal(t *testing.T) {
	b := brokertest.Start(t)
	c := start(t, b)
	s := c.Select(catalogue.Match{})
	for _, id := range []string{"b", "d", "a", "c"} {
		put(t, c, revision(t, id, noon))
	}
	put(t, c, revision(t, "late", noon, published(noon.Add(-time.Hour))))
	put(t, c, revision(t, "e", noon, published(noon.Add(time.Hour))))
	put(t, c, revision(t, "e", noon.Add(1), published(noon.Add(-2*time.Hour))))
	want := []string{"d", "c", "b", "a", "late", "e"}
	views := map[string]*catalogue.Selection{"live": s, "made later": c.Select(catalogue.Match{}), "restarted": start(t, b).Select(catalogue.Match{})}
	for name, s := range views {
		if diff := cmp.Diff(want, ids(s.View(10, time.Now()))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if diff := cmp.Diff(want[:2], ids(s.View(2, time.Now()))); diff != "" {
			t.Errorf("%s, two of them: (-want +got)\n%s", name, diff)
		}
	}
}

func TestReleasedSelectionStandsStill(t *testing.T) {
	c := start(t, brokertest.Start(t))
	kept, released := c.Select(catalogue.Match{}), c.Select(catalogue.Match{})
	c.Release(released)
	put(t, c, revision(t, "harbour", noon))
	now := time.Now()
	if kept.LenAt(now) != 1 || released.LenAt(now) != 0 {
		t.Errorf("kept %d, released %d", kept.LenAt(now), released.LenAt(now))
	}
}

// A change that has nothing to do with a selection leaves its views fresh.
func TestViewStaysFreshThroughOtherChanges(t *testing.T) {
	var told changes
	c := start(t, brokertest.Start(t), told.collect)
	sport := c.Select(catalogue.Match{Sections: []string{"Sport"}})
	put(t, c, revision(t, "stadium", noon, section("Sport")))
	v := sport.View(10, time.Now())
	put(t, c, revision(t, "harbour", noon, section("Travel")))
	news := told.all()
	if last := news[len(news)-1]; sport.Concerns(last) || last.ID() != "harbour" || last.Old != nil {
		t.Errorf("told %v", last)
	}
	if !sport.Fresh(v.Generation, time.Now()) {
		t.Error("stale after a change elsewhere")
	}
	put(t, c, revision(t, "harbour", noon.Add(1), section("Sport")))
	if sport.Fresh(v.Generation, time.Now()) {
		t.Error("fresh after a gallery came in")
	}
}

// What is embargoed is held and neither counted nor shown, however much it is.
func TestEmbargoedAreNotShown(t *testing.T) {
	c := start(t, brokertest.Start(t))
	s := c.Select(catalogue.Match{})
	for i := range 5 {
		put(t, c, revision(t, fmt.Sprint("later-", i), noon, published(time.Now().Add(time.Hour))))
	}
	put(t, c, revision(t, "harbour", noon))
	now := time.Now()
	if got := ids(s.View(2, now)); !cmp.Equal(got, []string{"harbour"}) || s.LenAt(now) != 1 || s.Holds("later-1", now) {
		t.Errorf("shows %v, counts %d", got, s.LenAt(now))
	}
	if got := s.LenAt(now.Add(2 * time.Hour)); got != 6 {
		t.Errorf("later it counts %d", got)
	}
}
