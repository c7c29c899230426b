package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// withCallback has a key of the galleries "wp-…" with a callback, and partners from whom the
// rules hide something.
func withCallback() config.Config {
	c := config.Default()
	c.Rights.Rules = []config.RightsRule{{Credits: []string{"Getty*"}, Deny: []string{"msn", "yahoo"}}}
	c.Partners = []config.Partner{{Name: "msn", Items: 5}, {Name: "yahoo", Items: 5, Match: config.Selection{Sections: []string{"sport"}}}}
	c.Intake.Keys = []config.IntakeKey{
		{Name: "wp", IDPrefix: "wp-", Callback: config.Callback{URL: "https://cms.example.com/", Secret: "whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz"}},
		{Name: "quiet"},
	}
	return c
}

// callbackNotices is what is stored for the callbacks, and what becomes of the next attempt to store.
type callbackNotices struct {
	notices []outbox.Notice
	err     error
}

// store is what intake stores in, with an empty catalogue.
func (s *callbackNotices) store(t *testing.T, c config.Config) intakeStore {
	t.Helper()
	all, err := callbacks(c, webhook.CallbackOptions{
		Client: client(c), Logger: slog.New(slog.DiscardHandler), Waiting: func(string, outbox.Target) (int, int) { return 0, 0 },
		PutTo: func(_ context.Context, n outbox.Notice, _ string) error {
			if err := s.err; err != nil {
				s.err = nil
				return err
			}
			s.notices = append(s.notices, n)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return intakeStore{outcomes{all, bucketOfGalleries(brokertest.Start(t)), partnersOf(c, nil), "example.com"}}
}

// message is a publication as a structured CloudEvent.
func message(sequence uint64, id, updated, more string) event.Message {
	return event.Message{
		Subject: "article.published", Stored: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), Sequence: sequence,
		Data: fmt.Appendf(nil, `{"specversion":"1.0","id":"e-%d","source":"//cms","type":"article.published","data":{"id":%q,"title":"t","published":"2026-11-20T09:00:00Z","updated":"2026-11-20T%sZ"%s}}`,
			sequence, id, updated, more),
	}
}

// put stores an event as intake does. It is put again after an error, as intake does.
func (s *callbackNotices) put(t *testing.T, store intakeStore, m event.Message) (outcomes []string) {
	t.Helper()
	e, err := event.Reader{}.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		outcome, err := store.Put(t.Context(), e, m)
		outcomes = append(outcomes, outcome)
		if err == nil {
			break
		}
	}
	return outcomes
}

const slidesByGetty = `,"section":"News","slides":[{"credit":"Staff","image":{"url":"https://img.example.com/1.jpg"}},
{"credit":"Getty Images","image":{"url":"https://img.example.com/2.jpg"}},{"credit":"Getty","rights":{"deny":["yahoo"]},"image":{"url":"https://img.example.com/3.jpg"}},
{"rights":{"allow":["public"]},"image":{"url":"https://img.example.com/4.jpg"}},{"rights":{"allow":["public"]},"image":{"url":"https://img.example.com/5.jpg"}}]`

func TestOutcomesSayWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	var s callbackNotices
	store := s.store(t, withCallback())
	for _, m := range []event.Message{
		message(1, "wp-1", "10:00:00", ""), // a success is no outcome
		message(2, "wp-1", "11:00:00", slidesByGetty),
		message(3, "wp-1", "10:30:00", slidesByGetty),
		message(4, "wp-1", "10:30:00", slidesByGetty), // the same revision again
		message(5, "wire-1", "11:00:00", slidesByGetty),
	} {
		s.put(t, store, m)
	}
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	hour := func(h, m int) time.Time { return time.Date(2026, 11, 20, h, m, 0, 0, time.UTC) }
	want := []event.Outcome{{
		Subject: "article.published", Event: "e-2", Source: "//cms", Gallery: "wp-1", Stored: at, Sequence: 2, Revision: event.Revision{Updated: hour(11, 0)},
		Partners: []event.Hidden{
			{Partner: "msn", Rule: "rules.deny", Where: "rights.rules[0]", Slides: []int{1, 2}, Count: 2},
			{Partner: "msn", Rule: "rights.allow", Where: "/slides/3/rights/allow", Slides: []int{3, 4}, Count: 2},
		},
	}, {
		Subject: "article.published", Event: "e-3", Source: "//cms", Gallery: "wp-1", Stored: at, Sequence: 3, Revision: event.Revision{Updated: hour(10, 30)},
		Stands: event.Revision{Updated: hour(11, 0), Event: "e-2", Source: "//cms"},
	}}
	var got []event.Outcome
	for _, n := range s.notices {
		var o event.Outcome
		e := event.CloudEvent{Data: &o}
		if err := json.Unmarshal(n.Data, &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, o)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestANoticeNamesTheFirstOfManySlides(t *testing.T) {
	t.Parallel()
	var s callbackNotices
	slide := func(credit string) string {
		return `,{"credit":"` + credit + `","image":{"url":"https://img.example.com/1.jpg"}}`
	}
	slides := strings.Repeat(slide("Getty"), 300) + strings.Repeat(`,{"rights":{"allow":["public"]},"image":{"url":"https://img.example.com/2.jpg"}}`, 200)
	s.put(t, s.store(t, withCallback()), message(1, "wp-1", "10:00:00", `,"section":"News","slides":[`+slides[1:]+`]`))
	var o event.Outcome
	if err := json.Unmarshal(s.notices[0].Data, &event.CloudEvent{Data: &o}); err != nil {
		t.Fatal(err)
	}
	if len(o.Partners) != 2 || o.More {
		t.Fatalf("partners %+v", o)
	}
	for i, want := range []struct{ first, named, count int }{{0, 100, 300}, {300, 1, 200}} {
		if h := o.Partners[i]; len(h.Slides) != want.named || h.Count != want.count || h.Slides[0] != want.first || h.Slides[len(h.Slides)-1] != want.first+want.named-1 {
			t.Errorf("%s names %v of %d, want %+v", h.Rule, h.Slides, h.Count, want)
		}
	}
}

// An event whose gallery is stored and whose notice is not comes again: then the gallery is
// there already, and the notice is made all the same.
func TestEventIsToldThoughTheFirstAttemptEndedAfterItWasStored(t *testing.T) {
	t.Parallel()
	s := callbackNotices{err: errors.New("no connection")}
	store := s.store(t, withCallback())
	if diff := cmp.Diff([]string{"stored", "unchanged"}, s.put(t, store, message(1, "wp-1", "11:00:00", slidesByGetty))); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	s.err = errors.New("no connection")
	if diff := cmp.Diff([]string{"superseded", "superseded"}, s.put(t, store, message(2, "wp-1", "10:00:00", ""))); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if len(s.notices) != 2 || s.notices[0].ID == s.notices[1].ID {
		t.Errorf("notices %v", s.notices)
	}
}

func TestANoticeNamesABoundedNumberOfPartners(t *testing.T) {
	t.Parallel()
	c := config.Default()
	for i := range 600 {
		c.Partners = append(c.Partners, config.Partner{Name: fmt.Sprintf("partner-%d", i), Items: 1, UnstatedRights: "deny"})
	}
	p := partnersOf(c, nil)
	g := &gallery.Gallery{ID: "a", Published: time.Now(), Updated: time.Now()}
	all, more := p.withheld(g, time.Now())
	if len(all) != 500 || !more {
		t.Errorf("%d are named, and more: %t", len(all), more)
	}
	g.Rights.Allow = []string{"partner-599"}
	p.names = p.names[590:]
	if all, more := p.withheld(g, time.Now()); len(all) != 9 || more || all[8].Partner != "partner-598" || all[8].Rule != "rights.allow" {
		t.Errorf("%v are named, and more: %t", all, more)
	}
}
