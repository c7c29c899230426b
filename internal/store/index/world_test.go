package index

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// dawn is when the time begins in the tests of the index alone.
var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is an index at a time that the test sets.
type world struct {
	*Index
	t        testing.TB
	now      time.Time
	sequence uint64
	changes  []Change
}

func newWorld(t testing.TB, page uint32) *world {
	w := &world{t: t, now: dawn}
	w.Index = New(Options{
		Changed:     func(c Change) { w.changes = append(w.changes, c) },
		ArchivePage: page,
		Tombstones:  24 * time.Hour,
	})
	w.Fill(map[string]*Entry{}, dawn, 0, dawn)
	w.changes = nil
	return w
}

func (w *world) clock() time.Time { return w.now }

// next returns the entry that r becomes on top of the present record, whatever its rank.
func (w *world) next(r Revision) *Entry {
	e := r.after(w.Record(gallery.Key(r.ID)))
	w.sequence++
	e.Revision, e.stored = w.sequence, w.now.UnixNano()
	return e
}

func (w *world) apply(r Revision) *Entry {
	e := w.next(r)
	w.Apply(gallery.Key(e.ID), e, w.now)
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
	w.Advance(w.clock)
}

// newestPage is the name of the page that an archive begins with, empty where there is none.
func newestPage(s *Selection, now time.Time) string {
	if s.LenAt(now) == 0 {
		return ""
	}
	return NewestPage
}

// restart has a process begin with the records of what this one knows.
func (w *world) restart() *world {
	again := newWorld(w.t, w.opts.ArchivePage)
	again.now, again.sequence = w.now, w.sequence
	again.opts.Tombstones, again.opts.Public = w.opts.Tombstones, w.opts.Public
	entries := map[string]*Entry{}
	for key, e := range w.entries {
		line, err := e.Line()
		if err != nil {
			w.t.Fatal(err)
		}
		if entries[key], err = ParseLine(string(line), e.Revision, e.Stored()); err != nil {
			w.t.Fatal(err)
		}
	}
	again.Fill(entries, dawn, w.sequence, w.now)
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
