package notice_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

const night = "tags/night"

// subscriptions are those of feeds, as a node knows them.
type subscriptions struct {
	mu    sync.Mutex
	feeds []string
	err   error
}

// Feeds implements [notice.Subscriptions].
func (a *subscriptions) Feeds() ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.feeds), a.err
}

// Subscribed implements [notice.Subscriptions].
func (a *subscriptions) Subscribed(feed string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.feeds, feed)
}

// set makes those the feeds with subscriptions.
func (a *subscriptions) set(feeds ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.feeds = feeds
}

// option gives a node these subscriptions.
func (a *subscriptions) option(o *notice.Options) { o.Subscriptions = a }

// noLease takes every record for an old one.
func noLease(o *notice.Options) { o.Lease = -1 }

// baseline must succeed.
func (n *node) baseline(feed string) {
	n.t.Helper()
	if err := n.Baseline(n.t.Context(), feed); err != nil {
		n.t.Fatal(err)
	}
}

// wantAnnounced wants that what was announced of feed so far, added, changed and
// removed.
func (c *cluster) wantAnnounced(feed string, want ...[3][]string) {
	c.t.Helper()
	var got [][3][]string
	for _, e := range c.wire.all() {
		if e.Subject == feed {
			got = append(got, announced(e))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("announced of %s (-want +got):\n%s", feed, diff)
	}
}

func recorded(t *testing.T, c *cluster, feed string) bool {
	t.Helper()
	return value(t, c, "announced."+gallery.Key(feed)) != ""
}

func TestBaselineIsPresentContent(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*node){
		"before the subscription": func(n *node) { n.baseline(night) },
		"when it is swept":        func(*node) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, a := newCluster(t), &subscriptions{}
			n := c.node(a.option)
			n.content.set(night, 3, "b1", "a1")
			begin(n)
			a.set(night)
			n.sweep()
			c.wantAnnounced(night)
			if !recorded(t, c, night) {
				t.Error("nothing is recorded")
			}
			n.content.set(night, 4, "c1", "b1", "a2")
			n.sweep()
			n.sweep()
			c.wantAnnounced(night, [3][]string{{"c"}, {"a"}, {}})
		})
	}
}

func TestUnsubscribedFeedNotAnnounced(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option, func(o *notice.Options) { o.Also = []string{"sections/travel"} })
	for _, feed := range []string{"all", "sections/travel", night, "tags/day"} {
		n.content.set(feed, 1, "a1")
		n.baseline(feed)
	}
	a.set(night)
	n.run()
	for _, feed := range []string{"all", "sections/travel", night, "tags/day"} {
		n.content.set(feed, 2, "b1", "a1")
	}
	n.Mark("tags/day", "sections/travel", night, "all")
	got := map[string][3][]string{}
	for range 3 {
		e := c.wire.next(t)
		got[e.Subject] = announced(e)
	}
	want := map[string][3][]string{
		"all":             {{"b", "a"}, {}, {}}, // announced from the first on
		"sections/travel": {{"b", "a"}, {}, {}},
		night:             {{"b"}, {}, {}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
	n.sweep()
	if got := c.wire.all(); len(got) != 3 {
		t.Errorf("sent %v", got)
	}
}

// The feed is not marked: it has no subscribers yet.
func TestChangeBetweenBaselineAndSubscriptionAnnounced(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option)
	n.content.set(night, 3, "a1")
	n.baseline(night)
	n.content.set(night, 4, "b1", "a1")
	n.Mark(night)
	a.set(night)
	n.run()
	if got := c.wire.next(t); got.Subject != night || !cmp.Equal(announced(got), [3][]string{{"b"}, {}, {}}) {
		t.Errorf("announced %v", got)
	}
}

