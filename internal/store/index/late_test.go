package index

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// take lets the index hear of a revision of the gallery so long after it was stored.
func (w *world) take(id string, after time.Duration) *Entry {
	e := w.next(Revision{ID: id, Rank: gallery.Rank{Updated: w.now}, Gallery: &gallery.Gallery{ID: id, Published: w.now}})
	w.Apply(gallery.Key(id), e, w.now.Add(after))
	return e
}

func TestLateIsTheSecondOfARecordReceivedLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.take("prompt", Skew-1)
	if w.Late(w.now) {
		t.Error("late before anything was")
	}
	w.now = dawn.Add(time.Hour)
	w.take("late", Skew)
	for after, want := range map[time.Duration]bool{
		-time.Hour: false, -time.Second: false, -999 * time.Millisecond: true, 0: true, 999 * time.Millisecond: true, time.Second: false,
	} {
		if got := w.Late(w.now.Add(after)); got != want {
			t.Errorf("%s after it: %t, want %t", after, got, want)
		}
	}
}

func TestNewRecordsOfARefillAreLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	old := w.take("old", 0)
	w.now = dawn.Add(time.Hour)
	missed := w.next(Revision{ID: "missed", Rank: gallery.Rank{Updated: w.now}, Gallery: &gallery.Gallery{ID: "missed", Published: w.now}})
	later := w.now.Add(time.Hour)
	w.Fill(map[string]*Entry{"old": old, "missed": missed}, dawn, w.sequence, later)
	if w.Late(dawn) || !w.Late(w.now) {
		t.Errorf("late are the one that was known %t, and the one that was missed %t", w.Late(dawn), w.Late(w.now))
	}
	again := New(w.opts)
	again.Fill(map[string]*Entry{"old": old, "missed": missed}, dawn, w.sequence, later)
	if again.Late(w.now) {
		t.Error("late in a process that has shown nothing before")
	}
}
