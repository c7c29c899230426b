package digest

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/schedule"
)

func TestLatest(t *testing.T) {
	t.Parallel()
	const weekdays = "CRON_TZ=Europe/Rome 0 7 * * 1-5"
	for _, c := range []struct{ name, spec, since, now, want string }{
		{"not yet", weekdays, "2026-11-23T06:00:00Z", "2026-11-24T05:59:59Z", ""},
		{"on the instant", weekdays, "2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z", "2026-11-24T06:00:00Z"},
		{"a minute late", weekdays, "2026-11-23T06:00:00Z", "2026-11-24T06:01:30Z", "2026-11-24T06:00:00Z"},
		{"made already", weekdays, "2026-11-24T06:00:00Z", "2026-11-24T12:00:00Z", ""},
		{"no weekends", weekdays, "2026-11-27T06:00:00Z", "2026-11-29T20:00:00Z", ""},
		{"missed for long", weekdays, "2020-01-01T00:00:00Z", "2026-11-29T20:00:00Z", "2026-11-27T06:00:00Z"},
		{"before summer time", weekdays, "2026-03-26T12:00:00Z", "2026-03-27T12:00:00Z", "2026-03-27T06:00:00Z"},
		{"summer time began", weekdays, "2026-03-27T06:00:00Z", "2026-03-30T05:00:00Z", "2026-03-30T05:00:00Z"},
		{"not an hour later", weekdays, "2026-03-30T05:00:00Z", "2026-03-30T06:00:00Z", ""},
		{"summer time ended", weekdays, "2026-10-23T05:00:00Z", "2026-10-26T06:00:00Z", "2026-10-26T06:00:00Z"},
		{"not an hour earlier", weekdays, "2026-10-23T05:00:00Z", "2026-10-26T05:59:00Z", ""},
		{"in an hour that is skipped", "CRON_TZ=Europe/Rome 30 2 * * *", "2026-03-28T01:30:00Z", "2026-03-29T12:00:00Z", ""},
		{"the day after", "CRON_TZ=Europe/Rome 30 2 * * *", "2026-03-28T01:30:00Z", "2026-03-30T12:00:00Z", "2026-03-30T00:30:00Z"},
		{"the zone of the configuration", "0 7 * * *", "2026-11-23T11:59:59Z", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"},
		{"every second for a year", "@every 1s", "2025-11-23T12:00:00Z", "2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"},
		{"once a year", "0 0 1 1 *", "2024-12-31T23:00:00Z", "2026-11-23T12:00:00Z", "2026-01-01T05:00:00Z"},
		{"a clock that went back", weekdays, "2026-11-24T06:00:00Z", "2026-11-20T06:00:00Z", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := schedule.Parse(c.spec)
			if err != nil {
				t.Fatal(err)
			}
			newYork, err := time.LoadLocation("America/New_York")
			if err != nil {
				t.Fatal(err)
			}
			got := latest(s, instant(t, c.since).In(newYork), instant(t, c.now).In(newYork))
			if want := instant(t, c.want); !got.Equal(want) {
				t.Errorf("got %v, want %v", got.UTC(), want)
			}
		})
	}
}

// instant is zero for an empty text.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
