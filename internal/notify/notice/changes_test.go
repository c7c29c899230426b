package notice_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

// steps has the next snapshots say that these happened: "+a ~b -c", and "!" for
// something else. The members stay.
func (n *node) steps(revision uint64, words string) {
	n.content.mu.Lock()
	defer n.content.mu.Unlock()
	s := n.content.feeds["all"]
	s.Position.Revision, s.Steps, s.Other = revision, nil, false
	for _, word := range strings.Fields(words) {
		if word == "!" {
			s.Other = true
			continue
		}
		s.Steps = append(s.Steps, notice.Step{ID: word[1:], Was: word[0] != '+', Is: word[0] != '-'})
	}
	n.content.feeds["all"] = s
}

// What happens to galleries that the documents do not reach back to is announced.
func TestChangesBelowDocumentsAnnounced(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 1, "c1", "b1")
	n.sweep()
	for i, step := range []struct {
		words string
		want  [3][]string
	}{
		{"-a", [3][]string{{}, {}, {"a"}}},
		{"~a", [3][]string{{}, {"a"}, {}}},
		{"+late ~a -y -x", [3][]string{{"late"}, {"a"}, {"y", "x"}}},
		{"+b", [3][]string{{}, {"b"}, {}}}, // it was announced, though the steps differ
		{"!", [3][]string{{}, {}, {}}},
	} {
		n.steps(uint64(i+2), step.words)
		n.sweep()
		sent := c.wire.all()
		if len(sent) != i+2 || !cmp.Equal(announced(sent[i+1]), step.want) {
			t.Errorf("%q: %d notices, the last %v", step.words, len(sent), announced(sent[len(sent)-1]))
		}
		n.steps(uint64(i+2), "")
		n.sweep()
	}
	n.steps(100, "")
	n.sweep()
	if got := len(c.wire.all()); got != 6 {
		t.Errorf("%d notices", got)
	}
}

// What cannot be shown is not named, and is removed if it was.
func TestGalleryLeftOutNotAnnounced(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 1, "a1")
	n.sweep()
	n.content.leftOut = []string{"b"}
	n.content.set("all", 2, "b1", "a1")
	n.sweep()
	if got := c.wire.all(); len(got) != 1 {
		t.Fatalf("sent %v", got)
	}
	n.content.leftOut = []string{"a", "b"}
	n.content.set("all", 3, "b1", "a2")
	n.sweep()
	n.content.leftOut = nil
	n.content.set("all", 4, "b2", "a3")
	n.sweep()
	c.wantAnnounced("all", [3][]string{{"a"}, {}, {}}, [3][]string{{}, {}, {"a"}}, [3][]string{{}, {"b", "a"}, {}}) // both are there now
}

// An update has bounds: removals come first, then what is newest.
func TestUpdateBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	n := c.node()
	n.content.set("all", 1)
	var words []string
	for i := range 2000 {
		words = append(words, fmt.Sprintf("+a%0255d", i), fmt.Sprintf("-r%0255d", i%500))
	}
	n.steps(2, strings.Join(words, " "))
	n.sweep()
	got := announced(c.wire.next(t))
	size := 0
	for _, ids := range got {
		for _, id := range ids {
			size += len(id)
		}
	}
	if size > 256<<10 || size < 250<<10 || len(got[0]) > 0 || got[2][0] != strings.Fields(words[1])[0][1:] {
		t.Errorf("%d bytes, %d added, %d removed", size, len(got[0]), len(got[2]))
	}
}

// A node that is configured anew announces its way, and the old way again when the
// configuration goes back: each starts finitely often.
func TestDefinitionChangedBackAnnounced(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	wide := func(n *node) {
		n.content.set("all", 3, "b1", "a1")
		n.content.change("all", func(s *notice.Snapshot) { s.Definition = "wide" })
	}
	narrow, wider := c.node(), c.node()
	narrow.content.set("all", 3, "b1")
	wide(wider)
	for range 3 {
		narrow.sweep()
		wider.sweep()
	}
	back := c.restarted(narrow)
	for range 3 {
		back.sweep()
		wider.sweep()
	}
	c.wantAnnounced("all", [3][]string{{"b"}, {}, {}}, [3][]string{{"a"}, {}, {}}, [3][]string{{}, {}, {"a"}})
}

