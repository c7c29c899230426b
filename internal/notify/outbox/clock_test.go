package outbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// clock is one that a test sets: what was measured before says nothing any more.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Round(0).Add(time.Duration(c.ahead.Load())) }

func (c *clock) options(o *outbox.Options) { o.Now = c.now }

// TestAClockThatIsSetDelaysNothing sets the clock back and forward by an hour while
// a target waits to be tried again: it is tried after its delay, and not given up.
func TestAClockThatIsSetDelaysNothing(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-time.Hour, time.Hour} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("by %s, restart=%v", by, restart), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, 1)
				var refuses atomic.Bool
				refuses.Store(true)
				w.answers(0, func(context.Context, outbox.Notice) error {
					if refuses.Load() {
						return errRefused
					}
					return nil
				})
				var c clock
				options := func(o *outbox.Options) {
					o.FirstRetry, o.Attempts, o.GiveUpAfter, o.Lease = 500*time.Millisecond, 6, 30*time.Minute, time.Second
				}
				n := w.node(c.options, options).run()
				n.put(notice("all", 1))
				eventually(t, "it failed", func() bool { return w.attempts(0) == 1 && len(n.Retries()) == 1 })
				c.ahead.Store(int64(by))
				if restart {
					n.stop()
					n = w.node(c.options, options).run()
				}
				eventually(t, "it is tried again", func() bool { return w.attempts(0) >= 2 })
				refuses.Store(false)
				eventually(t, "it is sent", func() bool { return w.count("all-1") == 1 })
				if dead := n.DeadLetters(); len(dead) > 0 {
					t.Errorf("dead letter: %+v", dead)
				}
			})
		}
	}
}

// Of a shard no two nodes have the lease at once, whatever their clocks say.
func TestClocksThatAreSetKeepLeases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60)
	for i := range w.targets {
		w.targets[i].Endpoint = "the same"
		w.answers(i, after(10*time.Millisecond))
	}
	var one, other clock
	lease := func(o *outbox.Options) { o.Lease = 2 * time.Second }
	a, b := w.node(one.options, lease).run(), w.node(other.options, lease).run()
	for nth, by := range []time.Duration{0, time.Hour, -time.Hour, 0} {
		one.ahead.Store(int64(by))
		other.ahead.Store(int64(-by))
		[]*node{a, b}[nth%2].put(notice("all", nth))
		eventually(t, "some have it", func() bool { return w.count(fmt.Sprint("all-", nth)) > 20 })
	}
	eventually(t, "all have it", func() bool { return w.count("all-3") >= 60 })
	if w.overlap || w.count("all-3") > 60 {
		t.Errorf("two deliveries at once: %v; sent %d times", w.overlap, w.count("all-3"))
	}
}

// After a crash few are sent the same again, in whatever order they got it: the first hangs,
// and those that were sent to longest ago come first.
func TestACrashRepeatsLittle(t *testing.T) {
	t.Parallel()
	const many = 900
	w := newWorld(t, many)
	for i, in := range inShard("any", many) {
		w.targets[i].Endpoint = in.Endpoint
	}
	few := func(o *outbox.Options) { o.Concurrency = 8 }
	n := w.node(alone, few).run()
	n.put(notice("all", 1))
	eventually(t, "all have it", func() bool { return n.Pending()["test"] == 0 })
	w.answers(0, w.silence)
	n.put(notice("all", 2))
	eventually(t, "most have it", func() bool { return w.count("all-2") == many-1 })
	eventually(t, "most of that is noted", func() bool { return w.settled() > many-200 })
	n.kill()
	had := w.count("all-2")
	w.answers(0, nil)
	n = w.node(alone, few).run()
	eventually(t, "all have it", func() bool { return n.Pending()["test"] == 0 })
	if again := w.count("all-2") - many; had != many-1 || again >= 200 {
		t.Errorf("of %d targets with the notice, %d got it again", had, again)
	}
}

// settled is how many targets the records of pending notices say have it.
func (w *world) settled() (n int) {
	w.t.Helper()
	keys, err := w.bucket().Keys(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, key := range keys {
		entry, err := w.bucket().Get(w.t.Context(), key)
		if err != nil || !strings.HasPrefix(key, "owed.") {
			continue // it may be gone since
		}
		var record struct{ Told []byte }
		if err := json.Unmarshal(entry.Value(), &record); err != nil {
			w.t.Fatal(err)
		}
		n += len(record.Told) / 8
	}
	return n
}
