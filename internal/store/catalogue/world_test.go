package catalogue

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// dawn is when the time begins in the tests of the index alone.
var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is an index without a bucket, at a time that the test sets.
type world struct {
	t         testing.TB
	catalogue *Catalogue
	now       time.Time
	sequence  uint64
	told      []Change
}

func newWorld(t testing.TB, page uint32) *world {
	w := &world{t: t, now: dawn}
	w.catalogue = New(Options{
		Now:         func() time.Time { return w.now },
		Changed:     func(c Change) { w.told = append(w.told, c) },
		Logger:      slog.New(slog.DiscardHandler),
		ArchivePage: page,
		Tombstones:  24 * time.Hour,
		Timeless:    true,
	})
	w.catalogue.index.fill(map[string]*Entry{}, dawn, 0, dawn.UnixNano())
	return w
}

// next returns the entry that r becomes on top of what is there.
func (w *world) next(r Revision) *Entry {
	e := lineOf(r, w.catalogue.index.entry(gallery.Key(r.ID))).entry()
	w.sequence++
	e.Revision, e.stored, e.Rank.Hash = w.sequence, w.now.UnixNano(), r.Rank.Hash
	e.keep(w.catalogue.opts.Tombstones)
	return e
}

func (w *world) apply(r Revision) *Entry {
	e := w.next(r)
	w.catalogue.index.apply(gallery.Key(e.ID), e, w.now.UnixNano())
	return e
}

// publish stores a revision of a gallery published at the present, unless it
// is changed.
func (w *world) publish(id string, change ...func(*gallery.Gallery)) *Entry {
	g := &gallery.Gallery{ID: id, Title: id, Published: w.now}
	for _, f := range change {
		f(g)
	}
	rank := gallery.Rank{Updated: w.now, Hash: gallery.HashOf(fmt.Append(nil, g, w.sequence))}
	return w.apply(Revision{ID: id, Rank: rank, Gallery: g})
}

func (w *world) takeDown(id string) *Entry {
	rank := gallery.Rank{Updated: w.now, TakeDown: true, Hash: gallery.HashOf([]byte(id))}
	return w.apply(Revision{ID: id, Rank: rank, Reason: "asked for"})
}

// pass lets the time go on.
func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.catalogue.Advance()
}

// restart has a process begin with what this one knows.
func (w *world) restart() *world {
	again := newWorld(w.t, w.catalogue.opts.ArchivePage)
	again.now, again.sequence = w.now, w.sequence
	entries := map[string]*Entry{}
	for key, e := range w.catalogue.index.entries {
		c := *e
		entries[key] = &c
	}
	again.catalogue.index.fill(entries, dawn, w.sequence, w.now.UnixNano())
	return again
}

func at(t time.Time) func(*gallery.Gallery) { return func(g *gallery.Gallery) { g.Published = t } }

func until(t time.Time) func(*gallery.Gallery) { return func(g *gallery.Gallery) { g.Expires = t } }

func in(section string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Section = section }
}

func tagged(tags ...string) func(*gallery.Gallery) { return func(g *gallery.Gallery) { g.Tags = tags } }

func by(author string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Authors = []gallery.Author{{Name: author}} }
}

func withheld(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }

func idsOf(entries []*Entry) []string {
	ids := []string{}
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}
