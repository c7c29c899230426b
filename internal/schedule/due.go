package schedule

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// due reports when the first run of each job since its last success is due. That
// instant is in the future while runs succeed, and in the past when they fail, hang
// or do not start.
type due struct{ schedule *Schedule }

var dueDesc = prometheus.NewDesc("gallerywire_schedule_due_timestamp_seconds",
	"When the first run since the last success is due, in Unix time, by task; in the past when it is overdue.", []string{"task"}, nil)

// Describe implements [prometheus.Collector].
func (due) Describe(ch chan<- *prometheus.Desc) { ch <- dueDesc }

// Collect implements [prometheus.Collector].
func (d due) Collect(ch chan<- prometheus.Metric) {
	for i, job := range d.schedule.opts.Jobs {
		ch <- prometheus.MustNewConstMetric(dueDesc, prometheus.GaugeValue, float64(d.schedule.due(i).Unix()), job.Name)
	}
}

// due returns when the first run of job i since its last success is due, or since
// the schedule was made. A run may begin a moment before its time.
func (s *Schedule) due(i int) time.Time {
	s.runsMu.Lock()
	defer s.runsMu.Unlock()
	since := s.history[s.opts.Jobs[i].Name].done
	if since.IsZero() {
		since = s.made
	}
	return s.specs[i].Next(since.Add(time.Second).In(s.location))
}
