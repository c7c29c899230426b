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
