package status_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/google/go-cmp/cmp"
)

// remembered is how many events a log holds.
const remembered = 50

func TestLogRemembersTheLastEvents(t *testing.T) {
	var l status.Log
	if got := l.Newest(); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for n := range 3*remembered + 7 {
		l.Add(status.Event{Gallery: fmt.Sprint(n)})
		got := l.Newest()
		if want := min(n+1, remembered); len(got) != want || l.Total() != n+1 {
			t.Fatalf("%d of %d events after %d, want %d", len(got), l.Total(), n+1, want)
		}
		for i, e := range got {
			if want := fmt.Sprint(n - i); e.Gallery != want {
				t.Fatalf("after %d the %d. is %s, want %s", n+1, i, e.Gallery, want)
			}
		}
	}
}

func TestLogTakesSeveralAtOnce(t *testing.T) {
	var l status.Log
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				l.Add(status.Event{Gallery: "g"})
				l.Newest()
			}
		})
	}
	all.Wait()
	if got := len(l.Newest()); got != remembered {
		t.Errorf("%d events", got)
	}
}

func TestLogHoldsOnToNothingLarge(t *testing.T) {
	var l status.Log
	long := strings.Repeat("ü", 1<<20)
	l.Add(status.Event{Gallery: long, Title: long, Reason: long})
	e := l.Newest()[0]
	for _, s := range []string{e.Gallery, e.Title, e.Reason} {
		if len(s) > 300 || !strings.HasSuffix(s, "ü…") || !utf8.ValidString(s) {
			t.Errorf("%d bytes, ending in %q", len(s), s[len(s)-8:])
		}
	}
}

func TestTroubles(t *testing.T) {
	feeds := func(state string, n int) (list []status.Feed) {
		for i := range n {
			list = append(list, status.Feed{Name: fmt.Sprint("f", i), State: state})
		}
		return list
	}
	for name, c := range map[string]struct {
		status status.Status
		want   []string
	}{
		"none": {status.Status{
			Feeds:   append(feeds(status.Fresh, 2), feeds(status.Due, 2)...),
			Jobs:    []status.Job{{Name: "republish"}, {Name: "notices", Outcome: "done"}, {Name: "digest", Outcome: "stopped"}},
			Rejects: status.Rejects{Kept: 7},
			Notices: &status.Notices{Retries: status.Deliveries{Total: 3}},
		}, nil},
		"each": {status.Status{
			NotReady: []string{"no connection to nats"},
			Stuck:    "the bucket is full",
			Feeds:    append(feeds(status.Cut, 2), status.Feed{Name: "travel", State: status.Failing}),
			LeftOut:  status.LeftOuts{Total: 1},
			Senders:  []status.Sender{{Name: "blog"}, {Name: "desk", Problem: "gone"}},
			Partners: []status.Partner{
				{Name: "msn", Silence: "46m", Keys: []partner.KeyState{{Name: "a", State: partner.Unreadable}, {Name: "b", State: partner.Good}}},
				{Name: "agency", Feed: status.Feed{Name: "partners/agency", State: status.Failing}, Keys: []partner.KeyState{{Name: "a", State: partner.Ended}}},
			},
			Jobs:     []status.Job{{Name: "republish", Outcome: "failed"}},
			Rejects:  status.Rejects{Err: "timeout"},
			Notices:  &status.Notices{DeadLetters: status.Deliveries{Total: 12}},
			Warnings: []string{"Nobody chose the site's id"},
		}, []string{
			"This node is not ready: no connection to nats",
			"No event is taken in: the bucket is full",
			"2 feeds cannot be served: travel, partners/agency",
			"2 feeds could not be rendered and serve what they had: f0, f1",
			"The secrets of a sender are wrong or cannot be read: desk",
			"A partner has no good key, so it gets nothing: agency",
			"A partner does not poll this node: msn for 46m",
			"A gallery is left out of a feed: correct it and publish it again",
			"The last run of a job failed: republish",
			`12 deliveries were given up: see "gallerywire notices list", then "gallerywire notices retry KEY"`,
			"Nobody chose the site's id",
		}},
		"rejects": {status.Status{Rejects: status.Rejects{Err: "timeout"}}, []string{"The rejects cannot be read: timeout"}},
		"many": {status.Status{
			Feeds:   feeds(status.Failing, 8),
			LeftOut: status.LeftOuts{Total: 2},
			Jobs:    []status.Job{{Name: "republish", Outcome: "panicked"}, {Name: "notices", Outcome: "failed"}},
			Notices: &status.Notices{DeadLetters: status.Deliveries{Total: 1}},
		}, []string{
			"8 feeds cannot be served: f0, f1, f2, f3, f4 and 3 more",
			"2 times a gallery is left out of a feed: correct it and publish it again",
			"The last runs of 2 jobs failed: republish, notices",
			`A delivery was given up: see "gallerywire notices list", then "gallerywire notices retry KEY"`,
		}},
	} {
		if diff := cmp.Diff(c.want, c.status.Troubles()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
