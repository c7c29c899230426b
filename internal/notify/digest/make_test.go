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
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

func TestDigestListsNewGalleries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.put("travel", "past", monday.Add(-time.Hour))
	n := s.node()
	n.sweep() // the first start
	s.put("travel", "a", monday.Add(time.Hour))
	s.put("travel", "b", monday.Add(2*time.Hour))
	s.put("sport", "elsewhere", monday.Add(2*time.Hour))
	s.clock.Set(rome(t, "2026-11-24 06:59"))
	n.sweep()
	s.wantDigests() // before its time
	due := rome(t, "2026-11-24 07:00")
	s.clock.Set(due.Add(3 * time.Second))
	n.sweep()
	n.sweep()
	got := s.notices()
	if len(got) != 1 {
		t.Fatalf("%d notices, want 1", len(got))
	}
	want := outbox.Notice{
		Channel: "digest", About: "travel", ID: got[0].ID, Order: outbox.Order{Epoch: due.UnixNano()}, At: s.clock.Now().UTC(),
		Data: []byte(`{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["b","a"]}`),
	}
	if diff := cmp.Diff(want, got[0]); diff != "" || len(got[0].ID) < 16 {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	if state := n.States()[0]; !state.Last.Equal(due) || !state.Next.Equal(rome(t, "2026-11-25 07:00")) {
		t.Errorf("state %+v", state)
	}
}

func TestDigestWithoutNewGalleriesNotSent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	n := s.node()
	n.sweep()
	for day := range 3 {
		s.clock.Set(rome(t, "2026-11-24 07:00").AddDate(0, 0, day))
		n.sweep()
	}
	s.wantDigests()
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if got := families[0].GetMetric()[0].String(); !strings.Contains(got, "nothing") || !strings.Contains(got, "value:3") {
		t.Errorf("metrics %s", got)
	}
	if state := n.States()[0]; !state.Last.IsZero() {
		t.Errorf("one was sent at %v", state.Last)
	}
}

