package notice

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// maxAnswer is how many bytes of a response's body are read; only the status counts.
const maxAnswer = 16 << 10

// responseError returns nil if the target accepted what was sent, else the error for the
// outbox: final after 410 Gone, with the time of the next attempt where the response
// states it.
func responseError(res *outbound.Response, now time.Time) error {
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
