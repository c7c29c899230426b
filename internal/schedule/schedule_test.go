package schedule_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// A bubble's clock starts at midnight UTC on 1 January 2000, a Saturday.

func TestJobsRunAtTheirTimes(t *testing.T) {
	for _, c := range []struct {
		name, zone, spec string
		want             []string // in UTC, within three days
	}{
		{"every", "UTC", "@every 20h", []string{"01 20:00", "02 16:00", "03 12:00"}},
		{"daily", "UTC", "0 7 * * *", []string{"01 07:00", "02 07:00", "03 07:00"}},
		{"on a weekday", "UTC", "30 6 * * 1", []string{"03 06:30"}},
		{"in the configured zone", "Europe/Rome", "0 7 * * *", []string{"01 06:00", "02 06:00", "03 06:00"}},
		{"in a zone of its own", "Europe/Rome", "CRON_TZ=America/New_York 0 7 * * *", []string{"01 12:00", "02 12:00", "03 12:00"}},
		{"descriptor", "Europe/Rome", "@daily", []string{"01 23:00", "02 23:00", "03 23:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				start(t, schedule.Options{Timezone: c.zone, Jobs: []schedule.Job{{Name: "job", Spec: c.spec, Run: func(context.Context) error {
					got = append(got, time.Now().UTC().Format("02 15:04"))
					return nil
				}}}})
				pass(3*24*time.Hour - time.Minute)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("runs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestARunIsSkippedWhileTheLastGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow, quick atomic.Int32
		release := make(chan struct{})
		n := start(t, schedule.Options{Timezone: "UTC", Jobs: []schedule.Job{
			{Name: "slow", Spec: "@every 1m", Run: func(context.Context) error { slow.Add(1); <-release; return nil }},
			{Name: "quick", Spec: "@every 1m", Run: func(context.Context) error { quick.Add(1); return nil }},
		}})
		pass(3*time.Minute + time.Second)
		if slow.Load() != 1 || quick.Load() != 3 {
			t.Errorf("%d slow and %d quick runs, want 1 and 3", slow.Load(), quick.Load())
		}
		n.logged(t, "level=WARN", "skipped", "job=slow")
		close(release)
		pass(time.Minute)
		if slow.Load() != 2 {
			t.Errorf("%d slow runs after the first ended, want 2", slow.Load())
		}
		want := map[string]float64{"slow done": 2, "slow skipped": 2, "quick done": 4}
		if diff := cmp.Diff(want, n.counts(t)); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

func TestAPanicEndsThatRunOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs, others atomic.Int32
		n := start(t, schedule.Options{Timezone: "UTC", Jobs: []schedule.Job{
			{Name: "bad", Spec: "@every 1m", Run: func(context.Context) error {
				if runs.Add(1) == 1 {
					panic("out of film")
				}
				return nil
			}},
			{Name: "good", Spec: "@every 1m", Run: func(context.Context) error { others.Add(1); return nil }},
		}})
		pass(3*time.Minute + time.Second)
		if runs.Load() != 3 || others.Load() != 3 {
			t.Errorf("%d and %d runs, want 3 of each", runs.Load(), others.Load())
		}
		n.logged(t, "level=ERROR", "panicked", "job=bad", "out of film")
		want := map[string]float64{"bad panicked": 1, "bad done": 2, "good done": 3}
		if diff := cmp.Diff(want, n.counts(t)); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

func TestAFailedRunIsLoggedAndComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, schedule.Options{Timezone: "UTC", Jobs: []schedule.Job{
			{Name: "job", Spec: "@hourly", Run: func(context.Context) error { return errors.New("no such feed") }},
		}})
		pass(2*time.Hour + time.Minute)
		n.logged(t, "level=ERROR", "job=job", `err="no such feed"`)
		if got := n.counts(t)["job failed"]; got != 2 {
			t.Errorf("%v failed runs, want 2", got)
		}
	})
}

func TestRunWaitsForRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		n := start(t, schedule.Options{Timezone: "UTC", Jobs: []schedule.Job{{Name: "job", Spec: "@every 1m", Run: func(ctx context.Context) error {
			<-ctx.Done()
			pass(time.Hour) // work that must be finished
			ended = true
			return ctx.Err()
		}}}})
		pass(time.Minute + time.Second)
		n.stop()
		if !ended {
			t.Error("returned while a run was under way")
		}
		if diff := cmp.Diff(map[string]float64{"job stopped": 1}, n.counts(t)); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

func TestNewReportsEverythingThatIsWrong(t *testing.T) {
	_, err := schedule.New(schedule.Options{Timezone: "Europe/Roma", Logger: slog.New(slog.DiscardHandler), Jobs: []schedule.Job{
		{Name: "republish", Spec: "sometimes"}, {Name: "notices", Spec: "@every 1m"}, {Name: "digest", Spec: "CRON_TZ="},
	}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"schedule.timezone", `"Europe/Roma"`, "schedule.republish", `"sometimes"`, "schedule.digest"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not mention %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "schedule.notices") {
		t.Errorf("%q blames a job that is right", err)
	}
}

// running is a schedule under way.
type running struct {
	schedule *schedule.Schedule
	log      *bytes.Buffer
	metrics  *prometheus.Registry
	stop     func() // waits for it
}

// start runs a schedule until the test ends, inside a bubble.
func start(t *testing.T, o schedule.Options) *running {
	t.Helper()
	n := &running{log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}
	o.Logger, o.Registerer = slog.New(slog.NewTextHandler(n.log, nil)), n.metrics
	s, err := schedule.New(o)
	if err != nil {
		t.Fatal(err)
	}
	n.schedule = s
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(n.stop)
	synctest.Wait()
	return n
}

// pass lets the bubble's time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// logged wants a line that holds every part.
func (n *running) logged(t *testing.T, parts ...string) {
	t.Helper()
	for line := range strings.Lines(n.log.String()) {
		missing := false
		for _, part := range parts {
			missing = missing || !strings.Contains(line, part)
		}
		if !missing {
			return
		}
	}
	t.Errorf("no line with %q in:\n%s", parts, n.log)
}

// counts returns the runs by job and outcome, where there are any.
func (n *running) counts(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "gallerywire_schedule_runs_total" && m.GetCounter().GetValue() > 0 {
				counts[labels["task"]+" "+labels["outcome"]] = m.GetCounter().GetValue()
			}
		}
	}
	return counts
}
