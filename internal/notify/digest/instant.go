package digest

import "time"

// latest returns the newest instant of s after since that is not after now, zero
// for none. Both must be in the zone of schedules that name none.
func latest(s Schedule, since, now time.Time) time.Time {
	// The shortest way back first, so that it need not count every second of a year;
	// 0 is all the way.
	for _, back := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 32 * 24 * time.Hour, 0} {
		from := now.Add(-back)
		if back == 0 || from.Before(since) {
			from = since
		}
		var last time.Time
		for at := s.Next(from); !at.IsZero() && !at.After(now); at = s.Next(at) {
			last = at
		}
		if !last.IsZero() || from.Equal(since) {
			return last
		}
	}
	return time.Time{}
}
