package status_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// rome is the same instant, elsewhere.
func rome(t time.Time) time.Time { return t.In(time.FixedZone("CET", 3600)) }

// feeds are a feed set with that state.
type feeds struct {
	states  []edition.State
	leftOut []edition.LeftOut
}

func (f feeds) States() []edition.State    { return f.states }
func (f feeds) LeftOut() []edition.LeftOut { return f.leftOut }

// idleParts are parts with nothing to say.
func idleParts() *status.Parts {
	none := func() []status.Delivery { return nil }
	return &status.Parts{
		Galleries: func() int { return 0 }, Feeds: feeds{}, Jobs: func() []status.Job { return nil },
		Pending: func() map[string]int { return nil }, Retries: none, DeadLetters: none,
	}
}

// options are those of a node with an empty status.
func options(parts *status.Parts) status.Options {
	return status.Options{
		Title: "Gallery Wire", URL: func() string { return "https://wire.example.com" },
		NotReady: func() []error { return nil }, Stuck: func() error { return nil }, Warnings: func() []string { return nil },
		Rejects:     func(context.Context, int) ([]status.Reject, uint64, error) { return nil, 0, nil },
		Subscribers: web.NewSubscribers(nil),
		Parts:       func() *status.Parts { return parts },
	}
}

func TestStatusBeforeTheSiteIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(nil)
		o.NotReady = func() []error { return []error{errors.New("starting")} }
		o.Stuck = func() error { return errors.New("the bucket is full") }
		o.Warnings = func() []string { return []string{"http.listen is exposed"} }
		o.Rejects = func(context.Context, int) ([]status.Reject, uint64, error) { return nil, 0, errors.New("timeout") }
		started := time.Now().UTC()
		r := status.New(o)
		<-time.After(time.Minute)
		want := status.Status{
			Site: "Gallery Wire", URL: "https://wire.example.com", At: started.Add(time.Minute), Started: started,
			NotReady: []string{"starting"}, Stuck: "the bucket is full", Warnings: []string{"http.listen is exposed"},
			Rejects: status.Rejects{Err: "timeout"},
		}
		if diff := cmp.Diff(want, r.Status(t.Context())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestStatusWaitsForRejectsNotLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(nil)
		o.Rejects = func(ctx context.Context, _ int) ([]status.Reject, uint64, error) {
			<-ctx.Done()
			return nil, 0, ctx.Err()
		}
		began := time.Now()
		if s := status.New(o).Status(t.Context()); s.Rejects.Err == "" || time.Since(began) != 2*time.Second {
			t.Errorf("after %s: %q", time.Since(began), s.Rejects.Err)
		}
	})
}

func TestStatusOfEvents(t *testing.T) {
	published := &event.Event{Kind: event.Published, Gallery: &gallery.Gallery{ID: "a", Title: "Title"}}
	removed := &event.Event{Kind: event.Unpublished, Removed: event.TakeDown{ID: "a", Reason: "a mistake"}}
	problems := gallery.Problems{{Place: "/title", Reason: "missing or blank"}}
	partial := &event.Event{Kind: event.Published, Gallery: published.Gallery, LeftOut: problems}
	for name, c := range map[string]struct {
		outcome status.Outcome
		want    status.Event
	}{
		"stored":   {status.Outcome{Event: published, Gallery: "a", Outcome: "stored"}, status.Event{Kind: "article.published", Gallery: "a", Title: "Title", Outcome: "stored"}},
		"removed":  {status.Outcome{Event: removed, Gallery: "a", Outcome: "stored"}, status.Event{Kind: "article.unpublished", Gallery: "a", Outcome: "stored", Reason: "a mistake"}},
		"in part":  {status.Outcome{Event: partial, Gallery: "a", Outcome: "stored"}, status.Event{Kind: "article.published", Gallery: "a", Title: "Title", Outcome: "stored", Reason: "left out: /title: missing or blank"}},
		"rejected": {status.Outcome{Subject: "cms.published", Gallery: "b", Outcome: "rejected", Problems: problems}, status.Event{Kind: "article.published", Gallery: "b", Outcome: "rejected", Reason: "/title: missing or blank"}},
		"no take-down": {status.Outcome{Subject: "article.unpublished", Outcome: "rejected", Problems: problems},
			status.Event{Kind: "article.unpublished", Outcome: "rejected", Reason: "/title: missing or blank"}},
		"of no kind": {status.Outcome{Subject: "republished", Outcome: "retried"}, status.Event{Outcome: "retried"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := status.New(options(idleParts()))
			r.Observe(c.outcome)
			c.want.At = time.Now().UTC()
			s := r.Status(t.Context())
			if diff := cmp.Diff([]status.Event{c.want}, s.Events); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if want := name == "in part"; (s.Partial.Total == 1) != want || (len(s.Partial.Newest) == 1) != want {
				t.Errorf("%s: %+v", name, s.Partial)
			}
		})
	}
}

