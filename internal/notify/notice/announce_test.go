package notice_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

func TestEventNamesFeedAndChanges(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 7, "a1", "b1")
	n.sweep()
	got := c.wire.next(t)
	if len(got.ID) < 16 {
		t.Errorf("event id %q", got.ID)
	}
	want := event.CloudEvent{
		SpecVersion: "1.0", ID: got.ID, Source: "//example.com", Type: "feed.updated", Subject: "all",
		Time: epoch.Add(7 * time.Minute), DataContentType: "application/json",
		Data: event.Update{
			Feed: "all", Formats: map[string]event.Address{"rss": {URL: "https://example.com/feeds/all.rss", ETag: `"7"`}},
			Changed: epoch.Add(7 * time.Minute), Added: []string{"a", "b"}, Edited: []string{}, Removed: []string{},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestDifference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		before, after []string
		older         []string
		want          [][3][]string
	}{
		{"nothing", []string{"a1"}, []string{"a1"}, nil, nil},
		{"added", []string{"a1"}, []string{"b1", "a1"}, nil, [][3][]string{{{"b"}, {}, {}}}},
		{"changed", []string{"b1", "a1"}, []string{"b1", "a2"}, nil, [][3][]string{{{}, {"a"}, {}}}},
		{"removed", []string{"b1", "a1"}, []string{"b1"}, nil, [][3][]string{{{}, {}, {"a"}}}},
		{"pushed off the end", []string{"b1", "a1"}, []string{"c1", "b1"}, []string{"a"}, [][3][]string{{{"c"}, {}, {}}}},
		{"in another order", []string{"b1", "a1"}, []string{"a1", "b1"}, nil, [][3][]string{{{}, {}, {}}}},
		{"all at once", []string{"d1", "c1", "b1", "a1"}, []string{"e1", "c2", "b1"}, []string{"a"}, [][3][]string{{{"e"}, {"c"}, {"d"}}}},
		{"emptied", []string{"a1"}, nil, nil, [][3][]string{{{}, {}, {"a"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cl := newCluster(t)
			n := cl.node()
			for _, id := range c.older {
				n.content.older[id] = true
			}
			n.content.set("all", 1, c.before...)
			n.sweep()
			n.content.set("all", 2, c.after...)
			n.sweep()
			n.sweep()
			var got [][3][]string
			for _, e := range cl.wire.all()[1:] {
				got = append(got, announced(e))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("added, changed, removed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEmptyFeedNotAnnounced(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.node().sweep()
	if got := c.wire.all(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestEmbargoEndAnnounced(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 5, "a1")
	n.sweep()
	n.content.set("all", 5, "b1", "a1") // nothing was stored: the time has come
	n.content.change("all", func(s *notice.Snapshot) { s.Position.Passed = epoch.Add(time.Hour) })
	n.sweep()
	if got := c.wire.all(); len(got) != 2 || !cmp.Equal(announced(got[1])[0], []string{"b"}) {
		t.Errorf("sent %v", got)
	}
}

func TestContentChangedBackGetsNewID(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	for i, member := range []string{"a1", "a2", "a1"} {
		n.content.set("all", uint64(i+1), member)
		n.sweep()
	}
	got := c.wire.all()
	if len(got) != 3 || got[0].ID == got[2].ID {
		t.Errorf("sent %v", got)
	}
}

func TestNewRendererNotAnnounced(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 5, "a1")
	n.sweep()
	again := c.restarted(n)
	again.content.change("all", func(s *notice.Snapshot) {
		s.Addresses["rss"] = event.Address{URL: "https://example.org", ETag: `"new"`}
	})
	again.sweep()
	again.content.set("all", 6, "a1") // a change of another feed
	again.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Errorf("sent %v", got)
	}
}

func TestLaggingNodeAnnouncesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	ahead, behind := c.node(), c.node()
	ahead.content.set("all", 6, "b1", "a1")
	ahead.content.change("all", func(s *notice.Snapshot) { s.Position.Passed = epoch.Add(time.Hour) })
	ahead.sweep()
	for name, position := range map[string]notice.Position{
		"an older revision":      {Epoch: epoch, Revision: 5, Passed: epoch.Add(2 * time.Hour)},
		"a clock that is behind": {Epoch: epoch, Revision: 6, Passed: epoch},
		"the same position":      {Epoch: epoch, Revision: 6, Passed: epoch.Add(time.Hour)},
		"an older bucket":        {Epoch: epoch.Add(-time.Second), Revision: 1000, Passed: epoch.Add(2 * time.Hour)},
	} {
		behind.content.set("all", 5, "a1")
		behind.content.change("all", func(s *notice.Snapshot) { s.Position = position })
		behind.sweep()
		if got := c.wire.all(); len(got) != 1 {
			t.Fatalf("with %s: sent %v", name, got)
		}
	}
	behind.content.set("all", 7, "c1", "b1", "a1")
	behind.sweep()
	if got := c.wire.all(); len(got) != 2 || !cmp.Equal(announced(got[1]), [3][]string{{"c"}, {}, {}}) {
		t.Errorf("caught up: sent %v", got)
	}
}

func TestNewGalleryBucketComparedByMembers(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 1000, "a1")
	n.sweep()
	n.content.set("all", 3, "b1")
	n.content.change("all", func(s *notice.Snapshot) { s.Position.Epoch = epoch.Add(time.Hour) })
	n.sweep()
	n.content.set("all", 0)
	n.content.change("all", func(s *notice.Snapshot) {
		s.Position.Epoch, s.Changed = epoch.Add(2*time.Hour), time.Time{} // nothing is stored in it
	})
	n.sweep()
	got := c.wire.all()
	if len(got) != 3 || !cmp.Equal(announced(got[1]), [3][]string{{"b"}, {}, {"a"}}) {
		t.Fatalf("sent %v", got)
	}
	if want := epoch.Add(2 * time.Hour); !got[2].Time.Equal(want) {
		t.Errorf("changed at %v, want when the bucket was made: %v", got[2].Time, want)
	}
}

func TestRestartNeitherForgetsNorRepeats(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 1, "a1")
	n.sweep()
	again := c.restarted(n)
	again.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Fatalf("repeated: sent %v", got)
	}
	again.content.set("all", 2, "b1", "a1")
	last := c.restarted(again) // it stopped before it announced this
	last.sweep()
	if got := c.wire.all(); len(got) != 2 || !cmp.Equal(announced(got[1])[0], []string{"b"}) {
		t.Errorf("forgot: sent %v", got)
	}
}

func TestBurstIsOneNotice(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node(func(o *notice.Options) { o.QuietPeriod, o.MaxWait = 2*time.Second, time.Minute })
	n.run()
	n.content.set("all", 0)
	for revision := uint64(1); revision <= 20; revision++ {
		n.content.set("all", revision, "a"+string(rune('A'+revision)))
		n.Mark("all", "none of ours")
		n.sweep() // the schedule leaves the feed alone until it is quiet
	}
	if got := c.wire.next(t); !cmp.Equal(announced(got)[0], []string{"a"}) {
		t.Errorf("sent %v", got)
	}
	n.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Errorf("sent %d notices", len(got))
	}
}

func TestNewerRecordLeftAlone(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	put(t, c, "announced.all", `{"format":2,"members":{"another":"shape"}}`)
	n := c.node()
	n.content.set("all", 1, "a1")
	n.sweep()
	if got := c.wire.all(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
	if got := value(t, c, "announced.all"); got != `{"format":2,"members":{"another":"shape"}}` {
		t.Errorf("record is now %s", got)
	}
}

func TestUnreadableRecordNamesKeyToDelete(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	put(t, c, "announced.all", `{"format":1,"members":7}`)
	n := c.node()
	n.content.set("all", 1, "a1")
	if err := n.Sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "delete the key announced.all") {
		t.Fatalf("error %v", err)
	}
	write(t, c, "announced.all", nil)
	n.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Errorf("sent %v", got)
	}
}

