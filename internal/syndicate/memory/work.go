package memory

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// ErrBusy means that there was no room for more work.
var ErrBusy = errors.New("too much is asked for at the moment")

const (
	// perProcessor is how much is rendered at a time for each processor: some of it
	// waits for storage.
	perProcessor = 2
	leastAtOnce  = 4
	// patience is how long one waits for room.
	patience = 5 * time.Second
	// relief is how often a wait for readers asks for those to be cut that take
	// nothing.
	relief = 500 * time.Millisecond
)

// Work admits what is rendered for readers: a few at a time, and only while what
// these hold and what readers have not taken yet is less than so many bytes. What
// was admitted may grow, so the bound may be exceeded by what is made at that
// moment. It is safe for concurrent use.
type Work struct {
	slots int
	most  int
	taken Taken

	mu      sync.Mutex
	running int
	bytes   int
	queue   list.List // of chan struct{}, closed when its turn has come
}

// Taken says what readers have not taken yet.
type Taken interface {
	// Held is how many bytes of answers are still being written.
	Held() int
	// Relieve cuts readers off that take nothing, while more than so many bytes
	// are held.
	Relieve(most int)
}

// NewWork returns room for so many bytes. taken may be nil: nothing is held then.
func NewWork(bytes int, taken Taken) *Work {
	return &Work{slots: max(perProcessor*runtime.GOMAXPROCS(0), leastAtOnce), most: bytes, taken: taken}
}

// Task is work that was admitted. Its methods may be called on nil.
type Task struct {
	work  *Work
	bytes int
}

// Enter waits for room, but not long: the error is [ErrBusy] then, or the cause
// of ctx's end. Leave the task when it is done.
func (w *Work) Enter(ctx context.Context) (*Task, error) {
	w.mu.Lock()
	if w.queue.Len() == 0 && w.fits() {
		w.running++
		w.mu.Unlock()
		return &Task{work: w}, nil
	}
	turn := make(chan struct{})
	place := w.queue.PushBack(turn)
	w.mu.Unlock()
	if err := w.wait(ctx, turn); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		select {
		case <-turn: // just now
			return &Task{work: w}, nil
		default:
			w.queue.Remove(place)
			return nil, err
		}
	}
	return &Task{work: w}, nil
}

func (w *Work) wait(ctx context.Context, turn <-chan struct{}) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrBusy)
	defer cancel()
	again := time.NewTicker(relief)
	defer again.Stop()
	for {
		if w.taken != nil {
			w.taken.Relieve(w.most)
		}
		w.admit()
		select {
		case <-turn:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("wait for room to render: %w", context.Cause(ctx))
		case <-again.C:
		}
	}
}

// admit lets those in whose turn has come.
func (w *Work) admit() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.queue.Len() > 0 && w.fits() {
		w.running++
		close(w.queue.Remove(w.queue.Front()).(chan struct{}))
	}
}

// fits reports whether there is room for one more. What runs alone, while nothing
// else is held, may need more than there is.
func (w *Work) fits() bool {
	held := 0
	if w.taken != nil {
		held = w.taken.Held()
	}
	if w.running == 0 {
		return held == 0 || held < w.most
	}
	return w.running < w.slots && w.bytes+held < w.most
}

// Add says that the task holds n bytes more.
func (t *Task) Add(n int) {
	if t == nil {
		return
	}
	t.work.mu.Lock()
	defer t.work.mu.Unlock()
	t.bytes += n
	t.work.bytes += n
}

// Leave gives the room back.
func (t *Task) Leave() {
	if t == nil {
		return
	}
	t.work.mu.Lock()
	t.work.running--
	t.work.bytes -= t.bytes
	t.work.mu.Unlock()
	t.work.admit()
}
