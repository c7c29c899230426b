package schedule_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/schedule"
)

func TestStatesBeforeTheFirstRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := schedule.New(schedule.Options{Timezone: "Europe/Rome", Jobs: []schedule.Job{{Name: "morning", Spec: "0 7 * * *"}}})
		if err != nil {
			t.Fatal(err)
		}
		got := s.States()[0]
		if got.Name != "morning" || got.Spec != "0 7 * * *" || got.Running || !got.Last.IsZero() || got.Outcome != "" {
			t.Errorf("state %+v", got)
		}
		if want := time.Date(2000, 1, 1, 6, 0, 0, 0, time.UTC); !got.Next.Equal(want) {
			t.Errorf("next run at %v, want %v", got.Next, want)
		}
	})
}

func TestStatesTellOfTheLastRunAndTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var runs int
		n := start(t, schedule.Options{Timezone: "UTC", Jobs: []schedule.Job{
			{Name: "good", Spec: "@every 10m", Run: func(context.Context) error { pass(2 * time.Second); return nil }},
			{Name: "bad", Spec: "@every 10m", Run: func(context.Context) error { return errors.New("no such feed") }},
			{Name: "worse", Spec: "@every 10m", Run: func(context.Context) error { panic("out of film") }},
			{Name: "slow", Spec: "@every 10m", Run: func(context.Context) error {
				if runs++; runs == 2 {
					<-release
				}
				return nil
			}},
		}})
		began := time.Now().Truncate(time.Second)
		pass(25 * time.Minute)
		states := map[string]schedule.State{}
		for _, s := range n.schedule.States() {
			states[s.Name] = s
			if want := began.Add(30 * time.Minute); !s.Next.Equal(want) {
				t.Errorf("%s is next due at %v, want %v", s.Name, s.Next, want)
			}
		}
		second := began.Add(20 * time.Minute)
		if s := states["good"]; s.Outcome != "done" || s.Duration != 2*time.Second || !s.Last.Equal(second) || s.Err != nil || s.Running {
			t.Errorf("good: %+v", s)
		}
		if s := states["bad"]; s.Outcome != "failed" || s.Err == nil || s.Err.Error() != "no such feed" {
			t.Errorf("bad: %+v", s)
		}
		if s := states["worse"]; s.Outcome != "panicked" || s.Running {
			t.Errorf("worse: %+v", s)
		}
		if s := states["slow"]; !s.Running || s.Outcome != "done" || !s.Last.Equal(began.Add(10*time.Minute)) {
			t.Errorf("slow: %+v", s)
		}
		close(release)
	})
}
