package app

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/serve/page"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

const (
	// maxListed is how many of a kind a status lists, beside how many there are.
	maxListed = 50
	// maxNewRejects is how many rejects are read for a status, as whole events.
	maxNewRejects = 20
	// statusTimeout bounds what a status waits for storage: it is asked for when
	// things are not well.
	statusTimeout = 2 * time.Second
)

// observed is what a node remembers of its own work for the status.
type observed struct {
	started     time.Time
	events      status.Log
	partial     status.Log
	subscribers *web.Subscribers
}

func newObserved() *observed {
	return &observed{started: time.Now(), subscribers: web.NewSubscribers(nil)}
}

// reporting are the rooms that a status asks. Those that are nil are not there.
type reporting struct {
	editions *edition.Set
	schedule *schedule.Schedule
	outbox   debts
	hub      interface{ Counts() map[string]int }
	digests  interface{ States() []digest.State }
}

// debts is the outbox as a status needs it.
type debts interface {
	Owed() map[string]int
	Late() []outbox.Waiting
	DeadLetters() []outbox.Dead
}

// registerStatus adds the page of editors and operators.
func (a *App) registerStatus(mux *http.ServeMux) {
	site := a.opts.Config.Site
	page.NewDesk(page.DeskOptions{
		Title: site.Title, Language: site.Language, URL: a.URL, Status: a.status, Logger: a.log,
	}).Register(mux)
}

// observe remembers what became of an event, and tells who watches.
func (a *App) observe(r intake.Report) {
	e := eventOf(r, time.Now())
	a.observed.events.Add(e)
	if r.Event != nil && r.Event.LeftOut != nil {
		a.observed.partial.Add(e)
	}
	if a.opts.Watch.Event != nil {
		a.opts.Watch.Event(r)
	}
}

func eventOf(r intake.Report, at time.Time) status.Event {
	e := status.Event{At: at.UTC(), Kind: string(kindOf(r)), Gallery: r.Gallery, Outcome: r.Outcome}
	if r.Event != nil && r.Event.Gallery != nil {
		e.Title = r.Event.Gallery.Title
		if r.Event.LeftOut != nil {
			e.Reason = "left out: " + r.Event.LeftOut.Error()
		}
	} else if r.Event != nil {
		e.Reason = r.Event.Removed.Reason
	}
	if r.Problems != nil {
		e.Reason = r.Problems.Error()
	}
	return e
}

// kindOf is what the event asked for; of one that could not be read, what its
// subject says, if it says it.
func kindOf(r intake.Report) event.Kind {
	if r.Event != nil {
		return r.Event.Kind
	}
	for _, kind := range []event.Kind{event.Unpublished, event.Published} {
		_, end, _ := strings.Cut(string(kind), ".")
		if strings.HasSuffix("."+r.Subject, "."+end) {
			return kind
		}
	}
	return ""
}

// status is what this node can say now. It waits for storage, but not long.
func (a *App) status(ctx context.Context) status.Status {
	s := status.Status{
		Site: status.Short(a.opts.Config.Site.Title), URL: a.baseURL,
		At: time.Now().UTC(), Started: a.observed.started.UTC(),
		Events:  a.observed.events.Newest(),
		Partial: status.Partial{Total: a.observed.partial.Total(), Newest: a.observed.partial.Newest()},
		Readers: subscribersOf(a.observed.subscribers.Reported()),
	}
	for _, why := range a.unready() {
		s.NotReady = append(s.NotReady, status.Short(why.Error()))
	}
	for _, p := range a.opts.Config.Exposed() {
		s.Warnings = append(s.Warnings, status.Short(p.Error()))
	}
	s.Rejects = a.rejects(ctx)
	if r := a.rooms.Load(); r != nil {
		if err := cmp.Or(a.broker.Storage(), r.intake.Trouble(), a.outOfTouch()); err != nil {
			s.Stuck = status.Short(err.Error())
		}
		if warning := a.unstated(r.siteID); warning != "" {
			s.Warnings = append(s.Warnings, status.Short(warning))
		}
		for _, err := range a.broker.Denied() {
			s.Warnings = append(s.Warnings, status.Short(err.Error()))
		}
		s.Galleries = r.catalogue.Len()
		r.reporting.tell(&s)
	}
	return s
}

// tell writes into s what the rooms know.
func (r reporting) tell(s *status.Status) {
	s.Feeds, s.LeftOut = feedsOf(r.editions.States()), leftOutsOf(r.editions.LeftOut())
	s.Jobs = jobsOf(r.schedule.States())
	if r.outbox != nil {
		s.Notices = noticesOf(r.outbox)
	}
	if r.hub != nil {
		s.Hub = hubOf(r.hub.Counts())
	}
	if r.digests != nil {
		s.Digests = digestsOf(r.digests.States())
	}
}

