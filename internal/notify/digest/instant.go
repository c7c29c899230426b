package digest

import "time"

// latest is the newest instant of s after since that is not after now; zero when
// there is none. Both must be in the zone of schedules that name none.
func latest(s Schedule, since, now time.Time) time.Time {
	for _, back := range lookbacks() {
		from := now.Add(-back)
		if back == 0 || from.Before(since) {
			from = since
		}
		if at := newest(s, from, now); !at.IsZero() || from.Equal(since) {
			return at
		}
	}
	return time.Time{}
}

// lookbacks are how far back to look, the shortest first, so that a schedule of
// every second is not counted through from last year. 0 is all the way.
func lookbacks() []time.Duration {
	return []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 32 * 24 * time.Hour, 0}
}

func newest(s Schedule, from, now time.Time) time.Time {
	var last time.Time
	for at := s.Next(from); !at.IsZero() && !at.After(now); at = s.Next(at) {
		last = at
	}
	return last
}
