package digest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
)

func TestADigestTellsWhatIsNew(t *testing.T) {
	w := newWorld(t)
	w.site.put("travel", "past", monday.Add(-time.Hour))
	n := w.node()
	n.sweep() // the first start
	w.site.put("travel", "a", monday.Add(time.Hour))
	w.site.put("travel", "b", monday.Add(2*time.Hour))
	w.site.put("sport", "elsewhere", monday.Add(2*time.Hour))
	w.clock.set(rome(t, "2026-11-24 06:59"))
	n.sweep()
	if got := w.debts.all(); len(got) != 0 {
		t.Fatalf("before its time: %v", got)
	}
	due := rome(t, "2026-11-24 07:00")
	w.clock.set(due.Add(3 * time.Second))
	n.sweep()
	n.sweep()
	got := w.debts.all()
	if len(got) != 1 {
		t.Fatalf("owed %d notices, want 1", len(got))
	}
	want := outbox.Notice{
		Channel: "digest", About: "travel", ID: got[0].ID, Order: outbox.Order{Epoch: due.UnixNano()}, At: w.clock.Now().UTC(),
		Data: []byte(`{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["b","a"]}`),
	}
	if diff := cmp.Diff(want, got[0]); diff != "" || len(got[0].ID) < 16 {
		t.Errorf("owed (-want +got):\n%s", diff)
	}
	if s := n.States()[0]; !s.Last.Equal(due) || !s.Next.Equal(rome(t, "2026-11-25 07:00")) {
		t.Errorf("state %+v", s)
	}
}

func TestNothingNewNothingSent(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	n.sweep()
	for day := range 3 {
		w.clock.set(rome(t, "2026-11-24 07:00").AddDate(0, 0, day))
		n.sweep()
	}
	if got := w.debts.all(); len(got) != 0 {
		t.Errorf("owed %v", got)
	}
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if got := families[0].GetMetric()[0].String(); !strings.Contains(got, "nothing") || !strings.Contains(got, "value:3") {
		t.Errorf("metrics %s", got)
	}
	if s := n.States()[0]; !s.Last.IsZero() {
		t.Errorf("it told of something at %v", s.Last)
	}
}

