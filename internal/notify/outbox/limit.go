package outbox

import (
	"context"
	"sync"
)

// limits bound the deliveries at a time through each channel, and to each of its hosts.
type limits struct{ channels, hosts *places }

// places bound by key what is in flight at a time. Those that wait come in their order.
type places struct {
	size int

	mu sync.Mutex
	at map[string]*place
}

type place struct {
	taken chan struct{} // has an element for each that is in flight
	slow  chan struct{} // closed while one of those takes long
	users int           // that are in flight or wait
}

// turn is to be at a place, which release ends.
type turn struct {
	*places
	key string
}

func newPlaces(size int) *places { return &places{size: size, at: map[string]*place{}} }

// enter returns the place, and what is closed when it is slow.
func (t turn) enter() (p *place, slow <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p = t.at[t.key]
	if p == nil {
		p = &place{taken: make(chan struct{}, t.size), slow: make(chan struct{})}
		t.at[t.key] = p
	}
	p.users++
	return p, p.slow
}

// leave forgets a place that has no users left: subscribers choose hosts.
func (t turn) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.at[t.key]
	if p.users--; p.users == 0 {
		delete(t.at, t.key)
	}
}

// acquire waits for a place until ctx ends. Without patience it returns errDeferred when the
// place is slow.
func (t turn) acquire(ctx context.Context, patient bool) (err error) {
	p, slow := t.enter()
	if patient {
		slow = nil
	}
	select {
	case p.taken <- struct{}{}:
		return nil
	case <-slow:
		err = errDeferred
	case <-ctx.Done():
		err = ctx.Err()
	}
	t.leave()
	return err
}

// try takes a place if one is free.
func (t turn) try() bool {
	p, _ := t.enter()
	select {
	case p.taken <- struct{}{}:
		return true
	default:
		t.leave()
		return false
	}
}

// takesLong has the place be slow until it is released.
func (t turn) takesLong() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.at[t.key].slow)
}

func (t turn) release() {
	t.mu.Lock()
	p := t.at[t.key]
	select {
	case <-p.slow:
		p.slow = make(chan struct{})
	default:
	}
	<-p.taken
	t.mu.Unlock()
	t.leave()
}