// A gallery that is listed twice, or never, is one too many.
func TestGalleryListedOnce(t *testing.T) {
	t.Parallel()
	store := storetest.NewWorld(t)
	first, second, third := monday.AddDate(0, 0, 1), monday.AddDate(0, 0, 2), monday.AddDate(0, 0, 3)
	for i, c := range []struct {
		name                 string
		before, later, after func(s *site) // the first digest, the second, the third
		want                 []string      // of the second and third
	}{
		{"published meanwhile", nil, func(s *site) { s.put("travel", "a", s.clock.Now()) }, nil, []string{"a", ""}},
		{"corrected", func(s *site) { s.put("travel", "a", monday) },
			func(s *site) { s.put("travel", "a", monday) }, nil, []string{"", ""}},
		{"corrected after it was listed", nil, func(s *site) { s.put("travel", "a", s.clock.Now()) },
			func(s *site) { s.put("travel", "a", second) }, []string{"a", ""}},
		{"corrected to a later date", func(s *site) { s.put("travel", "a", monday) },
			func(s *site) { s.put("travel", "a", s.clock.Now()) }, nil, []string{"", ""}},
		{"late, with an old date", nil, func(s *site) { s.put("travel", "a", first.AddDate(0, 0, -20)) }, nil, []string{"a", ""}},
		{"late, and corrected at once", nil, func(s *site) {
			s.put("travel", "a", first.Add(-time.Minute))
			s.put("travel", "a", first.Add(-time.Minute))
		}, nil, []string{"a", ""}},
		{"of the archive", nil, func(s *site) { s.put("travel", "a", first.AddDate(-1, 0, 0)) }, nil, []string{"", ""}},
		{"an embargo that ends", func(s *site) { s.put("travel", "a", first.Add(time.Hour)) }, nil, nil, []string{"a", ""}},
		{"an embargo that ends later", func(s *site) { s.put("travel", "a", second.Add(time.Hour)) }, nil, nil, []string{"", "a"}},
		{"taken down before it is listed", nil, func(s *site) {
			s.put("travel", "a", s.clock.Now())
			s.takeDown("a")
		}, nil, []string{"", ""}},
		{"back after a take-down", func(s *site) { s.put("travel", "a", monday) }, func(s *site) { s.takeDown("a") },
			func(s *site) { s.put("travel", "a", monday) }, []string{"", ""}},
		{"moved here by a correction", func(s *site) { s.put("sport", "a", monday) },
			func(s *site) { s.put("travel", "a", monday) }, nil, []string{"a", ""}},
		{"in two feeds", nil, func(s *site) {
			s.put("travel", "a", s.clock.Now())
			s.put("sections/travel", "a", s.clock.Now())
		}, nil, []string{"a", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := siteOn(t, store, fmt.Sprint("case-", i))
			n := s.node(func(o *digest.Options) {
				o.Digests[0].Feeds = []string{"travel", "sections/travel"}
				o.Digests[0].Schedule = spec(t, "0 12 * * *")
			})
			n.sweep()
			var got []string
			for i, then := range []func(*site){c.before, c.later, c.after} {
				if then != nil {
					s.clock.Set(monday.AddDate(0, 0, i).Add(18 * time.Hour))
					then(s)
				}
				before := len(s.notices())
				s.clock.Set([]time.Time{first, second, third}[i])
				n.sweep()
				got = append(got, "")
				for _, notice := range s.notices()[before:] {
					got[i] += keysOf(t, notice)
				}
			}
			if diff := cmp.Diff(c.want, got[1:]); diff != "" {
				t.Errorf("the second and third digest (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGalleryMissedByLaggingNodeListedNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	n := s.node()
	n.sweep()
	s.clock.Set(rome(t, "2026-11-24 06:59")) // stored then, and in the index only after seven
	stored := s.clock.Now()
	s.clock.Set(rome(t, "2026-11-24 07:00"))
	n.sweep()
	s.clock.Set(stored)
	s.put("travel", "a", stored)
	s.clock.Set(rome(t, "2026-11-25 07:00"))
	n.sweep()
	s.wantDigests("a")
}

func TestGalleriesOfAddedFeedNotNew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.clock.Set(monday.Add(-24 * time.Hour))
	s.put("sport", "old", s.clock.Now())
	s.clock.Set(monday)
	s.node().sweep()
	s.clock.Set(rome(t, "2026-11-24 01:00"))
	s.put("sport", "new", s.clock.Now())
	s.clock.Set(rome(t, "2026-11-24 07:00"))
	s.node(func(o *digest.Options) { o.Digests[0].Feeds = []string{"travel", "sport"} }).sweep()
	s.wantDigests("new")
}

func TestSeveralMissedInstantsAreOneDigest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.node().sweep()
	for day := range 4 {
		s.clock.Set(monday.AddDate(0, 0, day))
		s.put("travel", fmt.Sprint(day), s.clock.Now())
	}
	s.clock.Set(rome(t, "2026-11-27 09:30")) // it was down for four days
	n := s.node()
	n.sweep()
	n.sweep()
	s.wantDigests("3210")
	if got := s.notices(); got[0].Order.Epoch != rome(t, "2026-11-27 07:00").UnixNano() {
		t.Errorf("order %v", got[0].Order)
	}
}

func TestOneOfManyNodesMakesADigest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.node().sweep()
	s.put("travel", "a", monday)
	s.clock.Set(rome(t, "2026-11-24 09:30"))
	var sweeping sync.WaitGroup
	for range 4 {
		n := s.node()
		sweeping.Go(func() {
			for range 3 {
				if err := n.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sweeping.Wait()
	s.wantDigests("a")
}

func TestDigestOfDeadNodeEnqueuedByAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	life, die := context.WithCancel(t.Context())
	var claimed outbox.Notice
	first := s.node(func(o *digest.Options) {
		o.Enqueue = func(ctx context.Context, n outbox.Notice) error {
			claimed = n
			die()
			return ctx.Err()
		}
	})
	first.sweep()
	s.put("travel", "a", monday)
	s.clock.Set(rome(t, "2026-11-24 07:00"))
	if err := first.Sweep(life); err == nil {
		t.Fatal("it did not die")
	}
	s.put("travel", "b", s.clock.Now()) // the site has moved on meanwhile
	s.node().sweep()
	s.wantDigests() // within the lease
	second := s.node()
	second.sweep()
	s.clock.Advance(time.Minute)
	second.sweep()
	second.sweep()
	if got := s.notices(); len(got) != 1 || !cmp.Equal(got[0], claimed) {
		t.Errorf("enqueued %v, want %v", got, claimed)
	}
	s.clock.Set(rome(t, "2026-11-25 07:00"))
	second.sweep()
	s.wantDigests("a", "b")
}

func TestFailedEnqueueRepeatedWithSameID(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var tried []string
	n := s.node(func(o *digest.Options) {
		o.Enqueue = func(_ context.Context, n outbox.Notice) error {
			if tried = append(tried, n.ID); len(tried) < 3 {
				return errAway
			}
			return nil
		}
	})
	n.sweep()
	s.put("travel", "a", monday)
	s.clock.Set(rome(t, "2026-11-24 07:00"))
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

func TestDigestOfUnreadableFeedMadeLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	n := s.node()
	n.sweep()
	s.put("travel", "a", monday)
	s.fail(errAway)
	s.clock.Set(rome(t, "2026-11-24 07:00"))
	if err := n.Sweep(t.Context()); !errors.Is(err, errAway) {
		t.Fatalf("error %v", err)
	}
	s.fail(nil)
	n.sweep()
	s.wantDigests("a")
}

func TestNewerRecordLeftAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	bucket := s.store.Bucket("digests")
	if _, err := bucket.Put(t.Context(), "digest.travel", []byte(`{"format":2,"until":["elsewhere"]}`), 0); err != nil {
		t.Fatal(err)
	}
	s.put("travel", "a", monday)
	s.clock.Set(rome(t, "2026-11-24 07:00"))
	s.node().sweep()
	s.wantDigests()
	if there, err := bucket.Get(t.Context(), "digest.travel"); err != nil || there.Revision != 1 {
		t.Errorf("record %v, error %v", there, err)
	}
}

func TestUnreadableRecordNamesKeyToDelete(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.store.Bucket("digests").Put(t.Context(), "digest.travel", []byte("?"), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.node().Sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "delete the key digest.travel") {
		t.Errorf("error %v", err)
	}
}

// soon is a schedule for tests that run in real time.
type soon struct{}

func (soon) Next(t time.Time) time.Time { return t.Add(50 * time.Millisecond) }

func TestRunMakesDigestsAtTheirInstants(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	enqueued := make(chan outbox.Notice, 10)
	n := s.node(func(o *digest.Options) {
		o.Now = time.Now
		o.Digests[0].Schedule = soon{}
		o.Enqueue = func(_ context.Context, n outbox.Notice) error {
			enqueued <- n
			return nil
		}
	})
	n.sweep()
	storetest.Run(t, n.Run)
	for _, key := range []string{"a", "b"} {
		s.clock.Set(time.Now())
		s.put("travel", key, s.clock.Now())
		if got := storetest.Receive(t, "a digest", enqueued); keysOf(t, got) != key {
			t.Errorf("a digest of %q, want %s", keysOf(t, got), key)
		}
	}
}

// A digest that is due after the clock was set back is made, and once: it does not wait
// until the clock is as far as it was.
func TestDigestMadeAfterClockIsSetBack(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	n := s.node()
	n.sweep()
	s.put("travel", "a", monday)
	s.clock.Set(rome(t, "2026-11-24 07:00"))
	n.sweep()
	s.clock.Set(rome(t, "2026-11-24 06:00"))
	n.sweep()
	s.clock.Set(rome(t, "2026-11-24 06:10"))
	s.put("travel", "b", s.clock.Now())
	for range 3 {
		s.clock.Set(rome(t, "2026-11-24 07:00"))
		n.sweep()
	}
	s.wantDigests("a", "b")
	if got := s.notices(); got[1].ID == got[0].ID || got[1].Order.Compare(got[0].Order) <= 0 {
		t.Errorf("then %+v after %+v", got[1], got[0])
	}
}
