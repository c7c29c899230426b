package receive

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// retryAfter is when a sender should try again what may succeed then.
const retryAfter = 5 * time.Second

// answer is the response to a request, or to one event of a batch.
type answer interface {
	status() int
	write(http.ResponseWriter)
}

// receipt says that an event is stored.
type receipt struct {
	Status    int              `json:"status,omitzero"` // in a batch
	Stream    string           `json:"stream"`
	Sequence  uint64           `json:"sequence"`
	Duplicate bool             `json:"duplicate"`
	LeftOut   gallery.Problems `json:"left_out,omitempty"` // parts that are not shown
}

func (*receipt) status() int { return http.StatusAccepted }

func (r *receipt) write(w http.ResponseWriter) {
	respond(w, http.StatusAccepted, "application/json", r)
}

// problem is a problem document (RFC 9457), with the problems of an event as a rejection
// has them.
type problem struct {
	Type     string           `json:"type"`
	Title    string           `json:"title"`
	Status   int              `json:"status"`
	Detail   string           `json:"detail"`
	Problems gallery.Problems `json:"problems,omitempty"`
	Events   []answer         `json:"events,omitempty"` // what became of each of a batch

	retryAfter time.Duration // 0: retrying the same is of no use
}

// refuse returns a problem about which nothing changes by itself.
func refuse(status int, format string, args ...any) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// later returns one that passes.
func later(status int, detail string, after time.Duration) *problem {
	p := refuse(status, "%s", detail)
	p.retryAfter = after
	return p
}

func isProblem(err error) bool {
	_, is := errors.AsType[*problem](err)
	return is
}

// Error implements error.
func (p *problem) Error() string { return p.Detail }

func (p *problem) status() int { return p.Status }

func (p *problem) write(w http.ResponseWriter) {
	if p.retryAfter > 0 {
		seconds := (p.retryAfter + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="events"`) // RFC 9110 §11.6.1
	}
	respond(w, p.Status, "application/problem+json", p)
}

// refusalOf is the answer to a request, or an event, that is refused. An error of another
// kind is about the sender's key: 401.
func refusalOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if many, ok := errors.AsType[*TooMany](err); ok {
		return later(http.StatusTooManyRequests, many.Error(), many.RetryAfter)
	}
	problems, wrong := errors.AsType[gallery.Problems](err)
	if !wrong {
		return refuse(http.StatusUnauthorized, "%v", err)
	}
	p := refuse(http.StatusBadRequest, "the event is refused: see problems")
	if _, foreign := errors.AsType[event.ForeignID](err); foreign {
		p = refuse(http.StatusForbidden, "the id or the guid is not of this sender: see problems")
	}
	p.Problems = problems
	return p
}

// answerAll answers a batch: with 202 if each of its events is stored, else with the highest
// status of its events.
func answerAll(lines []answer) answer {
	worst, stored := &problem{}, 0
	for _, line := range lines {
		switch one := line.(type) {
		case *receipt:
			one.Status = one.status()
			stored++
		case *problem:
			if one.Status > worst.Status {
				worst = one
			}
		}
	}
	if stored == len(lines) {
		return batchReceipt{lines}
	}
	p := refuse(worst.Status, "%d of %d events are known to be stored: events has what became of each", stored, len(lines))
	p.Events, p.retryAfter = lines, worst.retryAfter
	return p
}

// batchReceipt says that all events of a batch are stored.
type batchReceipt struct {
	Events []answer `json:"events"`
}

func (batchReceipt) status() int { return http.StatusAccepted }

func (b batchReceipt) write(w http.ResponseWriter) {
	respond(w, http.StatusAccepted, "application/json", b)
}

func respond(w http.ResponseWriter, status int, mediaType string, body any) {
	data, err := json.Marshal(body)
	if err != nil { // not reached: what is quoted of a sender is UTF-8
		status, data = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the sender may have gone
}
