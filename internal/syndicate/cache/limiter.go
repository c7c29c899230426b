package cache

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

// Limiter admits what is rendered for readers: a few at a time, and only while what
// these hold and what readers have not taken yet is less than so many bytes. What
// was admitted may grow, so the bound may be exceeded by what is made at that
// moment. It is safe for concurrent use.
type Limiter struct {
	slots     int
	most      int
	responses Responses

	mu      sync.Mutex
	running int
	bytes   int
	queue   list.List // of chan struct{}, closed when its turn has come
}

// Responses says what readers have not taken yet.
type Responses interface {
	// Held is how many bytes of answers are still being written.
	Held() int
	// Relieve cuts readers off that take nothing, while more than so many bytes
	// are held.
	Relieve(most int)
}

// NewLimiter returns a limiter of so many bytes. responses may be nil: nothing is held then.
func NewLimiter(bytes int, responses Responses) *Limiter {
	return &Limiter{slots: max(perProcessor*runtime.GOMAXPROCS(0), leastAtOnce), most: bytes, responses: responses}
}

// Task is work that was admitted. Its methods may be called on nil.
type Task struct {
	limiter *Limiter
	bytes   int
}

// Acquire waits for room, but not long: the error is [ErrBusy] then, or the cause
// of ctx's end. Release the task when it is done.
func (l *Limiter) Acquire(ctx context.Context) (*Task, error) {
	l.mu.Lock()
	if l.queue.Len() == 0 && l.fits() {
		l.running++
		l.mu.Unlock()
		return &Task{limiter: l}, nil
	}
	turn := make(chan struct{})
	place := l.queue.PushBack(turn)
	l.mu.Unlock()
	if err := l.wait(ctx, turn); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		select {
		case <-turn: // just now
			return &Task{limiter: l}, nil
		default:
			l.queue.Remove(place)
			return nil, err
		}
	}
	return &Task{limiter: l}, nil
}

func (l *Limiter) wait(ctx context.Context, turn <-chan struct{}) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrBusy)
	defer cancel()
	again := time.NewTicker(relief)
	defer again.Stop()
	for {
		if l.responses != nil {
			l.responses.Relieve(l.most)
		}
		l.admit()
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
func (l *Limiter) admit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.queue.Len() > 0 && l.fits() {
		l.running++
		close(l.queue.Remove(l.queue.Front()).(chan struct{}))
	}
}

// fits reports whether there is room for one more. What runs alone, while nothing
// else is held, may need more than there is.
func (l *Limiter) fits() bool {
	held := 0
	if l.responses != nil {
		held = l.responses.Held()
	}
	if l.running == 0 {
		return held == 0 || held < l.most
	}
	return l.running < l.slots && l.bytes+held < l.most
}

// Grow says that the task holds n bytes more.
func (t *Task) Grow(n int) {
	if t == nil {
		return
	}
	t.limiter.mu.Lock()
	defer t.limiter.mu.Unlock()
	t.bytes += n
	t.limiter.bytes += n
}

// Release gives the room back.
func (t *Task) Release() {
	if t == nil {
		return
	}
	t.limiter.mu.Lock()
	t.limiter.running--
	t.limiter.bytes -= t.bytes
	t.limiter.mu.Unlock()
	t.limiter.admit()
}
