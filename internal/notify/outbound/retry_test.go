package outbound

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                               0,
		"0":                              0,
		"120":                            2 * time.Minute,
		" 5 ":                            5 * time.Second,
		"604800":                         7 * 24 * time.Hour,
		"604801":                         7 * 24 * time.Hour,
		"99999999999999999999":           7 * 24 * time.Hour,
		"-5":                             0,
		"+5":                             0,
		"1.5":                            0,
		"soon":                           0,
		"Fri, 20 Nov 2026 09:01:30 GMT":  90 * time.Second,
		"Friday, 20-Nov-26 09:01:30 GMT": 90 * time.Second,
		"Fri, 20 Nov 2026 08:59:00 GMT":  0,
		"Fri, 20 Nov 2099 09:00:00 GMT":  7 * 24 * time.Hour,
	} {
		r := Response{Header: http.Header{"Retry-After": {value}}}
		if got := r.RetryAfter(now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	if got := new(Response).RetryAfter(now); got != 0 {
		t.Errorf("without headers: %s", got)
	}
}
