package edition

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// room bounds how many feeds are rendered at a time for readers, of those that
// anybody can ask for in any number: pages of archives, sections, tags, authors
// and galleries. Configured feeds do without, for there are few of them.
type room chan struct{}

const (
	// roomEach is how many are rendered at a time for each processor: some wait
	// for storage.
	roomEach  = 2
	leastRoom = 4
	// roomPatience is how long one waits for room.
	roomPatience = 5 * time.Second
)

// errBusy means that there was no room.
var errBusy = errors.New("too many feeds are asked for at the moment")

func newRoom() room { return make(room, max(roomEach*runtime.GOMAXPROCS(0), leastRoom)) }

// patient returns ctx for a reader who waits for his turn and for room, both
// together not for long. Its cause is then errBusy.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	if isOurs(ctx) {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, roomPatience, errBusy)
}

// enter waits for room until ctx ends, and returns its cause then; leave gives the
// room back.
func (r room) enter(ctx context.Context) (leave func(), err error) {
	if isOurs(ctx) {
		return func() {}, nil
	}
	select {
	case r <- struct{}{}:
		return func() { <-r }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// ours marks what is rendered because of a change, and not for a reader: it is
// little, and waits for no room, but for its turn where a reader has that.
type ours struct{}

func isOurs(ctx context.Context) bool { return ctx.Value(ours{}) != nil }
