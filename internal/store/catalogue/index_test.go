package catalogue_test

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

// shownBy is what a view shows: ids, also of galleries that are gone.
func shownBy(v index.View) []string {
	names := ids(v)
	for _, e := range v.Gone {
		names = append(names, "-"+e.ID)
	}
	return names
}

func TestAddedRevisionsEqualRecords(t *testing.T) {
	t.Parallel()
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
	read := start(t, brokertest.Start(t), func(o *catalogue.Options) {
		o.Index.Tombstones = time.Hour
		o.Bucket.Now = func() time.Time { return at }
	})
	added := index.New(index.Options{Tombstones: time.Hour})
	added.Fill(map[string]*index.Entry{}, at, 0, at)
	for _, r := range revisions {
		if _, err := read.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		added.Add(index.Revision{ID: r.ID, Rank: r.Rank, Gallery: r.Gallery, Reason: r.Reason}, at)
	}
	storetest.Eventually(t, "the index has all", func() bool { return read.Index().Find("late") != nil })
	for section, want := range map[string][]string{"Travel": {"harbour", "-overtaken", "-dusk"}, "Sport": nil} {
		match := index.Match{Sections: []string{section}}
		for name, x := range map[string]*index.Index{"read": read.Index(), "added": added} {
			if diff := cmp.Diff(want, shownBy(x.Select(match, index.ByPublished).View(9, at))); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", section, name, diff)
			}
		}
	}
	if added.Ready() != nil || added.Len() != read.Index().Len() {
		t.Errorf("ready: %v, %d galleries, want %d", added.Ready(), added.Len(), read.Index().Len())
	}
}
