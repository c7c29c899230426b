package catalogue_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/google/go-cmp/cmp"
)

func fixed(t *testing.T, at time.Time, revisions ...catalogue.Revision) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.Fixed(catalogue.Options{
		Decode: event.Reader{}.Gallery, Tombstones: time.Hour, Now: func() time.Time { return at }, Logger: slog.New(slog.DiscardHandler),
	}, slices.Values(revisions))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// seen is what a view shows: ids, also of what is gone.
func seen(v catalogue.View) []string {
	names := ids(v)
	for _, e := range v.Gone {
		names = append(names, "-"+e.ID)
	}
	return names
}

func TestFixedIsWhatABucketWouldBe(t *testing.T) {
	revisions := []catalogue.Revision{
		revision(t, "harbour", noon.Add(time.Minute), section("Travel")),
		revision(t, "harbour", noon, section("Sport")),
		revision(t, "dusk", noon, section("Travel")),
		takeDown("dusk", noon.Add(time.Minute)),
		takeDown("overtaken", noon.Add(time.Minute)),
		revision(t, "overtaken", noon, section("Travel")),
		revision(t, "late", noon, published(noon.Add(time.Hour))),
	}
	at := noon.Add(time.Minute)
	real := start(t, brokertest.Start(t), func(o *catalogue.Options) {
		o.Tombstones = time.Hour
		o.Now = func() time.Time { return at }
	})
	for _, r := range revisions {
		if _, err := real.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the index has all", func() bool { return real.Find("late") != nil })
	c := fixed(t, at, revisions...)
	if got := seen(c.Select(catalogue.Match{Sections: []string{"Travel"}}).View(9, at)); !cmp.Equal(got, []string{"harbour", "-overtaken", "-dusk"}) {
		t.Errorf("Travel is %v", got)
	}
	for _, section := range []string{"Travel", "Sport"} {
		match := catalogue.Match{Sections: []string{section}}
		want, got := seen(real.Select(match).View(9, at)), seen(c.Select(match).View(9, at))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-bucket +fixed):\n%s", section, diff)
		}
	}
	if c.Ready() != nil || c.Len() != real.Len() {
		t.Errorf("ready: %v, %d galleries, want %d", c.Ready(), c.Len(), real.Len())
	}
}

func TestFixedLoadsItsGalleries(t *testing.T) {
	c := fixed(t, noon, revision(t, "harbour", noon))
	e := c.Find("harbour")
	g, err := c.Load(t.Context(), e)
	if err != nil || g.Title != "Title of harbour" {
		t.Errorf("loaded %+v, %v", g, err)
	}
	other := *e
	other.Revision++
	if _, err := c.Load(t.Context(), &other); !errors.Is(err, catalogue.ErrSuperseded) {
		t.Errorf("a revision that is not there: %v", err)
	}
}

func TestFixedOfNothing(t *testing.T) {
	c := fixed(t, noon)
	if v := c.Select(catalogue.Match{}).View(9, noon); len(v.Entries) != 0 || c.Ready() != nil {
		t.Errorf("view %+v, ready: %v", v, c.Ready())
	}
}