func TestLaterSubscriberGetsNoOldNews(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(t *testing.T, c *cluster, a *subscriptions, n *node) *node{
		"a sweep found no subscriptions": func(t *testing.T, c *cluster, _ *subscriptions, n *node) *node {
			n.sweep()
			if recorded(t, c, night) {
				t.Error("the record is still there")
			}
			n.content.set(night, 2, "b1", "a1")
			return n
		},
		"no sweep, and it begins": func(_ *testing.T, _ *cluster, _ *subscriptions, n *node) *node {
			n.content.set(night, 2, "b1", "a1")
			n.baseline(night)
			return n
		},
		"no node ran, and it begins": func(_ *testing.T, c *cluster, a *subscriptions, n *node) *node {
			n.content.set(night, 2, "b1", "a1")
			again := c.restarted(n, a.option, noLease)
			again.sweep()
			again.baseline(night)
			return again
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, a := newCluster(t), &subscriptions{}
			n := c.node(a.option, noLease)
			n.content.set(night, 1, "a1")
			a.set(night)
			n.sweep()
			a.set()
			n = meanwhile(t, c, a, n)
			a.set(night)
			n.sweep()
			c.wantAnnounced(night)
			n.content.set(night, 3, "c1", "b1", "a1")
			n.sweep()
			c.wantAnnounced(night, [3][]string{{"c"}, {}, {}})
		})
	}
}

func TestUnsentNoticeForgottenWithItsSubscribers(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	down := true
	n := c.node(a.option, noLease, func(o *notice.Options) {
		send := o.Send
		o.Send = func(ctx context.Context, e event.CloudEvent) error {
			if down {
				return errAway
			}
			return send(ctx, e)
		}
	})
	n.content.set(night, 1, "a1")
	n.baseline(night)
	a.set(night)
	n.content.set(night, 2, "b1", "a1")
	if err := n.Sweep(t.Context()); err == nil {
		t.Fatal("it was sent")
	}
	a.set()
	n.content.set(night, 3, "c1", "b1", "a1")
	n.baseline(night)
	a.set(night)
	down = false
	n.sweep()
	c.wantAnnounced(night)
}

// The second node does not know of the first subscription yet.
func TestSecondBaselineKeepsYoungRecord(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	one, two := &subscriptions{}, &subscriptions{}
	first, second := c.node(one.option, longLease), c.node(two.option, longLease)
	first.content.set(night, 1, "a1")
	first.baseline(night)
	one.set(night)
	for _, n := range []*node{first, second} {
		n.content.set(night, 2, "b1", "a1")
	}
	second.baseline(night)
	two.set(night)
	first.sweep()
	second.sweep()
	c.wantAnnounced(night, [3][]string{{"b"}, {}, {}})
}

