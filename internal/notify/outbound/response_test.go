package outbound

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

func TestErrOfStatus(t *testing.T) {
	for _, c := range []struct {
		status     int
		retryAfter string
		want       string // what the outbox does
	}{
		{200, "", "accepted"},
		{202, "", "accepted"},
		{204, "", "accepted"},
		{299, "", "accepted"},
		{301, "", "again"},
		{307, "", "again"},
		{400, "", "again"},
		{404, "30", "again"},
		{410, "30", "given up"},
		{429, "", "again"},
		{429, "30", "after 30s"},
		{500, "30", "again"},
		{502, "30", "after 30s"},
		{503, "120", "after 2m0s"},
		{503, "soon", "again"},
		{504, "30", "after 30s"},
		{999, "", "again"},
	} {
		r := Response{Status: c.status, Header: http.Header{"Retry-After": {c.retryAfter}}}
		err := r.Err(time.Now())
		got := "again"
		switch later, isLater := errors.AsType[*outbox.RetryError](err); {
		case isLater:
			got = "after " + later.After.String()
		case err == nil:
			got = "accepted"
		case errors.Is(err, outbox.ErrFinal):
			got = "given up"
		}
		if got != c.want {
			t.Errorf("%d %s: %s, want %s (%v)", c.status, c.retryAfter, got, c.want, err)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprint("answered ", c.status)) {
			t.Errorf("%d: error %v", c.status, err)
		}
	}
}

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
