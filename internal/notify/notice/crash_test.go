package notice_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

// longLease leaves a notice to its claimer for as long as a test runs.
func longLease(o *notice.Options) { o.Lease = storetest.WaitLimit }

func TestSweepingNodesSendOneNoticePerChange(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	nodes := []*node{c.node(longLease), c.node(longLease)}
	const changes = 25
	for revision := uint64(1); revision <= changes; revision++ {
		var wg sync.WaitGroup
		for _, n := range nodes {
			n.content.set("all", revision, fmt.Sprint("a", revision))
			wg.Go(func() {
				if err := n.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	wantEachOnce(t, c, changes)
}

func TestRunningNodesSendOneNoticePerChange(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	nodes := []*node{c.node(longLease), c.node(longLease), c.node(longLease)}
	for _, n := range nodes {
		n.run()
	}
	const changes = 25
	for revision := uint64(1); revision <= changes; revision++ {
		for _, n := range nodes {
			n.content.set("all", revision, fmt.Sprint("a", revision))
			n.Mark("all")
		}
		c.wire.next(t)
		nodes[revision%3].sweep() // the schedule meets what the others do
	}
	for _, n := range nodes {
		n.sweep()
	}
	wantEachOnce(t, c, changes)
}

// wantEachOnce wants one event for each revision up to n, in order.
func wantEachOnce(t *testing.T, c *cluster, n int) {
	t.Helper()
	var want, got []string
	for revision := 1; revision <= n; revision++ {
		want = append(want, fmt.Sprintf(`"%d"`, revision))
	}
	for _, e := range c.wire.all() {
		got = append(got, e.Data.(event.Update).Formats["rss"].ETag)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}

func TestFailedSendRepeatedWithSameID(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var tried []string
	n := c.node(func(o *notice.Options) {
		o.Send = func(ctx context.Context, e event.CloudEvent) error {
			if tried = append(tried, e.ID); len(tried) < 3 {
				return errAway
			}
			return c.wire.send(ctx, e)
		}
	})
	n.content.set("all", 1, "a1")
	for range 2 {
		if err := n.Sweep(t.Context()); err == nil {
			t.Fatal("no error")
		}
	}
	n.sweep()
	n.sweep()
	if len(tried) != 3 || tried[0] != tried[1] || tried[1] != tried[2] {
		t.Errorf("tried %v", tried)
	}
}

// encoded is an event as it is sent.
func encoded(t *testing.T, e event.CloudEvent) string {
	t.Helper()
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNoticeOfDeadNodeSentByAnother(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	life, die := context.WithCancel(t.Context())
	var claimed event.CloudEvent
	first := c.node(func(o *notice.Options) {
		o.Send = func(ctx context.Context, e event.CloudEvent) error {
			claimed = e
			die()
			return ctx.Err()
		}
	})
	first.content.set("all", 1, "a1")
	if err := first.Sweep(life); err == nil {
		t.Fatal("it did not die")
	}
	second := c.restarted(first)
	second.run()
	second.content.set("all", 2, "b1", "a1") // the content has moved on meanwhile
	second.Mark("all")
	if diff := cmp.Diff(encoded(t, claimed), encoded(t, c.wire.next(t))); diff != "" {
		t.Errorf("the same id has another body (-want +got):\n%s", diff)
	}
	if got := c.wire.next(t); !cmp.Equal(announced(got), [3][]string{{"b"}, {}, {}}) {
		t.Errorf("then sent %v", got)
	}
	second.sweep()
	if got := c.wire.all(); len(got) != 2 {
		t.Errorf("sent %v", got)
	}
}

func TestLoneNodeWaitsForNoLease(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	life, die := context.WithCancel(t.Context())
	first := c.node(func(o *notice.Options) {
		o.Send = func(ctx context.Context, e event.CloudEvent) error {
			die()
			return ctx.Err()
		}
	})
	first.content.set("all", 1, "a1")
	if err := first.Sweep(life); err == nil {
		t.Fatal("it did not die")
	}
	again := c.restarted(first, longLease, func(o *notice.Options) { o.Alone = true })
	again.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Errorf("sent %d notices, want 1", len(got))
	}
}

func TestNoticeNotTakenOverWithinLease(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	sending, release := make(chan struct{}), make(chan struct{})
	slow := c.node(func(o *notice.Options) {
		o.Lease = storetest.WaitLimit
		o.Send = func(ctx context.Context, e event.CloudEvent) error {
			close(sending)
			<-release
			return c.wire.send(ctx, e)
		}
	})
	slow.content.set("all", 1, "a1")
	done := make(chan error, 1)
	go func() { done <- slow.Sweep(t.Context()) }()
	<-sending
	other := c.restarted(slow, longLease)
	other.sweep()
	other.sweep()
	if got := c.wire.all(); len(got) != 0 {
		t.Errorf("sent %v within the lease", got)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	other.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Errorf("sent %d notices, want 1", len(got))
	}
}

// dying sends, and then can write no more.
func dying(c *cluster, die func()) func(*notice.Options) {
	return func(o *notice.Options) {
		o.Send = func(ctx context.Context, e event.CloudEvent) error {
			defer die()
			return c.wire.send(ctx, e)
		}
	}
}

func TestUnmarkedNoticeSentAgainWithSameID(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	life, die := context.WithCancel(t.Context())
	first := c.node(dying(c, die))
	first.content.set("all", 1, "a1")
	if err := first.Sweep(life); err == nil {
		t.Fatal("it could still write")
	}
	second := c.restarted(first)
	second.run()
	second.Mark("all")
	sent, again := c.wire.next(t), c.wire.next(t)
	if diff := cmp.Diff(sent, again); diff != "" {
		t.Errorf("events (-first +second):\n%s", diff)
	}
	second.sweep()
	if got := c.wire.all(); len(got) != 2 {
		t.Errorf("sent %d notices, want 2", len(got))
	}
}

func TestLivingNodeSendsOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	life, lose := context.WithCancel(t.Context())
	n := c.node(dying(c, lose))
	n.content.set("all", 1, "a1")
	if err := n.Sweep(life); err == nil {
		t.Fatal("it could still write")
	}
	n.sweep()
	n.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Errorf("sent %d notices, want 1", len(got))
	}
	c.restarted(n).sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Errorf("the record is not marked: sent %d notices", len(got))
	}
}
