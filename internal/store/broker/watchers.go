package broker

import (
	"maps"
	"slices"
	"sync"
)

// watchers are called, one after the other, by a goroutine of their own after
// each wake; wakes that come while they run become one.
type watchers struct {
	wakes chan struct{}
	done  chan struct{}

	mu     sync.Mutex
	next   int
	byID   map[int]func()
	closed bool
}

func newWatchers() *watchers {
	w := &watchers{wakes: make(chan struct{}, 1), done: make(chan struct{}), byID: map[int]func(){}}
	go w.run()
	return w
}

func (w *watchers) run() {
	defer close(w.done)
	for range w.wakes {
		for _, f := range w.all() {
			f()
		}
	}
}

// all returns the watchers in the order in which they came.
func (w *watchers) all() []func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var fs []func()
	for _, id := range slices.Sorted(maps.Keys(w.byID)) {
		fs = append(fs, w.byID[id])
	}
	return fs
}

func (w *watchers) add(f func()) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.next
	w.next++
	w.byID[id] = f
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.byID, id)
	}
}

// wake never blocks.
func (w *watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	select {
	case w.wakes <- struct{}{}:
	default:
	}
}

// close waits for a call under way.
func (w *watchers) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.wakes)
	}
	w.mu.Unlock()
	<-w.done
}