// A feed that cannot be rendered, or whose storage hangs, delays no other.
func TestHangingFeedDelaysNoOther(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	hangs := make(chan struct{}, 1)
	n := c.node(func(o *notice.Options) { o.Feeds = []string{"all", "stuck", "broken"} })
	n.content.render = func(ctx context.Context, feed string) error {
		switch feed {
		case "stuck":
			hangs <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		case "broken":
			return errAway
		}
		return nil
	}
	for _, feed := range []string{"all", "stuck", "broken"} {
		n.content.set(feed, 1, "a1")
	}
	n.run()
	n.Mark("stuck", "broken")
	<-hangs
	for revision := uint64(2); revision < 5; revision++ {
		n.content.set("all", revision, "a1", "b"+fmt.Sprint(revision))
		n.Mark("all", "stuck", "broken")
		if e := c.wire.next(t); e.Subject != "all" {
			t.Errorf("announced %s", e.Subject)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), storetest.WaitLimit)
	defer cancel()
	err := n.Sweep(ctx)
	for ctx.Err() == nil && err == nil { // a feed that changes, or is announced just now, is left to that
		err = n.Sweep(ctx)
	}
	if ctx.Err() != nil || !errors.Is(err, errAway) {
		t.Errorf("the sweep: %v", err)
	}
}

// Feeds that failed are tried beside the others, a few at a time.
func TestFailingFeedsDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withoutServer(t)
		var feeds []string
		for i := range 100 {
			feeds = append(feeds, fmt.Sprint("stuck", i))
		}
		n := c.node(func(o *notice.Options) { o.Feeds = append(feeds, "all") })
		n.content.render = func(ctx context.Context, feed string) error {
			if feed == "all" {
				return errNoFeed // it is seen that it was asked for
			}
			<-time.After(10 * time.Second)
			return errAway
		}
		for _, feed := range feeds {
			n.content.set(feed, 1, "a1")
		}
		n.run()
		n.Mark(feeds...)
		<-time.After(time.Minute) // by now all have failed
		n.content.set("all", 1, "a1")
		before := n.rendered("all")
		n.Mark("all")
		<-time.After(time.Second)
		synctest.Wait()
		if got := n.rendered("all") - before; got != 1 {
			t.Errorf("the feed was rendered %d times within a second", got)
		}
	})
}

func (n *node) rendered(feed string) int {
	n.content.mu.Lock()
	defer n.content.mu.Unlock()
	return n.content.renderings[feed]
}

// Sweeps over feeds at rest read no record and render nothing, whatever else
// happens; what was stored before is read once.
func TestSweepAtRestReadsNothing(t *testing.T) {
	t.Parallel()
	c, a := newCluster(t), &subscriptions{}
	n := c.node(a.option, func(o *notice.Options) { o.Feeds = nil })
	var feeds []string
	for i := range 50 {
		feed := fmt.Sprint("tags/", i)
		feeds = append(feeds, feed)
		n.content.set(feed, 1, "a1")
	}
	a.set(feeds...)
	n.sweep() // they get baselines
	n.sweep() // and are settled
	n.content.mu.Lock()
	asked := n.content.asked
	n.content.mu.Unlock()
	for range 3 {
		n.sweep()
	}
	n.content.mu.Lock()
	defer n.content.mu.Unlock()
	if n.content.asked != asked || len(n.content.renderings) != 0 {
		t.Errorf("asked %d times more, rendered %v", n.content.asked-asked, n.content.renderings)
	}
}

// A record as an earlier build of this release wrote it.
const earlier = `{"format":1,"position":{"epoch":"2026-11-23T12:00:00Z","revision":7,"passed":"0001-01-01T00:00:00Z"},` +
	`"definitions":[""],"members":[{"id":"a","state":"1"}],"id":"0123456789abcdef0123456789abcdef",` +
	`"update":{"feed":"all","formats":{"rss":{"url":"https://example.com/feeds/all.rss","etag":"\"7\""}},` +
	`"changed":"2026-11-23T12:07:00Z","galleries_added":["a"],"galleries_changed":[],"galleries_removed":[]},"sent":true,"owed":true}`

func TestRecordOfEarlierBuildRead(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	put(t, c, "announced."+gallery.Key("all"), earlier)
	n := c.node()
	n.content.set("all", 7, "a1")
	n.content.set("all", 9, "a1") // nothing of this feed
	n.sweep()
	if got := c.wire.all(); len(got) != 0 {
		t.Fatalf("sent %v", got)
	}
	n.content.set("all", 10, "b1", "a1")
	n.sweep()
	c.wantAnnounced("all", [3][]string{{"b"}, {}, {}})
}