func TestConcurrentBaselinesAnnounceNothing(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	var wg sync.WaitGroup
	for i := range 8 {
		n := c.node(a.option, noLease)
		n.content.set(night, 1, "a1")
		wg.Go(func() {
			for j := range 5 {
				if i+j == 4 {
					a.set(night)
				}
				if err := errors.Join(n.Baseline(t.Context(), night), n.Sweep(t.Context())); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c.wantAnnounced(night)
}

func TestBaselineOfSubscribedFeedChangesNothing(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option, noLease)
	n.content.set(night, 1, "a1")
	n.baseline(night)
	a.set(night)
	n.content.set(night, 2, "b1", "a1")
	n.baseline(night)
	n.sweep()
	c.wantAnnounced(night, [3][]string{{"b"}, {}, {}})
}

// slowSource is a source in which feeds that are not configured take long.
type slowSource struct {
	*content
	asked, goOn chan struct{}
}

// Snapshot implements [notice.Source].
func (s slowSource) Snapshot(feed string, since notice.Since) (notice.Snapshot, error) {
	if feed != "all" {
		s.asked <- struct{}{}
		<-s.goOn
	}
	return s.content.Snapshot(feed, since)
}

// A burst of subscriptions delays no announcement, and no other subscription.
func TestBaselineDelaysNoAnnouncement(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	slow := slowSource{asked: make(chan struct{}, 100), goOn: make(chan struct{})}
	n := c.node(func(o *notice.Options) {
		slow.content = o.Source.(*content)
		o.Source = slow
	})
	feeds := []string{night, "tags/day", "sections/travel", "galleries/harbour"}
	var begun sync.WaitGroup
	for _, feed := range feeds {
		n.content.set(feed, 3, "a1")
		begun.Go(func() {
			if err := n.Baseline(t.Context(), feed); err != nil {
				t.Error(err)
			}
		})
	}
	free := sync.OnceFunc(func() { close(slow.goOn) })
	defer begun.Wait()
	defer free()
	for range feeds {
		storetest.Receive(t, "baselines beside each other", slow.asked)
	}
	n.content.set("all", 4, "b1", "a1")
	n.Mark("all")
	n.run()
	if e := c.wire.next(t); e.Subject != "all" {
		t.Errorf("announced %s", e.Subject)
	}
	free()
	begun.Wait()
	for _, feed := range feeds {
		if !recorded(t, c, feed) {
			t.Errorf("nothing is recorded of %s", feed)
		}
	}
}

// An announcement that takes long, because much is enqueued, delays no subscription.
func TestAnnouncementDelaysNoBaseline(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	enqueuing, free := make(chan struct{}), make(chan struct{})
	n := c.node(func(o *notice.Options) {
		o.Enqueue = func(context.Context, outbox.Notice, event.Update) error {
			close(enqueuing)
			<-free
			return nil
		}
	})
	n.content.set(night, 3, "a1")
	n.content.set("all", 4, "a1")
	n.Mark("all")
	n.run()
	defer close(free)
	<-enqueuing
	begun := make(chan error, 1)
	go func() { begun <- n.Baseline(t.Context(), night) }()
	if err := storetest.Receive(t, "the baseline", begun); err != nil || !recorded(t, c, night) {
		t.Errorf("error %v", err)
	}
}

func TestBaselineOfLaggingNodeKeepsRecord(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	ahead, behind := c.node(a.option, noLease), c.node(a.option, noLease)
	ahead.content.set(night, 6, "b1", "a1")
	behind.content.set(night, 5, "a1")
	ahead.baseline(night)
	behind.baseline(night)
	a.set(night)
	behind.sweep()
	ahead.sweep()
	c.wantAnnounced(night)
}

func TestYoungRecordOutlivesSweep(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option, longLease)
	n.content.set(night, 1, "a1")
	a.set(night)
	n.sweep()
	a.set()
	n.sweep() // a subscription may be about to be stored
	if !recorded(t, c, night) {
		t.Error("the record is gone")
	}
}

func TestNothingForgottenWhileSubscriptionsUnknown(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option, noLease)
	n.content.set(night, 1, "a1")
	a.set(night)
	n.sweep()
	a.set()
	a.err = errAway
	if err := n.Sweep(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("error %v", err)
	}
	if !recorded(t, c, night) {
		t.Error("the record is gone")
	}
}

func TestUnsubscribedFeedsForgotten(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option, noLease)
	n.sweep()
	before := n.Known()
	var feeds []string
	for _, name := range strings.Split("abcdefghij", "") {
		feeds = append(feeds, "tags/"+name)
		n.content.set("tags/"+name, 1, "a1")
	}
	a.set(feeds...)
	n.sweep()
	a.set()
	n.Mark(feeds...)
	n.sweep()
	if got := n.Known(); got != before {
		t.Errorf("%d feeds are remembered, want %d", got, before)
	}
}

func TestUnknownFeedFailsNoSweep(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option, func(o *notice.Options) { o.Also = []string{"sections/none"} })
	n.content.set("all", 1, "a1")
	a.set("tags/none")
	for _, never := range []string{"sections/none", "tags/none"} {
		n.content.never = never
		n.sweep()
	}
	n.content.never = "all"
	if err := n.Sweep(t.Context()); !errors.Is(err, errNoFeed) {
		t.Errorf("a configured feed: error %v", err)
	}
	if err := n.Baseline(t.Context(), "all"); err != nil {
		t.Errorf("a configured feed has begun: %v", err)
	}
	n.content.never = "tags/none"
	if err := n.Baseline(t.Context(), "tags/none"); !errors.Is(err, errNoFeed) {
		t.Errorf("baseline: error %v", err)
	}
}

func TestUnknownFeedRetriedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a := withoutServer(t), &subscriptions{}
		n := c.node(a.option)
		a.set(night)
		n.content.never = night
		n.run()
		n.Mark(night)
		<-time.After(time.Hour)
		synctest.Wait()
		n.content.mu.Lock()
		defer n.content.mu.Unlock()
		if n.content.asked != 12 {
			t.Errorf("%d attempts in an hour, want 12", n.content.asked)
		}
	})
}
