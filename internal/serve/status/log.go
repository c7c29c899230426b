package status

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
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
	e.Gallery, e.Title, e.Reason = Short(e.Gallery), Short(e.Title), Short(e.Reason)
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

// Total is how many events were added.
func (l *Log) Total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// maxText bounds a text in a status, in bytes.
const maxText = 300

// Short returns a copy of s that holds on to nothing larger: at most 300 bytes
// of valid UTF-8, with a mark where it was cut.
func Short(s string) string {
	const mark = "…"
	if len(s) > maxText {
		s = s[:maxText-len(mark)]
		for i := 0; i < 4 && len(s) > 0 && !validEnd(s); i++ {
			s = s[:len(s)-1]
		}
		s += mark
	}
	return strings.Clone(strings.ToValidUTF8(s, "\uFFFD"))
}

// validEnd reports whether s does not end inside a character.
func validEnd(s string) bool {
	r, size := utf8.DecodeLastRuneInString(s)
	return r != utf8.RuneError || size > 1
}