func put(t *testing.T, c *cluster, key, text string) {
	t.Helper()
	write(t, c, key, []byte(text))
}

// write replaces a record; nil deletes it.
func write(t *testing.T, c *cluster, key string, value []byte) {
	t.Helper()
	_, err := c.bucket().Amend(t.Context(), key, func(bucket.Record) ([]byte, error) { return value, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func value(t *testing.T, c *cluster, key string) string {
	t.Helper()
	r, err := c.bucket().Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Value)
}

func TestSweepContinuesAfterError(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	away := true
	n := c.node(func(o *notice.Options) {
		o.Feeds = []string{"all", "more"}
		o.Bucket = c.bucket(func(o *bucket.Options) {
			open := o.Open
			o.Open = func(ctx context.Context) (jetstream.Stream, error) {
				if away {
					return nil, errAway
				}
				return open(ctx)
			}
		})
	})
	n.content.set("all", 1, "a1")
	n.content.set("more", 1, "a1")
	err := n.Sweep(t.Context())
	if err == nil || !strings.Contains(err.Error(), `"all"`) || !strings.Contains(err.Error(), `"more"`) {
		t.Errorf("error %v", err)
	}
	away = false
	n.sweep()
	if got := c.wire.all(); len(got) != 2 {
		t.Errorf("sent %v", got)
	}
}

func TestFailedAnnouncementRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withoutServer(t)
		n := c.node()
		n.content.err = errAway
		n.run()
		n.Mark("all")
		<-time.After(time.Minute - time.Second)
		synctest.Wait()
		n.content.mu.Lock()
		defer n.content.mu.Unlock()
		if n.content.asked != 12 {
			t.Errorf("%d attempts in a minute, want 12", n.content.asked)
		}
	})
}

// Nodes that choose a feed's galleries differently must not announce in turn
// for ever.
func TestEachDefinitionAnnouncedOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	one, two := c.node(), c.node()
	one.content.set("all", 3, "a1")
	one.sweep()
	wider := func(s *notice.Snapshot) { s.Definition = "wider" }
	two.content.set("all", 3, "b1", "a1")
	two.content.change("all", wider)
	for range 3 {
		two.sweep()
		one.sweep()
	}
	if got := c.wire.all(); len(got) != 2 || !cmp.Equal(announced(got[1]), [3][]string{{"b"}, {}, {}}) {
		t.Errorf("%d notices: %+v", len(got), got)
	}
	two.content.set("all", 4, "b2", "a1")
	two.content.change("all", wider)
	two.sweep()
	if got := c.wire.all(); len(got) != 3 || !cmp.Equal(announced(got[2]), [3][]string{{}, {"b"}, {}}) {
		t.Errorf("after the next change %d notices: %+v", len(got), got)
	}
}

func TestNoticesCounted(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	metrics := prometheus.NewRegistry()
	shared := func(o *notice.Options) { o.Registerer = metrics }
	for i, n := range []*node{c.node(shared), c.node(shared)} {
		n.content.set("all", uint64(i+1), "a"+strconv.Itoa(i))
		n.sweep()
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			counted[f.GetName()] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{"gallerywire_notices_total": 2, "gallerywire_notice_delay_seconds": 2}
	if diff := cmp.Diff(want, counted); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}
