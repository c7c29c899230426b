package notice

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// maxAnswer is how much is read of an answer, of which only the status counts.
const maxAnswer = 16 << 10

// judge returns nil if what was sent was accepted, else the error for the outbox:
// one that is final after 410 Gone, one that says when to try again where the
// answer does.
func judge(res *outbound.Response, now time.Time) error {
	if res.Status/100 == 2 {
		return nil
	}
	err := fmt.Errorf("answered %s", strings.TrimSpace(fmt.Sprint(res.Status, " ", http.StatusText(res.Status))))
	switch res.Status {
	case http.StatusGone:
		return outbox.Final(err)
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if after := res.RetryAfter(now); after > 0 {
			return &outbox.RetryError{After: after, Err: err}
		}
	}
	if res.Status/100 == 3 {
		return fmt.Errorf("%w: configure the address that it redirects to", err)
	}
	return err
}
