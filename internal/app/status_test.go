package app

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// rome is the same instant, elsewhere.
func rome(t time.Time) time.Time { return t.In(time.FixedZone("CET", 3600)) }

func TestWhatBecameOfAnEvent(t *testing.T) {
	published := &event.Event{Kind: event.Published, Gallery: &gallery.Gallery{ID: "a", Title: "Title"}}
	removed := &event.Event{Kind: event.Unpublished, Removed: event.TakeDown{ID: "a", Reason: "a mistake"}}
	problems := gallery.Problems{{Place: "/title", Reason: "missing or blank"}}
	partial := &event.Event{Kind: event.Published, Gallery: published.Gallery, LeftOut: problems}
	for name, c := range map[string]struct {
		report intake.Report
		want   status.Event
	}{
		"stored":   {intake.Report{Event: published, Gallery: "a", Outcome: "stored"}, status.Event{Kind: "article.published", Gallery: "a", Title: "Title", Outcome: "stored"}},
		"removed":  {intake.Report{Event: removed, Gallery: "a", Outcome: "stored"}, status.Event{Kind: "article.unpublished", Gallery: "a", Outcome: "stored", Reason: "a mistake"}},
		"in part":  {intake.Report{Event: partial, Gallery: "a", Outcome: "stored"}, status.Event{Kind: "article.published", Gallery: "a", Title: "Title", Outcome: "stored", Reason: "left out: /title: missing or blank"}},
		"rejected": {intake.Report{Subject: "cms.published", Gallery: "b", Outcome: "rejected", Problems: problems}, status.Event{Kind: "article.published", Gallery: "b", Outcome: "rejected", Reason: "/title: missing or blank"}},
		"no take-down": {intake.Report{Subject: "article.unpublished", Outcome: "rejected", Problems: problems},
			status.Event{Kind: "article.unpublished", Outcome: "rejected", Reason: "/title: missing or blank"}},
		"of no kind": {intake.Report{Subject: "republished", Outcome: "retried"}, status.Event{Outcome: "retried"}},
	} {
		c.want.At = noon
		if diff := cmp.Diff(c.want, eventOf(c.report, rome(noon))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// pile is an outbox with so much in it.
type pile struct {
	owed map[string]int
	late []outbox.Waiting
	dead []outbox.Dead
}

func (l pile) Owed() map[string]int       { return l.owed }
func (l pile) Late() []outbox.Waiting     { return l.late }
func (l pile) DeadLetters() []outbox.Dead { return l.dead }

func TestWhatIsOwed(t *testing.T) {
	l := pile{owed: map[string]int{"webhook": 3, "digest": 0}}
	for i := range 120 {
		d := outbox.Dead{Channel: "webhook", About: "all", Target: fmt.Sprint("t", i), Attempts: 2, Last: rome(noon), Reason: "refused", Data: []byte("secret")}
		l.dead = append(l.dead, d)
		l.late = append(l.late, outbox.Waiting{Dead: d, Due: rome(noon.Add(time.Minute))})
	}
	got := noticesOf(l)
	if diff := cmp.Diff([]status.Channel{{Name: "digest"}, {Name: "webhook", Owed: 3}}, got.Channels); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
	if got.Late.Total != 120 || len(got.Late.First) != 50 || got.Dead.Total != 120 || len(got.Dead.First) != 50 {
		t.Errorf("%d of %d late, %d of %d dead", len(got.Late.First), got.Late.Total, len(got.Dead.First), got.Dead.Total)
	}
	want := status.Delivery{Channel: "webhook", About: "all", Target: "t0", Attempts: 2, Last: noon, Due: noon.Add(time.Minute), Reason: "refused"}
	if diff := cmp.Diff(want, got.Late.First[0]); diff != "" {
		t.Errorf("the next that is late (-want +got):\n%s", diff)
	}
	want.Target, want.Due = "t119", time.Time{}
	if diff := cmp.Diff(want, got.Dead.First[0]); diff != "" {
		t.Errorf("the last that was given up (-want +got):\n%s", diff)
	}
}

func TestWhoSubscribes(t *testing.T) {
	counts := map[string]int{"all": 7, "b": 9, "a": 9}
	want := &status.Hub{Subscriptions: 25, Feeds: []status.HubCount{{Feed: "a", Subscriptions: 9}, {Feed: "b", Subscriptions: 9}, {Feed: "all", Subscriptions: 7}}}
	if diff := cmp.Diff(want, hubOf(counts)); diff != "" {
		t.Errorf("hub (-want +got):\n%s", diff)
	}
	var reported []web.Reported
	for i := range 60 {
		counts[fmt.Sprint("f", i)] = 1
		reported = append(reported, web.Reported{Service: "Feedly", Feed: fmt.Sprint("f", i), Subscribers: 2, At: rome(noon)})
	}
	if got := hubOf(counts); got.Subscriptions != 85 || len(got.Feeds) != 50 || got.More != 13 {
		t.Errorf("of many: %d in %d and %d feeds", got.Subscriptions, len(got.Feeds), got.More)
	}
	got := subscribersOf(reported)
	if got.Total != 120 || len(got.Services) != 50 || got.More != 10 {
		t.Errorf("of many: %d of %d and %d services", got.Total, len(got.Services), got.More)
	}
	if diff := cmp.Diff(status.Service{Name: "Feedly", Feed: "f0", Subscribers: 2, At: noon}, got.Services[0]); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
}

func TestWhenThingsAreDone(t *testing.T) {
	jobs := jobsOf([]schedule.State{
		{Name: "republish", Spec: "@every 5m", Running: true, Last: rome(noon), Took: 1500 * time.Millisecond, Outcome: "failed", Err: errors.New("no such feed"), Next: rome(noon.Add(time.Hour))},
		{Name: "notices"},
	})
	want := []status.Job{
		{Name: "republish", Spec: "@every 5m", Running: true, Last: noon, Seconds: 1.5, Outcome: "failed", Reason: "no such feed", Next: noon.Add(time.Hour)},
		{Name: "notices"},
	}
	if diff := cmp.Diff(want, jobs); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	digests := digestsOf([]digest.State{{Name: "morning", Last: rome(noon)}})
	if diff := cmp.Diff([]status.Digest{{Name: "morning", Last: noon}}, digests); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
}
