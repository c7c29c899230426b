package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/schedule"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ spec, refused string }{
		{"@every 5m", ""},
		{"@every 1s", ""},
		{"@hourly", ""},
		{"0 7 * * 1-5", ""},
		{"*/10 6-22 * * *", ""},
		{"0 0 29 2 *", ""},
		{"CRON_TZ=Europe/Rome 0 7 * * *", ""},
		{"TZ=Europe/Rome @every 1m", ""},
		{"", "empty spec"},
		{"5m", "expected exactly 5 fields"},
		{"sometimes", "expected exactly 5 fields"},
		{"61 * * * *", "above maximum"},
		{"0 0 7 * * *", "expected exactly 5 fields"},
		{"@every 99999999999h", "no duration follows @every"},
		{"x * * * *", "a field is not a number"},
		{"99999999999999999999 * * * *", "a field is not a number"},
		{"@reboot", "unrecognized"},
		{"@every soon", "no duration follows @every"},
		{"@every 500ms", "less than a second"},
		{"@every 0s", "less than a second"},
		{"@every -5m", "less than a second"},
		{"TZ=UTC @every -5m", "less than a second"},
		{"0 0 30 2 *", "no such day"},
		{"0 0 31 4,6 *", "no such day"},
		{"CRON_TZ=Europe/Roma 0 7 * * *", "the time zone is not known"},
		// The parser panics on these.
		{"TZ=Europe/Rome", "no fields"},
		{"CRON_TZ=", "no fields"},
		{"CRON_TZ=UTC", "no fields"},
	} {
		parsed, err := schedule.Parse(c.spec)
		if c.refused == "" {
			if err != nil || parsed == nil {
				t.Errorf("%q: %v, %v", c.spec, parsed, err)
			}
			continue
		}
		if err == nil || parsed != nil {
			t.Errorf("%q is accepted", c.spec)
			continue
		}
		for _, part := range []string{c.refused, `write "@every 5m"`} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %q does not say %q", c.spec, err, part)
			}
		}
	}
}

// What is accepted runs some day.
func FuzzParse(f *testing.F) {
	for _, spec := range []string{"@every 5m", "0 7 * * 1-5", "TZ=UTC", "CRON_TZ=Europe/Rome 0 0 31 2 *", "@every -1s"} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		parsed, err := schedule.Parse(spec)
		if err != nil {
			return
		}
		if from := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); !parsed.Next(from).After(from) {
			t.Errorf("%q never runs", spec)
		}
	})
}