func TestStatusOfNotices(t *testing.T) {
	p := idleParts()
	var all []status.Delivery
	for i := range 120 {
		all = append(all, status.Delivery{Channel: "webhook", About: "all", Target: fmt.Sprint("t", i), Attempts: 2, Last: rome(noon), Due: rome(noon.Add(time.Minute)), Reason: "refused"})
	}
	p.Pending = func() map[string]int { return map[string]int{"webhook": 3, "digest": 0} }
	p.Retries = func() []status.Delivery { return append([]status.Delivery(nil), all...) }
	p.DeadLetters = p.Retries
	got := status.New(options(p)).Status(t.Context()).Notices
	if diff := cmp.Diff([]status.Channel{{Name: "digest"}, {Name: "webhook", Pending: 3}}, got.Channels); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
	if got.Retries.Total != 120 || len(got.Retries.First) != 50 || got.DeadLetters.Total != 120 || len(got.DeadLetters.First) != 50 {
		t.Errorf("%d of %d late, %d of %d dead", len(got.Retries.First), got.Retries.Total, len(got.DeadLetters.First), got.DeadLetters.Total)
	}
	want := status.Delivery{Channel: "webhook", About: "all", Target: "t0", Attempts: 2, Last: noon, Due: noon.Add(time.Minute), Reason: "refused"}
	if diff := cmp.Diff(want, got.Retries.First[0]); diff != "" {
		t.Errorf("the next retry (-want +got):\n%s", diff)
	}
	want.Target = "t119"
	if diff := cmp.Diff(want, got.DeadLetters.First[0]); diff != "" {
		t.Errorf("the newest dead letter (-want +got):\n%s", diff)
	}
}

func TestStatusOfSubscribers(t *testing.T) {
	counts := map[string]int{"all": 7, "b": 9, "a": 9}
	p := idleParts()
	p.Hub = func() map[string]int { return counts }
	o := options(p)
	want := &status.Hub{Subscriptions: 25, Feeds: []status.HubCount{{Feed: "a", Subscriptions: 9}, {Feed: "b", Subscriptions: 9}, {Feed: "all", Subscriptions: 7}}}
	if diff := cmp.Diff(want, status.New(o).Status(t.Context()).Hub); diff != "" {
		t.Errorf("hub (-want +got):\n%s", diff)
	}
	o.Subscribers = web.NewSubscribers(func() time.Time { return rome(noon) })
	for i := range 60 {
		counts[fmt.Sprint("f", i)] = 1
		o.Subscribers.Note("Feedly/1.0 (2 subscribers)", edition.Ref{Kind: edition.Feed, Name: fmt.Sprintf("f%02d", i)}, feed.Atom)
	}
	s := status.New(o).Status(t.Context())
	if got := s.Hub; got.Subscriptions != 85 || len(got.Feeds) != 50 || got.More != 13 {
		t.Errorf("of many: %d in %d and %d feeds", got.Subscriptions, len(got.Feeds), got.More)
	}
	if got := s.Readers; got.Total != 120 || len(got.Services) != 50 || got.More != 10 {
		t.Errorf("of many: %d of %d and %d services", got.Total, len(got.Services), got.More)
	}
	if diff := cmp.Diff(status.Service{Name: "Feedly", Feed: "f00", Subscribers: 2, At: noon}, s.Readers.Services[0]); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
}

func TestStatusOfFeedsJobsAndDigests(t *testing.T) {
	p := idleParts()
	p.Galleries = func() int { return 42 }
	set := feeds{states: []edition.State{
		{Name: "all", Title: "All", Galleries: 7, Touched: rome(noon), Condition: edition.Condition(status.Cut), Err: errors.New("timeout"), LeftOut: 1},
		{Name: "none"},
	}}
	for range 60 {
		set.leftOut = append(set.leftOut, edition.LeftOut{Feed: "all", Gallery: "parade", Reason: "too long"})
	}
	p.Feeds = set
	p.Jobs = func() []status.Job {
		return []status.Job{{Name: "republish", Spec: "@every 5m", Running: true, Last: rome(noon), Seconds: 1.5, Outcome: "failed", Reason: "no such feed", Next: rome(noon.Add(time.Hour))}, {Name: "notices"}}
	}
	p.Digests = func() []status.Digest { return []status.Digest{{Name: "morning", Last: rome(noon)}} }
	s := status.New(options(p)).Status(t.Context())
	got := status.Status{Galleries: s.Galleries, Feeds: s.Feeds, Jobs: s.Jobs, Digests: s.Digests}
	want := status.Status{
		Galleries: 42,
		Feeds: []status.Feed{
			{Name: "all", Title: "All", Galleries: 7, Changed: noon, State: status.Cut, Reason: "timeout", LeftOut: 1},
			{Name: "none"},
		},
		Jobs: []status.Job{
			{Name: "republish", Spec: "@every 5m", Running: true, Last: noon, Seconds: 1.5, Outcome: "failed", Reason: "no such feed", Next: noon.Add(time.Hour)},
			{Name: "notices"},
		},
		Digests: []status.Digest{{Name: "morning", Last: noon}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.LeftOut.Total != 60 || len(s.LeftOut.First) != 50 || s.LeftOut.First[0] != (status.LeftOut{Feed: "all", Gallery: "parade", Reason: "too long"}) {
		t.Errorf("left out: %+v", s.LeftOut)
	}
}
