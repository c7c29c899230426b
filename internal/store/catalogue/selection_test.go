package catalogue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/google/go-cmp/cmp"
)

func TestMatchChooses(t *testing.T) {
	c := start(t, brokertest.Start(t))
	put(t, c, revision(t, "harbour", noon, section("Travel"), tags("Night", " night ", "harbours"), func(g *gallery.Gallery) {
		g.Language, g.Authors = "pt-BR", []gallery.Author{{Name: "A. Writer"}, {Email: "a@example.com"}}
	}))
	cases := []struct {
		name  string
		match index.Match
		want  bool
	}{
		{"everything", index.Match{}, true},
		{"section", index.Match{Sections: []string{"Sport", "travel"}}, true},
		{"other section", index.Match{Sections: []string{"Sport"}}, false},
		{"a tag is no section", index.Match{Sections: []string{"harbours"}}, false},
		{"tag without regard to case and blanks", index.Match{Tags: []string{"NIGHT"}}, true},
		{"author", index.Match{Authors: []string{"a. writer"}}, true},
		{"language", index.Match{Languages: []string{"pt-br"}}, true},
		{"language of a region", index.Match{Languages: []string{"pt"}}, true},
		{"region of another", index.Match{Languages: []string{"pt-PT"}}, false},
		{"beginning of a language", index.Match{Languages: []string{"p"}}, false},
		{"both", index.Match{Sections: []string{"Travel"}, Tags: []string{"night"}}, true},
		{"one of both", index.Match{Sections: []string{"Travel"}, Tags: []string{"day"}}, false},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			s := c.Index().Select(test.match, index.ByPublished)
			defer s.Release()
			change := index.Change{New: c.Index().Find("harbour")}
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
	s := c.Index().Select(index.Match{}, index.ByPublished)
	for _, id := range []string{"b", "d", "a", "c"} {
		put(t, c, revision(t, id, noon))
	}
	put(t, c, revision(t, "late", noon, published(noon.Add(-time.Hour))))
	put(t, c, revision(t, "e", noon, published(noon.Add(time.Hour))))
	put(t, c, revision(t, "e", noon.Add(1), published(noon.Add(-2*time.Hour))))
	want := []string{"d", "c", "b", "a", "late", "e"}
	views := map[string]*index.Selection{"live": s, "made later": c.Index().Select(index.Match{}, index.ByPublished), "restarted": start(t, b).Index().Select(index.Match{}, index.ByPublished)}
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
	kept, released := c.Index().Select(index.Match{}, index.ByPublished), c.Index().Select(index.Match{}, index.ByPublished)
	released.Release()
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
	sport := c.Index().Select(index.Match{Sections: []string{"Sport"}}, index.ByPublished)
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
	s := c.Index().Select(index.Match{}, index.ByPublished)
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
