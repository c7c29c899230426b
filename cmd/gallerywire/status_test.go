package main

import (
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// day is a status with some of everything.
func day() status.Status {
	return status.Status{
		Site: "Example News", URL: "https://wire.example.com", At: noon, Started: noon.Add(-26 * time.Hour), Galleries: 1,
		Events: []status.Event{
			{At: noon.Add(-time.Second), Kind: "article.published", Gallery: "harbour", Title: "Harbour lights", Outcome: "stored"},
			{At: noon.Add(-30 * time.Hour), Outcome: "rejected", Reason: "is not JSON"},
		},
		Partial: status.Partial{Total: 3, Newest: []status.Event{{At: noon.Add(-time.Second), Gallery: "harbour", Reason: "left out: /associations/a: no file"}}},
		Rejects: status.Rejects{Kept: 31, Newest: []status.Reject{{Number: 31, Stored: noon, Gallery: "dusk", Reason: "/title: missing or blank"}}},
		Feeds: []status.Feed{
			{Name: "all", Galleries: 1, Changed: noon.Add(-time.Second), State: status.Fresh, LeftOut: 1},
			{Name: "culture", State: status.Cut, Reason: "nats: timeout"},
		},
		Partners: []status.Partner{
			{Name: "msn", Feed: status.Feed{Name: "partners/msn", State: status.Fresh, Galleries: 1}, Keys: []partner.KeyState{{Name: "a", State: partner.Good}, {Name: "b", State: partner.NotYet}}, Polled: noon.Add(-time.Minute)},
			{Name: "other", Feed: status.Feed{Name: "partners/other", State: status.Due}, PollEvery: "15m", Silence: "26h"},
		},
		Senders: []status.Sender{{Name: "blog", Kind: "bearer", IDPrefix: "blog-", Used: noon}, {Name: "desk", Kind: "superdesk", Problem: "gone"}},
		LeftOut: status.LeftOuts{Total: 1, First: []status.LeftOut{{Feed: "all", Gallery: "parade", Reason: "too long"}}},
		Jobs: []status.Job{
			{Name: "republish", Spec: "@every 5m", Last: noon, Outcome: "done", Next: noon.Add(5 * time.Minute)},
			{Name: "notices", Spec: "@every 1m", Running: true, Next: noon.Add(time.Minute)},
		},
		Notices: &status.Notices{
			Channels:    []status.Channel{{Name: "webhook", Pending: 2}},
			Retries:     status.Deliveries{Total: 2, First: []status.Delivery{{Channel: "webhook", About: "all", Target: "https://a.example.org", Attempts: 1, Due: noon.Add(time.Minute), Reason: "503"}}},
			DeadLetters: status.Deliveries{Total: 1, First: []status.Delivery{{Channel: "digest", About: "morning", Target: "mail desk", Attempts: 8, Last: noon, Reason: "550"}}},
		},
		Hub:     &status.Hub{Subscriptions: 9, More: 2, Feeds: []status.HubCount{{Feed: "all", Subscriptions: 7}}},
		Digests: []status.Digest{{Name: "morning", Next: noon.Add(19 * time.Hour)}},
		Readers: status.Subscribers{Total: 48, Services: []status.Service{{Name: "Feedly", Feed: "all", Subscribers: 48, At: noon}}},
	}
}

func TestStatusForPeople(t *testing.T) {
	var out strings.Builder
	if err := (&statusWriter{Status: day(), out: &out}).write(); err != nil {
		t.Fatal(err)
	}
	want := `Example News: needs attention
  A feed could not be rendered and serves what it had: culture
  The secrets of a sender are wrong or cannot be read: desk
  A partner has no good key, so it gets nothing: other
  A partner does not poll this node: other for 26h
  A gallery is left out of a feed: correct it and publish it again
  A delivery was given up: see "gallerywire notices list", then "gallerywire notices retry KEY"
https://wire.example.com/ at 2026-11-23 12:00:00 UTC, up for 26h0m0s, 1 gallery

Feeds
  all      fresh  1 gallery    changed 11:59:59  1 left out
  culture  cut    0 galleries  changed never     nats: timeout

Partners
  msn    fresh  1 gallery    keys: 1 good, 1 not yet  last request 11:59:00
  other  due    0 galleries  no keys                  last request none

Last events
  11:59:59          article.published  harbour  stored    Harbour lights
  2026-11-22 06:00  -                  -        rejected  is not JSON

Senders of events over HTTP
  blog  bearer     ids: blog-  last request 12:00:00
  desk  superdesk  ids: any    last request none      gone

Left out of galleries
  11:59:59  harbour  left out: /associations/a: no file
  and 2 more

Rejects
  31  12:00:00  dusk  /title: missing or blank
  and 30 more

Left out of feeds
  parade  of all  too long

Schedule
  republish  @every 5m  last 12:00:00  done     next 12:05:00
  notices    @every 1m  last never     running  next 12:01:00

Pending notices
  webhook  2

Waiting for a retry
  webhook  https://a.example.org  all  next 12:01:00  1 attempt  503
  and 1 more

Given up
  digest  mail desk  morning  last 12:00:00  8 attempts  550

WebSub subscriptions
  all  7
  and 2 more

Digests
  morning  last never  next 2026-11-24 07:00

Subscribers, as feed services report them
  Feedly  all  48  reported 12:00:00
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStatusSteersNoTerminal(t *testing.T) {
	evil := "\x1b]0;pwned\x07\u202E\ndone"
	s := day()
	s.Site, s.URL, s.NotReady = evil, evil, []string{evil}
	s.Feeds[0].Name, s.Feeds[1].Reason = evil, evil
	s.Events[0].Gallery, s.Events[0].Title, s.Events[1].Reason, s.Events[1].Kind = evil, evil, evil, evil
	s.Events[0].Outcome, s.Feeds[0].State, s.Jobs[0].Outcome = evil, evil, evil
	s.Rejects.Newest[0].Gallery, s.Rejects.Newest[0].Reason = evil, evil
	s.LeftOut.First[0] = status.LeftOut{Feed: evil, Gallery: evil, Reason: evil}
	s.Jobs[0].Reason, s.Jobs[0].Name, s.Jobs[0].Spec = evil, evil, evil
	s.Notices.Channels[0].Name = evil
	s.Notices.Retries.First[0] = status.Delivery{Channel: evil, About: evil, Target: evil, Reason: evil}
	s.Hub.Feeds[0].Feed, s.Digests[0].Name = evil, evil
	s.Readers.Services[0] = status.Service{Name: evil, Feed: evil}
	var out strings.Builder
	if err := (&statusWriter{Status: s, out: &out}).write(); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\u202E") || strings.Contains(out.String(), "\ndone") {
		t.Errorf("%q", out.String())
	}
	s.Rejects.Err = evil
	out.Reset()
	if err := (&statusWriter{Status: s, out: &out, coloured: true}).write(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "\x1b]") || strings.ContainsAny(out.String(), "\x07\u202E") {
		t.Errorf("in colours: %q", out.String())
	}
}

func TestColumnsAlignInColours(t *testing.T) {
	var out strings.Builder
	rows := [][]cell{{{"a", green}, {"b", plain}}, {{"long", red}, {"", quiet}, {"c", quiet}}, {{"ü", plain}, {"", red}}}
	if err := writeTable(&out, rows, true); err != nil {
		t.Fatal(err)
	}
	want := "  \x1b[32ma\x1b[0m     b\n  \x1b[31mlong\x1b[0m     \x1b[2mc\x1b[0m\n  ü\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
