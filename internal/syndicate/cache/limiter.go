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

// ErrBusy means that a task was not admitted in time.
var ErrBusy = errors.New("too much is asked for at the moment")

const (
	// perProcessor is how many tasks run at a time for each processor: some of them
	// wait for storage.
	perProcessor = 2
	minTasks     = 4
	// queueTimeout is how long a task waits to be admitted.
	queueTimeout = 5 * time.Second
	// relieveEvery is how often a waiting task has readers cut off that take nothing.
	relieveEvery = 500 * time.Millisecond
)

// Limiter admits renderings for readers: a few at a time, and only while they and the
// responses that readers have not taken yet hold less than so many bytes. What was
// admitted may grow, so these renderings may exceed the bound. It is safe for
// concurrent use.
type Limiter struct {
	slots     int
	most      int
	responses Responses

	mu      sync.Mutex
	running int
	bytes   int
	queue   list.List // of chan struct{}, closed when the task is admitted
}

// Responses are what readers have not taken yet.
type Responses interface {
	// Held is how many bytes of responses are still being written.
	Held() int
	// Relieve cuts off readers that take nothing, while more than so many bytes
	// are held.
	Relieve(most int)
}

// NewLimiter returns a limiter of so many bytes. responses may be nil: nothing is held then.
func NewLimiter(bytes int, responses Responses) *Limiter {
	return &Limiter{slots: max(perProcessor*runtime.GOMAXPROCS(0), minTasks), most: bytes, responses: responses}
}

// Task is a rendering that was admitted. Its methods may be called on nil.
type Task struct {
	limiter *Limiter
	bytes   int
}

// Acquire waits until a task is admitted, for five seconds at most: then the error is
// [ErrBusy]. If ctx ends, it is the cause of that. Release the task when it is done.
func (l *Limiter) Acquire(ctx context.Context) (*Task, error) {
	l.mu.Lock()
	if l.queue.Len() == 0 && l.fits() {
		l.running++
		l.mu.Unlock()
		return &Task{limiter: l}, nil
	}
	admitted := make(chan struct{})
	place := l.queue.PushBack(admitted)
	l.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, queueTimeout, ErrBusy)
	defer cancel()
	again := time.NewTicker(relieveEvery)
	defer again.Stop()
	for {
		if l.responses != nil {
			l.responses.Relieve(l.most)
		}
		l.admit()
		select {
		case <-admitted:
			return &Task{limiter: l}, nil
		case <-again.C:
			continue
		case <-ctx.Done():
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		select {
		case <-admitted: // just now
			return &Task{limiter: l}, nil
		default:
			l.queue.Remove(place)
			return nil, fmt.Errorf("wait to render: %w", context.Cause(ctx))
		}
	}
}

// admit starts waiting tasks in their order, as far as they fit.
func (l *Limiter) admit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.queue.Len() > 0 && l.fits() {
		l.running++
		close(l.queue.Remove(l.queue.Front()).(chan struct{}))
	}
}

// fits reports whether one more task may run. One that runs alone, while nothing
// else is held, may grow beyond the bound.
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

// Grow reports that the task holds n bytes more.
func (t *Task) Grow(n int) {
	if t == nil {
		return
	}
	t.limiter.mu.Lock()
	defer t.limiter.mu.Unlock()
	t.bytes += n
	t.limiter.bytes += n
}

// Release ends the task and admits the next ones.
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
