package schedule

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// due tells of each job when the first run that has not ended well was due, or is.
// While all goes well that lies ahead, however seldom the job runs; when runs fail,
// hang or do not come it falls behind.
type due struct{ schedule *Schedule }

var dueDesc = prometheus.NewDesc("gallerywire_schedule_due_timestamp_seconds",
	"When the first run since the last that ended well is due, in Unix time, by task; in the past when it is overdue.", []string{"task"}, nil)

// Describe implements [prometheus.Collector].
func (due) Describe(ch chan<- *prometheus.Desc) { ch <- dueDesc }

// Collect implements [prometheus.Collector].
func (d due) Collect(ch chan<- prometheus.Metric) {
	for i, job := range d.schedule.opts.Jobs {
		ch <- prometheus.MustNewConstMetric(dueDesc, prometheus.GaugeValue, float64(d.schedule.due(i).Unix()), job.Name)
	}
}

// due is when the i-th job is to run for the first time since it last ended well, or
// since the schedule was made. A run may begin a moment before its time.
func (s *Schedule) due(i int) time.Time {
	since := s.seen.well(s.opts.Jobs[i].Name)
	if since.IsZero() {
		since = s.made
	}
	return s.specs[i].Next(since.Add(time.Second).In(s.location))
}