// rejects reads the newest of them.
func (a *App) rejects(ctx context.Context) status.Rejects {
	if a.broker.Status() != nil {
		return status.Rejects{Err: "there is no connection to NATS"} // nobody should have to wait to hear that
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	newest, kept, err := Rejects(a.broker, nil).Newest(ctx, maxNewRejects)
	if err != nil {
		return status.Rejects{Err: status.Short(err.Error())}
	}
	list := status.Rejects{Kept: kept}
	for _, r := range newest {
		list.Newest = append(list.Newest, status.Reject{
			Number: r.Number, Stored: r.Stored.UTC(), Subject: status.Short(r.Subject),
			Gallery: status.Short(r.Gallery), Reason: status.Short(r.Problems.Error()),
		})
	}
	return list
}

func feedsOf(states []edition.State) []status.Feed {
	feeds := make([]status.Feed, len(states))
	for i, s := range states {
		feeds[i] = status.Feed{
			Name: s.Name, Title: status.Short(s.Title), Galleries: s.Galleries, Changed: utc(s.Touched),
			State: string(s.Condition), Reason: reasonOf(s.Err), LeftOut: s.LeftOut,
		}
	}
	return feeds
}

func leftOutsOf(faults []edition.Fault) status.LeftOuts {
	list := status.LeftOuts{Total: len(faults)}
	for _, f := range faults[:min(len(faults), maxListed)] {
		list.First = append(list.First, status.LeftOut{Feed: f.Feed, Gallery: status.Short(f.Gallery), Reason: status.Short(f.Reason)})
	}
	return list
}

func jobsOf(states []schedule.State) []status.Job {
	jobs := make([]status.Job, len(states))
	for i, s := range states {
		jobs[i] = status.Job{
			Name: s.Name, Spec: s.Spec, Running: s.Running, Last: utc(s.Last), Seconds: s.Took.Seconds(),
			Outcome: s.Outcome, Reason: reasonOf(s.Err), Next: utc(s.Next),
		}
	}
	return jobs
}

// noticesOf says what is owed. Of what was given up the newest comes first.
func noticesOf(box debts) *status.Notices {
	owed, late, dead := box.Owed(), box.Late(), box.DeadLetters()
	n := &status.Notices{Late: status.Deliveries{Total: len(late)}, Dead: status.Deliveries{Total: len(dead)}}
	for _, channel := range slices.Sorted(maps.Keys(owed)) {
		n.Channels = append(n.Channels, status.Channel{Name: channel, Owed: owed[channel]})
	}
	for _, w := range late[:min(len(late), maxListed)] {
		d := deliveryOf(w.Dead)
		d.Due = utc(w.Due)
		n.Late.First = append(n.Late.First, d)
	}
	slices.Reverse(dead)
	for _, d := range dead[:min(len(dead), maxListed)] {
		n.Dead.First = append(n.Dead.First, deliveryOf(d))
	}
	return n
}

func deliveryOf(d outbox.Dead) status.Delivery {
	return status.Delivery{
		Channel: d.Channel, About: status.Short(d.About), Target: status.Short(d.Target),
		Attempts: d.Attempts, Last: utc(d.Last), Reason: status.Short(d.Reason),
	}
}

// hubOf says how many subscriptions feeds have, the most first.
func hubOf(counts map[string]int) *status.Hub {
	hub := &status.Hub{More: max(0, len(counts)-maxListed)}
	feeds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	for i, feed := range feeds {
		hub.Subscriptions += counts[feed]
		if i < maxListed {
			hub.Feeds = append(hub.Feeds, status.HubCount{Feed: status.Short(feed), Subscriptions: counts[feed]})
		}
	}
	return hub
}

func digestsOf(states []digest.State) []status.Digest {
	digests := make([]status.Digest, len(states))
	for i, s := range states {
		digests[i] = status.Digest{Name: s.Name, Last: utc(s.Last), Next: utc(s.Next)}
	}
	return digests
}

func subscribersOf(reported []web.Reported) status.Subscribers {
	list := status.Subscribers{More: max(0, len(reported)-maxListed)}
	for i, r := range reported {
		list.Total += r.Subscribers
		if i < maxListed {
			list.Services = append(list.Services, status.Service{
				Name: r.Service, Feed: status.Short(r.Feed), Subscribers: r.Subscribers, At: r.At.UTC(),
			})
		}
	}
	return list
}

func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return status.Short(err.Error())
}

// utc leaves the zero time as it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
