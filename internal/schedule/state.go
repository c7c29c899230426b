package schedule

import "time"

// State is the state of a job in this process.
type State struct {
	Name     string
	Spec     string
	Running  bool          // a run is under way
	Last     time.Time     // when the last run that has ended began; zero: never
	Duration time.Duration // that run
	Outcome  string        // of that run: done, failed, panicked or stopped
	Err      error         // of that run
	Next     time.Time     // zero: never
}

// history is the last run of a job that has ended.
type history struct {
	running  bool
	began    time.Time
	duration time.Duration
	outcome  string
	err      error
	done     time.Time // when the last run that succeeded began
}

// States returns the states of all jobs in their order. It reads memory only.
func (s *Schedule) States() []State {
	s.runsMu.Lock()
	defer s.runsMu.Unlock()
	states := make([]State, len(s.opts.Jobs))
	for i, job := range s.opts.Jobs {
		h := s.history[job.Name]
		next := s.specs[i].Next(time.Now().In(s.location))
		if s.cron != nil {
			next = s.cron.Entry(s.entries[i]).Next // cron counts "@every" from the start
		}
		states[i] = State{
			Name: job.Name, Spec: job.Spec, Running: h.running,
			Last: h.began, Duration: h.duration, Outcome: h.outcome, Err: h.err, Next: next,
		}
	}
	return states
}
