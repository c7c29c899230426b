package app

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// newReporter returns what gathers the status of the node.
func (a *App) newReporter() *status.Reporter {
	return status.New(status.Options{
		Title: a.opts.Config.Site.Title, URL: a.URL, NotReady: a.unready, Stuck: a.stuck, Warnings: a.warnings,
		Rejects: a.newestRejects, Subscribers: a.subscribers,
		Parts: func() *status.Parts {
			if s := a.services.Load(); s != nil {
				return s.status
			}
			return nil
		},
	})
}

// observe remembers the outcome of an event, and reports it to the watcher.
func (a *App) observe(r intake.Report) {
	a.reporter.Observe(status.Outcome{Event: r.Event, Subject: r.Subject, Gallery: r.Gallery, Outcome: r.Outcome, Problems: r.Problems})
	if a.opts.Watch.Event != nil {
		a.opts.Watch.Event(r)
	}
}

// stuck returns why no events are processed; nil: they are, or the node does not know
// its site yet.
func (a *App) stuck() error {
	s := a.services.Load()
	if s == nil {
		return nil
	}
	return cmp.Or(a.broker.Storage(), s.intake.Trouble(), a.outOfTouch())
}

// warnings are what an operator should settle though all works.
func (a *App) warnings() (list []string) {
	for _, p := range a.opts.Config.Warnings(time.Now()) {
		list = append(list, p.Error())
	}
	s := a.services.Load()
	if s == nil {
		return list
	}
	if warning := a.defaultIDWarning(s.siteID); warning != "" {
		list = append(list, warning)
	}
	for _, err := range a.broker.Denied() {
		list = append(list, err.Error())
	}
	return list
}

func (a *App) newestRejects(ctx context.Context, most int) (list []status.Reject, kept uint64, err error) {
	if a.broker.Status() != nil {
		return nil, 0, errors.New("there is no connection to NATS") // at once, without a timeout
	}
	newest, kept, err := Rejects(a.broker, nil).Newest(ctx, most)
	for _, r := range newest {
		list = append(list, status.Reject{Number: r.Number, Stored: r.Stored, Subject: r.Subject, Gallery: r.Gallery, Reason: r.Problems.Error()})
	}
	return list, kept, err
}

// statusParts answer for the services in a status.
func (ns *notifiers) statusParts(galleries func() int, partners *partners, plan *schedule.Schedule) *status.Parts {
	p := &status.Parts{
		Galleries: galleries, Feeds: feedStates{partners},
		Jobs: func() (jobs []status.Job) {
			for _, s := range plan.States() {
				job := status.Job{Name: s.Name, Spec: s.Spec, Running: s.Running, Last: s.Last, Seconds: s.Duration.Seconds(), Outcome: s.Outcome, Next: s.Next}
				if s.Err != nil {
					job.Reason = s.Err.Error()
				}
				jobs = append(jobs, job)
			}
			return jobs
		},
		Pending: ns.box.Pending,
		Retries: func() (list []status.Delivery) {
			for _, w := range ns.box.Retries() {
				d := delivery(w.DeadLetter)
				d.Due = w.Due
				list = append(list, d)
			}
			return list
		},
		DeadLetters: func() (list []status.Delivery) {
			for _, d := range ns.box.DeadLetters() {
				list = append(list, delivery(d))
			}
			return list
		},
	}
	if ns.hub != nil {
		p.Hub = subscriptions{ns.hub, partners.canonical}.Counts
	}
	if len(ns.digests.States()) > 0 {
		p.Digests = func() (list []status.Digest) {
			for _, s := range ns.digests.States() {
				list = append(list, status.Digest(s))
			}
			return list
		}
	}
	return p
}

// feedStates are those of the configured feeds, with what is left out of those of partners.
type feedStates struct{ *partners }

// States implements the Feeds of [status.Parts].
func (f feedStates) States() []edition.State { return f.public.States() }

// LeftOut implements the Feeds of [status.Parts].
func (f feedStates) LeftOut() (list []edition.LeftOut) {
	for _, set := range f.of("") {
		list = append(list, set.LeftOut()...)
	}
	return list
}

func delivery(d outbox.DeadLetter) status.Delivery {
	return status.Delivery{Channel: d.Channel, About: d.About, Target: d.Target, Attempts: d.Attempts, Last: d.Last, Reason: d.Reason}
}
