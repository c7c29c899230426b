package schedule_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/schedule"
)

// dues returns how far ahead, or behind, the metric has each job.
func (n *running) dues(t *testing.T) map[string]time.Duration {
	t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]time.Duration{}
	for _, f := range families {
		if f.GetName() != "gallerywire_schedule_due_timestamp_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			found[m.GetLabel()[0].GetValue()] = time.Until(time.Unix(int64(m.GetGauge().GetValue()), 0)).Round(10 * time.Second)
		}
	}
	return found
}

func TestWhatIsDueLiesAheadWhileRunsEndWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, runs := make(chan struct{}), 0
		defer close(release)
		well := func(context.Context) error { return nil }
		n := start(t, schedule.Options{Timezone: "Europe/Rome", Jobs: []schedule.Job{
			{Name: "often", Spec: "@every 5m", Run: well},
			{Name: "seldom", Spec: "@every 5h", Run: well},
			{Name: "daily", Spec: "0 7 * * *", Run: well}, // in Rome, at 06:00 UTC
			{Name: "fails from the third run on", Spec: "@every 10m", Run: func(context.Context) error {
				if runs++; runs > 2 {
					return errors.New("no such feed")
				}
				return nil
			}},
			{Name: "panics", Spec: "@every 30m", Run: func(context.Context) error { panic("out of film") }},
			{Name: "hangs", Spec: "@every 1h", Run: func(context.Context) error { <-release; return nil }},
		}})
		for _, c := range []struct {
			after time.Duration
			want  map[string]time.Duration
		}{
			{time.Minute, map[string]time.Duration{
				"often": 4 * time.Minute, "seldom": 299 * time.Minute, "daily": 359 * time.Minute,
				"fails from the third run on": 9 * time.Minute, "panics": 29 * time.Minute, "hangs": 59 * time.Minute,
			}},
			{6*time.Hour + time.Minute, map[string]time.Duration{
				"often": 3 * time.Minute, "seldom": 238 * time.Minute, "daily": 1438 * time.Minute,
				"fails from the third run on": -332 * time.Minute, "panics": -332 * time.Minute, "hangs": -302 * time.Minute,
			}},
		} {
			pass(c.after)
			for job, got := range n.dues(t) {
				if got != c.want[job] {
					t.Errorf("%s: due in %v, want %v", job, got, c.want[job])
				}
			}
			if len(n.dues(t)) != len(c.want) {
				t.Errorf("%d jobs", len(n.dues(t)))
			}
		}
	})
}
