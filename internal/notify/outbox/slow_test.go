package outbox_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// Many slow hosts hold the others up once; from then on they have a part of the
// room among them, until they keep up again.
func TestHostsThatWereSlowDoNotHoldOthersUp(t *testing.T) {
	const slow = 16
	w := newWorld(t, slow+1)
	var gate atomic.Pointer[chan struct{}]
	shut := func() chan struct{} {
		g := make(chan struct{})
		gate.Store(&g)
		return g
	}
	for i := range slow + 1 {
		w.targets[i].Host, w.targets[i].Endpoint = fmt.Sprint("host-", i), laneOfOneShard(i)
		if i < slow { // the quick one comes last
			w.answers(i, func(ctx context.Context, n outbox.Notice) error {
				select {
				case <-*gate.Load():
					if w.count("all-1") > 0 && n.ID == "all-1" { // the quick one has it
						return errRefused
					}
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}
	}
	tried := func() int {
		n := 0
		for i := range slow {
			n += w.attempts(i)
		}
		return n
	}
	n := w.node(func(o *outbox.Options) {
		o.Concurrency, o.Grace, o.Timeout, o.FirstRetry = 8, 2*time.Second, time.Minute, time.Hour
	}).run()
	open := shut()
	n.put(notice("all", 1))
	eventually(t, "all are tried", func() bool { return w.count("all-1") == 1 && tried() == slow })
	eventually(t, "all have left", func() bool { return len(n.Retries()) == slow })
	close(open)
	eventually(t, "all are late", func() bool {
		return !slices.ContainsFunc(n.Retries(), func(l outbox.PendingRetry) bool { return l.Due.Before(time.Now().Add(30 * time.Minute)) })
	})
	// Who is late with the same is not called: that says nothing of how quick it is.
	n.put(notice("all", 2))
	eventually(t, "the quick one is told of that, too", func() bool { return w.count("all-2") == 1 && n.Pending()["test"] == slow })

	open = shut()
	n.put(notice("other", 1))
	var before int
	eventually(t, "the quick one is told", func() bool {
		before = tried() - slow
		return w.count("other-1") == 1
	})
	if before > slow/2 {
		t.Errorf("%d of %d slow targets were tried before the quick one was told", before, slow)
	}
	close(open)
	eventually(t, "all are told", func() bool { return w.count("other-1") == slow+1 })
}

// laneOfOneShard is the ith lane of those that the first shard has.
func laneOfOneShard(i int) string {
	for k, found := 0, 0; ; k++ {
		lane, h := fmt.Sprint("lane-", k), fnv.New32a()
		_, _ = h.Write([]byte(lane))
		if h.Sum32()%16 != 0 {
			continue
		}
		if found == i {
			return lane
		}
		found++
	}
}
