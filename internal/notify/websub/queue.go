package websub

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

const (
	// maxWaiting is how many verifications may wait until no more are taken, and
	// maxOfClient how many that one client asked for.
	maxWaiting  = 10_000
	maxOfClient = 100
	// countAgain is how long what was counted is good for: to count goes through
	// all that is owed.
	countAgain = 250 * time.Millisecond
)

// queue bounds the verifications that wait or are under way: anybody can ask for
// those of callbacks that hang. What is counted is what is owed, whichever node took
// it and whatever crashed meanwhile.
type queue struct {
	each func(func(outbox.Notice))

	mu       sync.Mutex
	counted  time.Time
	waiting  tally // when it was counted, and added since
	entering tally // about to be owed
}

// tally counts by client.
type tally struct {
	all int
	of  map[string]int
}

func newTally() tally { return tally{of: map[string]int{}} }

func (t *tally) add(client string, n int) {
	t.all += n
	if t.of[client] += n; t.of[client] == 0 {
		delete(t.of, client)
	}
}

func newQueue(each func(func(outbox.Notice))) *queue {
	return &queue{each: each, waiting: newTally(), entering: newTally()}
}

// add has put owe a question of a client, who may be unknown, as the notice with
// that id, unless too many wait: then its error is a refusal.
func (q *queue) add(client string, now time.Time, put func(noticeID string) error) error {
	mark := markOf(client)
	counted, err := q.enter(mark, now)
	if err != nil {
		return err
	}
	err = put(mark + rand.Text())
	q.mu.Lock()
	defer q.mu.Unlock()
	q.entering.add(mark, -1)
	if err == nil && q.counted.Equal(counted) { // else it was counted meanwhile
		q.waiting.add(mark, 1)
	}
	return err
}

// enter returns when what waits was counted.
func (q *queue) enter(mark string, now time.Time) (counted time.Time, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if since := now.Sub(q.counted); since < 0 || since >= countAgain {
		q.count(now)
	}
	switch {
	case mark != "" && q.waiting.of[mark]+q.entering.of[mark] >= maxOfClient:
		return q.counted, &refusal{
			status: http.StatusTooManyRequests, retry: askTimeout,
			reason: "too many callbacks that you named have yet to answer, try again later",
		}
	case q.waiting.all+q.entering.all >= maxWaiting:
		return q.counted, &refusal{status: http.StatusServiceUnavailable, reason: "too many callbacks wait to be asked, try again later", retry: busyRetry}
	}
	q.entering.add(mark, 1)
	return q.counted, nil
}

func (q *queue) count(now time.Time) {
	q.counted, q.waiting = now, newTally()
	q.each(func(n outbox.Notice) { q.waiting.add(markIn(n.ID), 1) })
}

// markOf is with what the ids of a client's questions begin: no address is stored.
// That of an unknown client is empty.
func markOf(client string) string {
	if client == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(client))
	return hex.EncodeToString(sum[:6]) + "."
}

// markIn is the mark of a notice's id.
func markIn(noticeID string) string { return noticeID[:strings.IndexByte(noticeID, '.')+1] }
