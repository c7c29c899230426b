package notice

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	quiet = 500 * time.Millisecond
	most  = 10 * time.Second
)

// due is when a feed came off a queue, since the test began.
type due struct {
	Feed string
	At   time.Duration
}

// drain takes what comes off q until the bubble's time is over that.
func drain(t *testing.T, q *queue, over time.Duration) []due {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), over)
	defer cancel()
	var got []due
	for {
		feed, err := q.next(ctx)
		if err != nil {
			return got
		}
		got = append(got, due{feed, time.Since(began)})
	}
}

// at calls f after d of the bubble's time.
func at(d time.Duration, f func()) { time.AfterFunc(d, f) }

func TestFeedDueAfterQuietPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(quiet, most)
		for _, ms := range []time.Duration{0, 300, 600, 5000} {
			at(ms*time.Millisecond, func() { q.mark([]string{"all"}) })
		}
		at(time.Second, func() { q.mark([]string{"other"}) })
		want := []due{{"all", 1100 * time.Millisecond}, {"other", 1500 * time.Millisecond}, {"all", 5500 * time.Millisecond}}
		if diff := cmp.Diff(want, drain(t, q, time.Minute)); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
	})
}

func TestFeedDueAfterMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(quiet, most)
		for n := range 100 { // every 300 ms for half a minute
			at(time.Duration(n)*300*time.Millisecond, func() { q.mark([]string{"all"}) })
		}
		want := []due{{"all", 10 * time.Second}, {"all", 20200 * time.Millisecond}, {"all", 30200 * time.Millisecond}}
		if diff := cmp.Diff(want, drain(t, q, time.Minute)); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
	})
}

func TestLaterMovesNoWaitingFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(quiet, most)
		q.mark([]string{"changing"})
		q.later("changing", time.Hour)
		q.later("looking", 12*time.Second)
		q.later("looking", time.Second) // it is waiting already
		q.later("both", 30*time.Second)
		at(20*time.Second, func() { q.mark([]string{"both"}) })
		want := []due{{"changing", quiet}, {"looking", 12 * time.Second}, {"both", 20*time.Second + quiet}}
		if diff := cmp.Diff(want, drain(t, q, time.Minute)); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
	})
}

func TestChanging(t *testing.T) {
	q := newQueue(quiet, most)
	q.mark([]string{"marked"})
	q.later("looking", time.Second)
	for feed, want := range map[string]bool{"marked": true, "looking": false, "none": false} {
		if got := q.changing(feed); got != want {
			t.Errorf("%s is changing: %v", feed, got)
		}
	}
}
