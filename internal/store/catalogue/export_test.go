package catalogue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// exported returns what c exports, which must be readable, and decodes it as an
// import would.
func exported(t *testing.T, c *catalogue.Catalogue) []catalogue.Revision {
	t.Helper()
	records := []catalogue.Revision{}
	for r, err := range c.Export(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func guid(id string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.GUID = id }
}

// putAll stores revisions without an index.
func putAll(t *testing.T, b *broker.Broker, revisions ...catalogue.Revision) *catalogue.Catalogue {
	t.Helper()
	c := catalogue.New(options(b))
	for _, r := range revisions {
		if _, err := c.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestExportHasEveryRecordAsItWasPut(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	down := takeDown("dusk", noon.Add(time.Hour))
	down.Reason = "a mistake"
	down.Event = []byte(`{"kind":"article.unpublished"}`)
	want := []catalogue.Revision{revision(t, "harbour", noon), down}
	c := putAll(t, b, want[0], revision(t, "dusk", noon), want[1])
	got := exported(t, c)
	want[0].Gallery = nil
	if len(got) != 2 || got[0].Past != nil {
		t.Fatalf("exported %+v", got)
	}
	if diff := cmp.Diff(want, got, cmp.FilterPath(isPast, cmp.Ignore())); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestExportOfAnEmptyBucket(t *testing.T) {
	t.Parallel()
	if got := exported(t, catalogue.New(options(brokertest.Start(t)))); len(got) != 0 {
		t.Errorf("exported %v", got)
	}
}

// The last records may be deleted when the first ones are on their way.
func TestExportEndsWhenTheRestIsDeletedUnderIt(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	var revisions []catalogue.Revision
	for i := range 300 { // more than are asked for at once
		revisions = append(revisions, revision(t, fmt.Sprint("gallery-", i), noon))
	}
	putAll(t, b, revisions...)
	js, err := jetstream.New(b.JetStream().Conn(), jetstream.WithDefaultTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	o := options(b)
	o.Bucket.JetStream = js
	read := 0
	for _, err := range catalogue.New(o).Export(t.Context()) {
		if err != nil {
			t.Fatalf("after %d records: %v", read, err)
		}
		if read++; read == 1 {
			if err := stream(t, b).Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if read == 0 || read == len(revisions) {
		t.Errorf("read %d of %d records", read, len(revisions))
	}
}

func TestExportGoesOnAfterAnUnreadableRecord(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := putAll(t, b, revision(t, "first", noon))
	publish(t, b, "deleted", nats.Header{"KV-Operation": {"DEL"}})
	publish(t, b, "by-hand", nil)
	publish(t, b, "newer", nats.Header{"Gallerywire-Format": {"3"}})
	putAll(t, b, revision(t, "last", noon))
	var got []string
	for r, err := range c.Export(t.Context()) {
		switch {
		case errors.Is(err, catalogue.ErrNewerFormat) && errors.Is(err, catalogue.ErrUnreadable):
			got = append(got, "newer")
		case errors.Is(err, catalogue.ErrUnreadable):
			got = append(got, "unreadable")
		default:
			got = append(got, fmt.Sprint(r.ID, err))
		}
	}
	if diff := cmp.Diff([]string{"first<nil>", "unreadable", "newer", "last<nil>"}, got); diff != "" {
		t.Errorf("exported (-want +got):\n%s", diff)
	}
}

func TestExportWhileGalleriesAreRevisedMissesNone(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := catalogue.New(options(b))
	const n = 300 // more than are asked for at once
	for i := range n {
		putAll(t, b, revision(t, fmt.Sprint("g", i), noon))
	}
	newest := map[string]gallery.Rank{}
	for r, err := range c.Export(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(newest) == 0 { // the last ones move behind the end that it began with
			for i := n - 10; i < n; i++ {
				putAll(t, b, revision(t, fmt.Sprint("g", i), noon.Add(time.Hour)))
			}
		}
		if r.Rank.Compare(newest[r.ID]) <= 0 {
			t.Errorf("%s: %v after %v", r.ID, r.Rank, newest[r.ID])
		}
		newest[r.ID] = r.Rank
	}
	for i := range n {
		id := fmt.Sprint("g", i)
		if rank, ok := newest[id]; !ok || i >= n-10 && !rank.Updated.Equal(noon.Add(time.Hour)) {
			t.Errorf("%s: exported with rank %v", id, rank)
		}
	}
}

func TestExportEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := putAll(t, b, revision(t, "one", noon), revision(t, "two", noon))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range c.Export(ctx) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) || errors.Is(last, catalogue.ErrUnreadable) {
		t.Errorf("error %v", last)
	}
}

// restored puts records where nothing is, and returns the catalogue that runs
// there.
func restored(t *testing.T, records []catalogue.Revision, revisions ...catalogue.Revision) (*broker.Broker, *catalogue.Catalogue) {
	t.Helper()
	b := brokertest.Start(t)
	c := start(t, b, remembering)
	byID := map[string]catalogue.Revision{}
	for _, r := range revisions {
		byID[r.ID] = r
	}
	for _, r := range records {
		r.Gallery = byID[r.ID].Gallery // as decoded from its body
		outcome, err := c.Put(t.Context(), r)
		if outcome != catalogue.Stored || err != nil {
			t.Fatalf("restore %s: %q, %v", r.ID, outcome, err)
		}
		if err := c.Wait(t.Context(), record(t, b, gallery.Key(r.ID)).Sequence); err != nil {
			t.Fatal(err)
		}
	}
	return b, c
}

func remembering(o *catalogue.Options) {
	o.Index.Tombstones = 24 * time.Hour
	o.Bucket.Now = func() time.Time { return noon.Add(3 * time.Hour) }
}

func TestRestoredTakeDownRemembersWhatItTookDown(t *testing.T) {
	t.Parallel()
	old := brokertest.Start(t)
	down := takeDown("dusk", noon.Add(time.Hour))
	down.Reason = "a mistake"
	c := putAll(t, old, revision(t, "dusk", noon, section("Travel"), guid("https://old.example.com/?p=9")), down)
	b, moved := restored(t, exported(t, c))
	e := moved.Index().Find("dusk")
	if e == nil || e.GUID() != "https://old.example.com/?p=9" || e.Reason() != "a mistake" || e.Rank != down.Rank {
		t.Fatalf("restored as %+v", e)
	}
	travel, sport := index.Match{Sections: []string{"Travel"}}, index.Match{Sections: []string{"Sport"}}
	if gone := moved.Index().Select(travel, index.ByPublished).View(9, noon.Add(3*time.Hour)).Gone; len(gone) != 1 || gone[0].ID != "dusk" {
		t.Errorf("gone from Travel: %v", gone)
	}
	if gone := moved.Index().Select(sport, index.ByPublished).View(9, noon.Add(3*time.Hour)).Gone; len(gone) != 0 {
		t.Errorf("gone from Sport, where it never was: %v", gone)
	}
	if diff := cmp.Diff(exported(t, c), exported(t, catalogue.New(options(b))), cmp.FilterPath(isPast, cmp.Ignore())); diff != "" {
		t.Errorf("exported again (-first +second):\n%s", diff)
	}
}

func isPast(p cmp.Path) bool { return p.Last().String() == ".Past" }

// A take-down that feeds have forgotten is not reported as new because it is
// stored anew.
func TestRestoredTakeDownOfLongAgoIsForgotten(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	b2 := brokertest.Start(t)
	c := putAll(t, b, revision(t, "dusk", noon), takeDown("dusk", noon.Add(time.Hour)))
	years := time.Now().AddDate(2, 0, 0) // from when it was stored
	later := start(t, b2, func(o *catalogue.Options) {
		o.Index.Tombstones = 24 * time.Hour
		o.Bucket.Now = func() time.Time { return years }
	})
	for _, r := range exported(t, c) {
		if _, err := later.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := later.Wait(t.Context(), record(t, b2, "dusk").Sequence); err != nil {
		t.Fatal(err)
	}
	if gone := later.Index().Select(index.Match{}, index.ByPublished).View(9, years).Gone; later.Index().Find("dusk") == nil || len(gone) != 0 {
		t.Errorf("known as %+v, gone: %v", later.Index().Find("dusk"), gone)
	}
}

func TestRestoreNeverReplacesAHigherRank(t *testing.T) {
	t.Parallel()
	r := revision(t, "harbour", noon)
	below, above := revision(t, "harbour", noon.Add(-time.Hour)), revision(t, "harbour", noon.Add(time.Hour))
	for _, c := range []struct {
		name  string
		there []catalogue.Revision
		want  catalogue.Outcome
	}{
		{"nothing", nil, catalogue.Stored},
		{"a lower one", []catalogue.Revision{below}, catalogue.Stored},
		{"itself", []catalogue.Revision{r}, catalogue.Unchanged},
		{"a higher one", []catalogue.Revision{above}, catalogue.Superseded},
		{"a later take-down", []catalogue.Revision{below, takeDown("harbour", noon.Add(time.Minute))}, catalogue.Superseded},
	} {
		t.Run(c.name, func(t *testing.T) {
			cat := putAll(t, brokertest.Start(t), c.there...)
			if got, err := cat.Put(t.Context(), r); got != c.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			if got, err := cat.Put(t.Context(), r); got == catalogue.Stored || err != nil {
				t.Errorf("again: got %q, %v", got, err)
			}
		})
	}
}

func TestRestoreCompletesATakeDown(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := start(t, b, remembering)
	if _, err := c.Put(t.Context(), takeDown("dusk", noon.Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	r := revision(t, "dusk", noon, guid("https://old.example.com/?p=9"))
	if got, err := c.Put(t.Context(), r); got != catalogue.Superseded || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	storetest.Eventually(t, "feeds say that it is gone", func() bool {
		gone := c.Index().Select(index.Match{}, index.ByPublished).View(9, noon.Add(3*time.Hour)).Gone
		return len(gone) == 1 && gone[0].GUID() == "https://old.example.com/?p=9"
	})
}

func TestRestoreOverADeletedRecord(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := start(t, b)
	sequence := publish(t, b, "harbour", nats.Header{"KV-Operation": {"DEL"}})
	if err := c.Wait(t.Context(), sequence); err != nil {
		t.Fatal(err)
	}
	r := revision(t, "harbour", noon)
	if got, err := c.Put(t.Context(), r); got != catalogue.Stored || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	storetest.Eventually(t, "the index shows it", func() bool { return c.Index().Find("harbour") != nil })
}

func TestRestoreLeavesARecordOfANewerRelease(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := catalogue.New(options(b))
	stream(t, b)
	publish(t, b, "harbour", nats.Header{"Gallerywire-Format": {"3"}})
	if _, err := c.Put(t.Context(), revision(t, "harbour", noon)); !errors.Is(err, catalogue.ErrNewerFormat) {
		t.Errorf("error %v", err)
	}
}

func TestRestoreWithADamagedPast(t *testing.T) {
	t.Parallel()
	c := catalogue.New(options(brokertest.Start(t)))
	r := takeDown("dusk", noon)
	r.Past = []byte(`{"left":7}`)
	if _, err := c.Put(t.Context(), r); !errors.Is(err, catalogue.ErrUnreadable) {
		t.Errorf("error %v", err)
	}
}
