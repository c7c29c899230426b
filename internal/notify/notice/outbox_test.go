package notice_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
)

type enqueued struct {
	outbox.Notice
	Update event.Update
}

// recorder is what a node enqueued, and when.
type recorder struct {
	got  []enqueued
	sent []int // events sent when each was enqueued
	down int   // how many fail at first
}

// enqueue makes a node enqueue to l.
func (l *recorder) enqueue(c *cluster) func(*notice.Options) {
	return func(o *notice.Options) {
		o.Enqueue = func(_ context.Context, n outbox.Notice, u event.Update) error {
			l.got, l.sent = append(l.got, enqueued{n, u}), append(l.sent, len(c.wire.all()))
			if len(l.got) <= l.down {
				return errAway
			}
			return nil
		}
	}
}

func TestEnqueuedBeforeSent(t *testing.T) {
	t.Parallel()
	c, l := newCluster(t), &recorder{}
	n := c.node(l.enqueue(c))
	n.content.set("all", 7, "a1")
	n.sweep()
	n.sweep()
	sent := c.wire.next(t)
	want := []enqueued{{
		outbox.Notice{About: "all", ID: sent.ID, Order: notice.Position{Epoch: epoch, Revision: 7}.Order(), At: epoch.Add(7 * time.Minute)},
		sent.Data.(event.Update),
	}}
	if diff := cmp.Diff(want, l.got); diff != "" {
		t.Errorf("enqueued (-want +got):\n%s", diff)
	}
	if l.sent[0] != 0 {
		t.Errorf("enqueued when %d events were sent", l.sent[0])
	}
}

// Listeners on NATS get it once, at once; the outbox gets it in the end.
func TestOutboxErrorHoldsUpNoEvent(t *testing.T) {
	t.Parallel()
	c, l := newCluster(t), &recorder{down: 2}
	n := c.node(l.enqueue(c))
	n.content.set("all", 1, "a1")
	for range 2 {
		if err := n.Sweep(t.Context()); !errors.Is(err, errAway) {
			t.Fatalf("error %v", err)
		}
		if got := c.wire.all(); len(got) != 1 {
			t.Fatalf("sent %v", got)
		}
	}
	n.content.set("all", 2, "b1", "a1") // it comes after the pending one
	n.sweep()
	n.sweep()
	if len(l.got) != 4 || !cmp.Equal(l.got[0], l.got[1]) || !cmp.Equal(l.got[1], l.got[2]) {
		t.Fatalf("enqueued %v", l.got)
	}
	if got := c.wire.all(); len(got) != 2 || got[0].ID != l.got[0].ID || got[1].ID != l.got[3].ID {
		t.Errorf("sent %v", got)
	}
	if l.got[3].Order.Compare(l.got[2].Order) <= 0 {
		t.Errorf("enqueued %v after %v", l.got[3].Order, l.got[2].Order)
	}
}

func TestOutboxAndNATSErrorsBothRepeated(t *testing.T) {
	t.Parallel()
	c, l := newCluster(t), &recorder{down: 1}
	away := true
	n := c.node(l.enqueue(c), func(o *notice.Options) {
		o.Send = func(ctx context.Context, e event.CloudEvent) error {
			if away {
				return errNoFeed // another error than that of the outbox
			}
			return c.wire.send(ctx, e)
		}
	})
	n.content.set("all", 1, "a1")
	if err := n.Sweep(t.Context()); !errors.Is(err, errAway) || !errors.Is(err, errNoFeed) {
		t.Fatalf("error %v", err)
	}
	away = false
	n.sweep()
	n.sweep()
	if got := c.wire.all(); len(got) != 1 || len(l.got) != 2 || got[0].ID != l.got[0].ID || got[0].ID != l.got[1].ID {
		t.Errorf("sent %v, enqueued %v", got, l.got)
	}
}

func TestUnmarkedNoticeEnqueuedAgainWithSameID(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]func(c *cluster, e event.CloudEvent) error{
		"before it was sent": func(*cluster, event.CloudEvent) error { return errAway },
		"after it was sent":  func(c *cluster, e event.CloudEvent) error { return c.wire.send(t.Context(), e) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, l := newCluster(t), &recorder{}
			life, die := context.WithCancel(t.Context())
			first := c.node(l.enqueue(c), func(o *notice.Options) {
				o.Send = func(_ context.Context, e event.CloudEvent) error {
					defer die()
					return last(c, e)
				}
			})
			first.content.set("all", 1, "a1")
			if err := first.Sweep(life); err == nil {
				t.Fatal("it did not die")
			}
			second := c.restarted(first, l.enqueue(c), noLease)
			second.sweep()
			second.sweep()
			if len(l.got) != 2 || !cmp.Equal(l.got[0], l.got[1]) {
				t.Errorf("enqueued %v", l.got)
			}
			for _, e := range c.wire.all() {
				if e.ID != l.got[0].ID {
					t.Errorf("sent %s, want %s", e.ID, l.got[0].ID)
				}
			}
		})
	}
}

func TestAnnouncementOrder(t *testing.T) {
	at := time.Date(2026, 11, 20, 9, 0, 0, 7, time.FixedZone("", 3600))
	for _, c := range []struct {
		position notice.Position
		want     outbox.Order
	}{
		{notice.Position{}, outbox.Order{}},
		{notice.Position{Revision: 7}, outbox.Order{Revision: 7}},
		{notice.Position{Epoch: at, Revision: 7, Passed: at.Add(time.Second)}, outbox.Order{Epoch: at.UnixNano(), Revision: 7, Passed: at.UnixNano() + 1e9}},
	} {
		if got := c.position.Order(); got != c.want {
			t.Errorf("%v: %v, want %v", c.position, got, c.want)
		}
	}
}
