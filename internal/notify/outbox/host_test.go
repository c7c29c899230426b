package outbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// inShard returns targets of a host whose endpoints are in the first shard.
func inShard(host string, n int) []outbox.Target {
	var list []outbox.Target
	for i := 0; len(list) < n; i++ {
		t := outbox.Target{Key: fmt.Sprintf("%s-%d", host, i), Name: host, Endpoint: fmt.Sprintf("https://%s/%d", host, i), Host: host}
		if outbox.ShardOf(t.Endpoint) == 0 {
			list = append(list, t)
		}
	}
	return list
}

// deadAndHealthy is a world with targets of a dead host and some of a healthy one.
func deadAndHealthy(t *testing.T, dead, healthy int) *world {
	w := newWorld(t, 0)
	for _, target := range inShard("dead", dead) {
		w.targets = append(w.targets, target)
		w.answer[target.Key] = w.silence
	}
	w.targets = append(w.targets, inShard("healthy", healthy)...)
	return w
}

func TestADeadHostDelaysNoFirstAttemptAtAnother(t *testing.T) {
	t.Parallel()
	w := deadAndHealthy(t, 400, 400)
	n := w.node().run()
	n.put(notice("all", 1))
	eventually(t, "the healthy host has the notice", func() bool { return w.count("all-1") == 400 })
}

func TestADeadHostDelaysNoRetryOfAnother(t *testing.T) {
	t.Parallel()
	w := deadAndHealthy(t, 700, 20)
	n := w.node()
	stop := n.run().stop
	stop() // with the outbox read
	for _, target := range w.targets {
		if err := n.PutTo(t.Context(), notice("all", 1), target.Key); err != nil {
			t.Fatal(err)
		}
	}
	w.node().run()
	eventually(t, "the healthy host has the notice", func() bool { return w.count("all-1") == 20 })
}

// One of two retries hangs, and no more may be in flight: the other waits, and keeps no
// first attempt from its endpoint.
func TestARetryTakesItsTurnBeforeItsEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.answers(0, w.silence)
	n := w.node(alone, func(o *outbox.Options) { o.Concurrency = 1 }).run()
	n.putTo(notice("hangs", 1), 0)
	eventually(t, "one retry hangs", func() bool { return w.attempts(0) == 1 })
	n.putTo(notice("waits", 1), 1)
	eventually(t, "the other is about to be sent", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.packed == 2
	})
	w.mu.Lock()
	w.targets = w.targets[1:]
	w.mu.Unlock()
	n.put(notice("all", 1))
	eventually(t, "the first attempt is made", func() bool { return w.count("all-1") == 1 })
	if n := w.count("waits-1"); n != 0 {
		t.Errorf("%d retries while another hangs", n)
	}
}

// A subscriber that begins anew has nothing, whatever it was sent before.
func TestANoticeToOneTargetIsSentThoughItHasTheVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.contents["all"] = "one"
	n := w.node(func(o *outbox.Options) { o.Lease = time.Hour }).run()
	n.put(notice("all", 1))
	eventually(t, "it is sent", func() bool { return w.count("all-1") == 1 && n.Pending()["test"] == 0 })
	n.putTo(notice("all", 2), 0)
	eventually(t, "the same is sent again", func() bool { return w.count("all-2") == 1 })
}

func TestRetryOfADeadLetterNeedsNoChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	n := w.node().run()
	w.answers(0, refuse)
	n.put(notice("all", 1))
	eventually(t, "the first is a dead letter", func() bool { return len(n.DeadLetters()) == 1 && len(n.Retries()) == 0 })
	w.answers(0, func(context.Context, outbox.Notice) error {
		return &outbox.RetryError{After: time.Hour, Err: errRefused}
	})
	n.put(notice("all", 2))
	eventually(t, "the second is retried", func() bool { return len(n.Retries()) == 1 && n.Retries()[0].Attempts == 1 })
	w.answers(0, nil)
	command := w.node(func(o *outbox.Options) { o.Channels = nil }).run()
	if err := command.Retry(t.Context(), n.DeadLetters()[0].Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are sent", func() bool { return len(w.received(0)) == 1 && len(n.Retries())+len(n.DeadLetters()) == 0 })
}

// lookups counts how often targets are searched, which begins each attempt.
type lookups struct {
	*world
	n atomic.Int64
}

// Target implements [outbox.Channel].
func (l *lookups) Target(n outbox.Notice, key string) (outbox.Target, bool) {
	l.n.Add(1)
	return l.world.Target(n, key)
}

// The work of a delivery does not grow with the notices that wait for the same target.
func TestManyNoticesForOneTargetAreBegunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	const many = 500
	w := newWorld(t, 1)
	l := &lookups{world: w}
	n := w.node(alone, func(o *outbox.Options) { o.Channels = map[string]outbox.Channel{"test": l} }).run()
	for i := range many {
		n.putTo(notice(fmt.Sprint("feed-", i), 1), 0)
	}
	eventually(t, "all are sent", func() bool { return w.attempts(0) >= many && n.Pending()["test"] == 0 })
	if got := l.n.Load(); got > 4*many { // one to store it, one to send it
		t.Errorf("the target was searched %d times for %d notices", got, many)
	}
}
