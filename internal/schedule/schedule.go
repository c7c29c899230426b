// Package schedule turns cron specifications into runs.
//
// A run is skipped while the last run of its job goes on. A panic in a run is
// logged and ends only that run. Runs that the process missed, or that fall into
// the hour that daylight saving skips, are not repeated later. When daylight
// saving ends, a run in the repeated hour may happen twice. So a job must be repeatable,
// and compare the present state with the state that should be.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/robfig/cron/v3"
)

// Job is a task with the times of its runs.
type Job struct {
	Name string
	Spec string // five cron fields, @hourly and the like, or "@every 5m"
	Run  func(context.Context) error
}

// Options make a schedule.
type Options struct {
	Timezone   string // of the specifications: a name of the IANA database
	Jobs       []Job
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
}

// Schedule runs jobs at their times.
type Schedule struct {
	opts     Options
	location *time.Location
	specs    []cron.Schedule
	runs     *prometheus.CounterVec
	made     time.Time

	runsMu  sync.Mutex
	cron    *cron.Cron // nil before Run
	entries []cron.EntryID
	history map[string]*history // by job
}

// New checks the time zone and every specification, and returns all errors.
func New(o Options) (*Schedule, error) {
	s := &Schedule{opts: o, made: time.Now(), history: map[string]*history{}, runs: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_schedule_runs_total",
		Help: "Runs of scheduled jobs, by task (the job: Prometheus uses the label job) and outcome.",
	}, []string{"task", "outcome"})}
	var errs []error
	var err error
	if s.location, err = time.LoadLocation(o.Timezone); err != nil {
		errs = append(errs, fmt.Errorf("schedule.timezone: %q is not a known time zone: write UTC, or a name such as Europe/Rome", o.Timezone))
	}
	for _, job := range o.Jobs {
		spec, err := Parse(job.Spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("schedule.%s: %w", job.Name, err))
		}
		s.specs = append(s.specs, spec)
		s.history[job.Name] = new(history)
		for _, outcome := range outcomes {
			s.runs.WithLabelValues(job.Name, outcome) // from the start, so that the first run is an increase
		}
	}
	if o.Registerer != nil && len(errs) == 0 {
		o.Registerer.MustRegister(s.runs, due{s})
	}
	return s, errors.Join(errs...)
}

// outcomes are all outcomes of a run.
var outcomes = [...]string{"done", "failed", "panicked", "stopped", "skipped"}

// Parse reads a specification. It catches the panics of the parser, and rejects a
// specification that never runs.
func Parse(spec string) (parsed cron.Schedule, err error) {
	defer func() {
		if recover() != nil {
			parsed, err = nil, unreadable(spec, "it has no fields")
		}
	}()
	if parsed, err = cron.ParseStandard(spec); err != nil {
		why := err.Error()
		switch {
		case strings.Contains(spec, "@every"):
			why = "no duration follows @every"
		case strings.Contains(why, "parse int"):
			why = "a field is not a number"
		case strings.Contains(why, "bad location"):
			why = "the time zone is not known"
		}
		return nil, unreadable(spec, why)
	}
	_, every, _ := strings.Cut(spec, "@every ")
	if d, err := time.ParseDuration(every); err == nil && d < time.Second { // which the parser rounds up
		return nil, unreadable(spec, "less than a second")
	}
	if parsed.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, unreadable(spec, "there is no such day")
	}
	return parsed, nil
}

func unreadable(spec, why string) error {
	return fmt.Errorf(`%q is not a schedule (%s): write "@every 5m" or five cron fields such as "0 7 * * 1-5"`, spec, why)
}

// Run runs the jobs until ctx ends, then waits for the runs under way, whose context
// is ctx.
func (s *Schedule) Run(ctx context.Context) error {
	c := cron.New(cron.WithLocation(s.location), cron.WithLogger(logger{log: s.opts.Logger}))
	entries := make([]cron.EntryID, len(s.opts.Jobs))
	for i, job := range s.opts.Jobs {
		log := logger{log: s.opts.Logger.With("job", job.Name), skipped: func() { s.count(job, "skipped") }}
		// In this order: a panic that passes SkipIfStillRunning ends the job for good.
		chain := cron.NewChain(cron.SkipIfStillRunning(log), cron.Recover(log))
		entries[i] = c.Schedule(s.specs[i], chain.Then(cron.FuncJob(func() { s.run(ctx, job) })))
	}
	c.Start()
	s.runsMu.Lock()
	s.cron, s.entries = c, entries
	s.runsMu.Unlock()
	<-ctx.Done()
	<-c.Stop().Done()
	return nil
}

func (s *Schedule) run(ctx context.Context, job Job) {
	outcome := "panicked"
	began := time.Now()
	var err error
	s.runsMu.Lock()
	s.history[job.Name].running = true
	s.runsMu.Unlock()
	defer func() {
		s.count(job, outcome)
		s.runsMu.Lock()
		defer s.runsMu.Unlock()
		h := s.history[job.Name]
		h.running, h.began, h.duration, h.outcome, h.err = false, began, time.Since(began), outcome, err
		if outcome == "done" {
			h.done = began
		}
	}()
	err = job.Run(ctx)
	log := s.opts.Logger.With("job", job.Name, "took", time.Since(began))
	switch {
	case err == nil:
		outcome = "done"
		log.Debug("scheduled run done")
	case ctx.Err() != nil:
		outcome = "stopped"
		log.Debug("scheduled run stopped", "err", err)
	default:
		outcome = "failed"
		log.Error("scheduled run failed, the next one tries again", "err", err)
	}
}

func (s *Schedule) count(job Job, outcome string) { s.runs.WithLabelValues(job.Name, outcome).Inc() }

// logger lets cron log through slog.
type logger struct {
	log     *slog.Logger
	skipped func()
}

// Info logs what cron does, such as skipping a run.
func (l logger) Info(msg string, keysAndValues ...any) {
	if msg == "skip" {
		l.skipped()
		l.log.Warn("scheduled run skipped, because the last one still runs")
		return
	}
	l.log.Debug(msg, keysAndValues...)
}

// Error logs a run that panicked.
func (l logger) Error(err error, msg string, keysAndValues ...any) {
	l.log.Error("scheduled run panicked: please report this", append(keysAndValues, "err", err, "cause", msg)...)
}