// TestWhatIsNew lets two digests of a day be made, the first of which saw what
// was before. A gallery that is told twice, or never, is one too many.
func TestWhatIsNew(t *testing.T) {
	first, second, third := monday.AddDate(0, 0, 1), monday.AddDate(0, 0, 2), monday.AddDate(0, 0, 3)
	for _, c := range []struct {
		name                 string
		before, later, after func(w *world) // the first digest, the second, the third
		want                 []string       // of the second and third
	}{
		{"published meanwhile", nil, func(w *world) { w.site.put("travel", "a", w.clock.Now()) }, nil, []string{"a", ""}},
		{"corrected", func(w *world) { w.site.put("travel", "a", monday) },
			func(w *world) { w.site.put("travel", "a", monday) }, nil, []string{"", ""}},
		{"corrected after it was told", nil, func(w *world) { w.site.put("travel", "a", w.clock.Now()) },
			func(w *world) { w.site.put("travel", "a", second) }, []string{"a", ""}},
		{"corrected to a later date", func(w *world) { w.site.put("travel", "a", monday) },
			func(w *world) { w.site.put("travel", "a", w.clock.Now()) }, nil, []string{"", ""}},
		{"late, with an old date", nil, func(w *world) { w.site.put("travel", "a", first.AddDate(0, 0, -20)) }, nil, []string{"a", ""}},
		{"late, and corrected at once", nil, func(w *world) {
			w.site.put("travel", "a", first.Add(-time.Minute))
			w.site.put("travel", "a", first.Add(-time.Minute))
		}, nil, []string{"a", ""}},
		{"of the archive", nil, func(w *world) { w.site.put("travel", "a", first.AddDate(-1, 0, 0)) }, nil, []string{"", ""}},
		{"an embargo that ends", func(w *world) { w.site.put("travel", "a", first.Add(time.Hour)) }, nil, nil, []string{"a", ""}},
		{"an embargo that ends later", func(w *world) { w.site.put("travel", "a", second.Add(time.Hour)) }, nil, nil, []string{"", "a"}},
		{"taken down before it is told", nil, func(w *world) {
			w.site.put("travel", "a", w.clock.Now())
			w.site.takeDown("a")
		}, nil, []string{"", ""}},
		{"back after a take-down", func(w *world) { w.site.put("travel", "a", monday) }, func(w *world) { w.site.takeDown("a") },
			func(w *world) { w.site.put("travel", "a", monday) }, []string{"", ""}},
		{"moved here by a correction", func(w *world) { w.site.put("sport", "a", monday) },
			func(w *world) { w.site.put("travel", "a", monday) }, nil, []string{"a", ""}},
		{"in two feeds", nil, func(w *world) {
			w.site.put("travel", "a", w.clock.Now())
			w.site.put("sections/travel", "a", w.clock.Now())
		}, nil, []string{"a", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := w.node(func(o *digest.Options) {
				o.Digests[0].Feeds = []string{"travel", "sections/travel"}
				o.Digests[0].Schedule = spec(t, "0 12 * * *")
			})
			n.sweep()
			var got []string
			for i, then := range []func(*world){c.before, c.later, c.after} {
				if then != nil {
					w.clock.set(monday.AddDate(0, 0, i).Add(18 * time.Hour))
					then(w)
				}
				before := len(w.debts.all())
				w.clock.set([]time.Time{first, second, third}[i])
				n.sweep()
				got = append(got, "")
				for _, owed := range w.debts.all()[before:] {
					got[i] += keysOf(t, owed)
				}
			}
			if diff := cmp.Diff(c.want, got[1:]); diff != "" {
				t.Errorf("told by the second and third (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatTheLastMakerDidNotKnowIsTold(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	n.sweep()
	w.clock.set(rome(t, "2026-11-24 06:59")) // stored then, and known to the index only after seven
	stored := w.clock.Now()
	w.clock.set(rome(t, "2026-11-24 07:00"))
	n.sweep()
	w.clock.set(stored)
	w.site.put("travel", "a", stored)
	w.clock.set(rome(t, "2026-11-25 07:00"))
	n.sweep()
	if got := w.debts.all(); len(got) != 1 || keysOf(t, got[0]) != "a" {
		t.Errorf("owed %v", got)
	}
}

func TestAFeedThatIsAddedIsNotNews(t *testing.T) {
	w := newWorld(t)
	w.clock.set(monday.Add(-24 * time.Hour))
	w.site.put("sport", "old", w.clock.Now())
	w.clock.set(monday)
	w.node().sweep()
	w.clock.set(rome(t, "2026-11-24 01:00"))
	w.site.put("sport", "new", w.clock.Now())
	w.clock.set(rome(t, "2026-11-24 07:00"))
	w.node(func(o *digest.Options) { o.Digests[0].Feeds = []string{"travel", "sport"} }).sweep()
	if got := w.debts.all(); len(got) != 1 || keysOf(t, got[0]) != "new" {
		t.Errorf("owed %v", got)
	}
}

func TestSeveralMissedInstantsAreOneDigest(t *testing.T) {
	w := newWorld(t)
	w.node().sweep()
	for day := range 4 {
		w.clock.set(monday.AddDate(0, 0, day))
		w.site.put("travel", fmt.Sprint(day), w.clock.Now())
	}
	w.clock.set(rome(t, "2026-11-27 09:30")) // it was down for four days
	n := w.node()
	n.sweep()
	n.sweep()
	got := w.debts.all()
	if len(got) != 1 || keysOf(t, got[0]) != "3210" || got[0].Order.Epoch != rome(t, "2026-11-27 07:00").UnixNano() {
		t.Errorf("owed %v", got)
	}
}

func TestAMissedDigestIsMadeByOneOfManyNodes(t *testing.T) {
	w := newWorld(t)
	w.node().sweep()
	w.site.put("travel", "a", monday)
	w.clock.set(rome(t, "2026-11-24 09:30"))
	var wg sync.WaitGroup
	for range 4 {
		n := w.node()
		wg.Go(func() {
			for range 3 {
				if err := n.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := w.debts.all(); len(got) != 1 || keysOf(t, got[0]) != "a" {
		t.Errorf("owed %v", got)
	}
}

func TestADigestWhoseMakerDiedIsHandedOnByAnother(t *testing.T) {
	w := newWorld(t)
	life, die := context.WithCancel(t.Context())
	var claimed outbox.Notice
	first := w.node(func(o *digest.Options) {
		o.Enqueue = func(ctx context.Context, n outbox.Notice) error {
			claimed = n
			die()
			return ctx.Err()
		}
	})
	first.sweep()
	w.site.put("travel", "a", monday)
	w.clock.set(rome(t, "2026-11-24 07:00"))
	if err := first.Sweep(life); err == nil {
		t.Fatal("it did not die")
	}
	w.site.put("travel", "b", w.clock.Now()) // the site has moved on meanwhile
	w.node().sweep()                         // which leaves it to its maker for the lease
	if got := w.debts.all(); len(got) != 0 {
		t.Fatalf("owed %v within the lease", got)
	}
	second := w.node(func(o *digest.Options) { o.Lease = time.Nanosecond })
	second.sweep()
	second.sweep()
	second.sweep()
	if got := w.debts.all(); len(got) != 1 || !cmp.Equal(got[0], claimed) {
		t.Errorf("owed %v, want %v", got, claimed)
	}
	w.clock.set(rome(t, "2026-11-25 07:00"))
	second.sweep()
	if got := w.debts.all(); len(got) != 2 || keysOf(t, got[1]) != "b" {
		t.Errorf("then owed %v", got)
	}
}

func TestWhatCouldNotBeHandedOnIsHandedOnLaterWithTheSameID(t *testing.T) {
	w := newWorld(t)
	var tried []string
	n := w.node(func(o *digest.Options) {
		o.Enqueue = func(_ context.Context, n outbox.Notice) error {
			if tried = append(tried, n.ID); len(tried) < 3 {
				return errAway
			}
			return nil
		}
	})
	n.sweep()
	w.site.put("travel", "a", monday)
	w.clock.set(rome(t, "2026-11-24 07:00"))
	for range 2 {
		if err := n.Sweep(t.Context()); !errors.Is(err, errAway) {
			t.Fatalf("error %v", err)
		}
	}
	n.sweep()
	n.sweep()
	if len(tried) != 3 || tried[0] != tried[1] || tried[1] != tried[2] {
		t.Errorf("tried %v", tried)
	}
}

func TestADigestOfAnUnknownFeedIsNotMade(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	n.sweep()
	w.site.put("travel", "a", monday)
	w.site.fail(errAway)
	w.clock.set(rome(t, "2026-11-24 07:00"))
	if err := n.Sweep(t.Context()); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	w.site.fail(nil)
	n.sweep()
	if got := w.debts.all(); len(got) != 1 {
		t.Errorf("owed %v", got)
	}
}

func TestARecordOfANewerReleaseIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	if _, err := w.bucket().Put(t.Context(), "digest.travel", []byte(`{"format":2,"until":["elsewhere"]}`), 0); err != nil {
		t.Fatal(err)
	}
	w.site.put("travel", "a", monday)
	w.clock.set(rome(t, "2026-11-24 07:00"))
	w.node().sweep()
	if entry, err := w.bucket().Get(t.Context(), "digest.travel"); err != nil || entry.Revision != 1 || len(w.debts.all()) != 0 {
		t.Errorf("record %v, error %v, owed %v", entry, err, w.debts.all())
	}
}

func TestAnUnreadableRecordSaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	if _, err := w.bucket().Put(t.Context(), "digest.travel", []byte("?"), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.node().Sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "delete the key digest.travel") {
		t.Errorf("error %v", err)
	}
}

// soon is a schedule for tests that run in real time.
type soon struct{}

func (soon) Next(t time.Time) time.Time { return t.Add(50 * time.Millisecond) }

func TestRunMakesDigestsAtTheirInstants(t *testing.T) {
	w := newWorld(t)
	n := w.node(func(o *digest.Options) {
		o.Now = time.Now
		o.Digests[0].Schedule = soon{}
	})
	n.sweep()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	for _, key := range []string{"a", "b"} {
		w.clock.set(time.Now())
		w.site.put("travel", key, w.clock.Now())
		select {
		case got := <-w.debts.told:
			if keysOf(t, got) != key {
				t.Errorf("owed %v, want %s", got, key)
			}
		case <-time.After(waitLimit):
			t.Fatal("no digest")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}

var errAway = errors.New("nats is away")

// What falls due after the clock was set back is made, and once: it does not wait
// until the clock is as far as it was.
func TestADigestGoesOnWhenTheClockIsSetBack(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	first := w.noticeOf(n, "a")
	w.clock.set(rome(t, "2026-11-24 06:00"))
	n.sweep()
	w.clock.set(rome(t, "2026-11-24 06:10"))
	w.site.put("travel", "b", w.clock.Now())
	for range 3 {
		w.clock.set(rome(t, "2026-11-24 07:00"))
		n.sweep()
	}
	all := w.debts.all()
	if len(all) != 2 {
		t.Fatalf("%d digests, want 2", len(all))
	}
	if got := all[1]; keysOf(t, got) != "b" || got.ID == first.ID || got.Order.Compare(first.Order) <= 0 {
		t.Errorf("then %+v after %+v", got, first)
	}
}
