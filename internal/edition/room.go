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

// enter waits for room; leave gives it back.
func (r room) enter(ctx context.Context) (leave func(), err error) {
	if ctx.Value(ours{}) != nil {
		return func() {}, nil
	}
	patience, cancel := context.WithTimeout(ctx, roomPatience)
	defer cancel()
	select {
	case r <- struct{}{}:
		return func() { <-r }, nil
	case <-patience.Done():
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, errBusy
	}
}

// ours marks what is rendered because of a change, and not for a reader: it is
// little, and not kept waiting by what readers ask for.
type ours struct{}
