package status

import (
	"slices"
	"strings"
	"sync"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxEvents is how many events a [Log] remembers.
const maxEvents = 50

// Log remembers the last events. The zero Log is ready for use, also by several
// goroutines at once.
type Log struct {
	mu   sync.Mutex
	ring []Event
	next int // where the next event goes once the ring is full
	n    int // how many were added
}

// Add remembers e, whose texts are shortened, and forgets the oldest of too many.
func (l *Log) Add(e Event) {
	e.Gallery, e.Title, e.Reason = short(e.Gallery), short(e.Title), short(e.Reason)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if len(l.ring) < maxEvents {
		l.ring = append(l.ring, e)
		return
	}
	l.ring[l.next] = e
	l.next = (l.next + 1) % maxEvents
}

// Newest returns the events, the last one first.
func (l *Log) Newest() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := slices.Concat(l.ring[l.next:], l.ring[:l.next])
	slices.Reverse(events)
	return events
}

// Total is how many events were added, the forgotten ones among them.
func (l *Log) Total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// maxText bounds a text in a status, in bytes.
const maxText = 300

// short returns a copy of s that holds on to nothing larger than maxText.
func short(s string) string { return strings.Clone(gallery.Clip(s, maxText)) }
