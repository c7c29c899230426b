package index

import (
	"container/heap"
	"math"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// moment is an instant at which an entry's visibility changes.
type moment struct {
	at    int64
	entry *Entry
}

// counts reports whether the entry is still there.
func (m moment) counts(entries map[string]*Entry) bool {
	return entries[gallery.Key(m.entry.ID)] == m.entry
}

// timeline is a heap of moments, the earliest first. An entry has at most one
// moment in it that counts; those of entries since replaced are skipped when
// they come.
type timeline []moment

// Len implements [heap.Interface].
func (t timeline) Len() int { return len(t) }

// Less implements [heap.Interface].
func (t timeline) Less(i, j int) bool { return t[i].at < t[j].at }

// Swap implements [heap.Interface].
func (t timeline) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

// Push implements [heap.Interface].
func (t *timeline) Push(v any) { *t = append(*t, v.(moment)) }

// Pop implements [heap.Interface].
func (t *timeline) Pop() any {
	last := len(*t) - 1
	m := (*t)[last]
	(*t)[last] = moment{}
	*t = (*t)[:last]
	return m
}

func (t timeline) first() int64 {
	if len(t) == 0 {
		return math.MaxInt64
	}
	return t[0].at
}

// slack is how many moments of replaced entries are not worth a clean-up.
const slack = 1024

// tidy drops the moments that no longer count, once they are the most: a
// gallery that expires far ahead may be revised any number of times before.
func (t *timeline) tidy(entries map[string]*Entry) {
	if len(*t) <= 2*len(entries)+slack {
		return
	}
	kept := make(timeline, 0, len(entries))
	for _, m := range *t {
		if m.counts(entries) {
			kept = append(kept, m)
		}
	}
	heap.Init(&kept)
	*t = kept
}
