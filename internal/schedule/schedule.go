// Package schedule turns cron specifications into runs.
//
// A run that is due while the last one of its job goes on is skipped; a panic
// in a run is logged and ends that run only. Runs missed while the process was
// down, or in the hour that daylight saving skips, are not made up for, and a
// run in the hour that it repeats may come twice: every job is to be repeatable
// and to compare what is with what should be.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/robfig/cron/v3"
)

// Job is something to be done again and again.
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
	seen     memory
}

// New checks the time zone and every specification, and returns all that is
// wrong with them.
func New(o Options) (*Schedule, error) {
	s := &Schedule{opts: o, made: time.Now(), runs: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_schedule_runs_total",
		Help: "Runs of scheduled jobs, by task (the job: Prometheus has a label of that name) and outcome.",
	}, []string{"task", "outcome"})}
	var errs []error
	var err error
	if s.location, err = time.LoadLocation(o.Timezone); err != nil {
		errs = append(errs, fmt.Errorf("schedule.timezone: %q is no time zone: write Europe/Rome or UTC", o.Timezone))
	}
	for _, job := range o.Jobs {
		spec, err := Parse(job.Spec)
		if err != nil {
			errs = append(errs, fmt.Errorf("schedule.%s: %w", job.Name, err))
		}
		s.specs = append(s.specs, spec)
		for _, outcome := range outcomes {
			s.runs.WithLabelValues(job.Name, outcome) // there from the start, so that the first counts as an increase
		}
	}
	if o.Registerer != nil && len(errs) == 0 {
		o.Registerer.MustRegister(s.runs, due{s})
	}
	return s, errors.Join(errs...)
}

// outcomes are all that a run may have.
var outcomes = [...]string{"done", "failed", "panicked", "stopped", "skipped"}

// Parse reads a specification. It catches the panics that the parser answers
// some of them with, and refuses what would never run.
func Parse(spec string) (parsed cron.Schedule, err error) {
	defer func() {
		if recover() != nil {
			parsed, err = nil, unreadable(spec, "it has no fields")
		}
	}()
	if parsed, err = cron.ParseStandard(spec); err != nil {
		return nil, unreadable(spec, malformed(spec, err))
	}
	if why := useless(spec, parsed); why != "" {
		return nil, unreadable(spec, why)
	}
	return parsed, nil
}

// malformed is what the parser found, in words without those of what it uses.
func malformed(spec string, err error) string {
	switch text := err.Error(); {
	case strings.Contains(spec, "@every"):
		return "no duration follows @every"
	case strings.Contains(text, "parse int"):
		return "a field is no number"
	case strings.Contains(text, "bad location"):
		return "the time zone is not known"
	default:
		return text
	}
}

// useless says why the specification can not be meant, nothing when it can.
func useless(spec string, parsed cron.Schedule) string {
	if _, every, ok := strings.Cut(spec, "@every "); ok {
		// The parser has read it already, and rounds what is too little up.
		if d, err := time.ParseDuration(every); err == nil && d < time.Second {
			return "less than a second"
		}
	}
	if parsed.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return "there is no such day"
	}
	return ""
}

func unreadable(spec, why string) error {
	return fmt.Errorf(`%q is no schedule (%s): write "@every 5m" or five cron fields such as "0 7 * * 1-5"`, spec, why)
}

// Run runs the jobs until ctx ends and waits for those that are under way,
// whose context ends with it.
func (s *Schedule) Run(ctx context.Context) error {
	c := cron.New(cron.WithLocation(s.location), cron.WithLogger(logger{log: s.opts.Logger}))
	entries := make([]cron.EntryID, len(s.opts.Jobs))
	for i, job := range s.opts.Jobs {
		entries[i] = c.Schedule(s.specs[i], s.chain(job).Then(cron.FuncJob(func() { s.run(ctx, job) })))
	}
	c.Start()
	s.seen.started(c, entries)
	<-ctx.Done()
	<-c.Stop().Done()
	return nil
}

// chain guards a job's runs. In this order: the skipper would stay shut after a
// panic that passes it.
func (s *Schedule) chain(job Job) cron.Chain {
	log := logger{log: s.opts.Logger.With("job", job.Name), skipped: func() { s.count(job, "skipped") }}
	return cron.NewChain(cron.SkipIfStillRunning(log), cron.Recover(log))
}

func (s *Schedule) run(ctx context.Context, job Job) {
	outcome := "panicked"
	began := time.Now()
	var err error
	s.seen.began(job.Name)
	defer func() {
		s.count(job, outcome)
		s.seen.ended(job.Name, run{began: began, took: time.Since(began), outcome: outcome, err: err})
	}()
	err = job.Run(ctx)
	log := s.opts.Logger.With("job", job.Name, "took", time.Since(began))
	switch {
	case err == nil:
		outcome = "done"
		log.Debug("a scheduled run is done")
	case ctx.Err() != nil:
		outcome = "stopped"
		log.Debug("a scheduled run was stopped", "err", err)
	default:
		outcome = "failed"
		log.Error("a scheduled run failed and is tried again at its next time", "err", err)
	}
}

func (s *Schedule) count(job Job, outcome string) { s.runs.WithLabelValues(job.Name, outcome).Inc() }

// logger lets cron log through slog.
type logger struct {
	log     *slog.Logger
	skipped func()
}

// Info is called for what cron does, runs that are skipped among it.
func (l logger) Info(msg string, keysAndValues ...any) {
	if msg == "skip" {
		l.skipped()
		l.log.Warn("a scheduled run is skipped because the last one goes on")
		return
	}
	l.log.Debug(msg, keysAndValues...)
}

// Error is called for a run that panicked.
func (l logger) Error(err error, msg string, keysAndValues ...any) {
	l.log.Error("a scheduled run panicked: please report this", append(keysAndValues, "err", err, "cause", msg)...)
}
