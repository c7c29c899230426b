package schedule

import (
	"sync"
	"time"

	"github.com/robfig/cron/v3"
)

// State is where a job stands in this process.
type State struct {
	Name    string
	Spec    string
	Running bool          // a run is under way
	Last    time.Time     // when the last run that has ended began; zero: never
	Took    time.Duration // that run
	Outcome string        // of that run: done, failed, panicked or stopped
	Err     error         // of that run
	Next    time.Time     // zero: never
}

// States returns the states of all jobs in their order. It reads memory only.
func (s *Schedule) States() []State {
	states := make([]State, len(s.opts.Jobs))
	for i, job := range s.opts.Jobs {
		last, running := s.seen.of(job.Name)
		states[i] = State{
			Name: job.Name, Spec: job.Spec, Running: running,
			Last: last.began, Took: last.took, Outcome: last.outcome, Err: last.err,
			Next: s.next(i),
		}
	}
	return states
}

// next is when the i-th job is due: as cron has it, which counts "@every" from
// the start and not from the clock.
func (s *Schedule) next(i int) time.Time {
	if c, id := s.seen.entry(i); c != nil {
		return c.Entry(id).Next
	}
	return s.specs[i].Next(time.Now().In(s.location))
}

// run is one that has ended.
type run struct {
	began   time.Time
	took    time.Duration
	outcome string
	err     error
}

// memory is what is known of runs.
type memory struct {
	mu      sync.Mutex
	cron    *cron.Cron // nil before the schedule runs
	entries []cron.EntryID
	last    map[string]run
	done    map[string]time.Time // when the last run that ended well began
	running map[string]bool
}

func (m *memory) started(c *cron.Cron, entries []cron.EntryID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cron, m.entries = c, entries
}

func (m *memory) began(job string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running == nil {
		m.running, m.last, m.done = map[string]bool{}, map[string]run{}, map[string]time.Time{}
	}
	m.running[job] = true
}

func (m *memory) ended(job string, r run) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running[job], m.last[job] = false, r
	if r.outcome == "done" {
		m.done[job] = r.began
	}
}

// well is when the last run that ended well began, zero for never.
func (m *memory) well(job string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done[job]
}

func (m *memory) of(job string) (last run, running bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[job], m.running[job]
}

func (m *memory) entry(i int) (*cron.Cron, cron.EntryID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cron == nil {
		return nil, 0
	}
	return m.cron, m.entries[i]
}
