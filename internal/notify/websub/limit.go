package websub

import (
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// maxClients is how many clients' buckets are kept. A client whose bucket was dropped
	// gets a full one; what all clients ask together stays limited.
	maxClients = 4096
	// allTimes is how many times as often as one client all may ask together.
	allTimes = 10
	// maxWaiting is how many verifications may wait until no new ones are taken.
	maxWaiting = 10_000
)

// limits bounds the rate of requests by token buckets: one for each client's network,
// from which every request takes, and one for all, from which only those take that lead to
// a call. Of that one new subscriptions and pings leave half to renewals and leaves, so that a flood
// of new ones does not keep those out.
type limits struct {
	perMinute int // 0: no limit
	all       *rate.Limiter
	clients   *lru.Cache[string, *rate.Limiter]
}

func newLimits(perMinute int) *limits {
	clients, err := lru.New[string, *rate.Limiter](maxClients)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &limits{perMinute: perMinute, all: newBucket(allTimes*perMinute, 2*allTimes*perMinute), clients: clients}
}

func newBucket(perMinute, burst int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(perMinute)/60), burst)
}

// ofClient counts a request of a client; its error is a refusal. An unknown client has no
// limit of its own.
func (l *limits) ofClient(client string, now time.Time) error {
	if l.perMinute == 0 || client == "" {
		return nil
	}
	full := newBucket(l.perMinute, l.perMinute)
	bucket, kept, _ := l.clients.PeekOrAdd(client, full)
	if !kept {
		bucket = full
	}
	l.clients.Get(client) // used last
	return take(bucket, 0, now, "too many requests from your address, try again later")
}

// ofAll counts a request that leads to a call; its error is a refusal.
func (l *limits) ofAll(renewal bool, now time.Time) error {
	if l.perMinute == 0 {
		return nil
	}
	left := 0
	if !renewal {
		left = allTimes * l.perMinute
	}
	return take(l.all, left, now, "the hub is asked too much at the moment, try again later")
}

// take takes a token from a bucket in which so many must be left.
func take(bucket *rate.Limiter, left int, now time.Time, reason string) error {
	missing := float64(left+1) - bucket.TokensAt(now)
	if missing <= 0 && bucket.AllowN(now, 1) {
		return nil
	}
	wait := time.Duration(missing / float64(bucket.Limit()) * float64(time.Second))
	return &refusal{status: http.StatusTooManyRequests, reason: reason, retry: max(wait, time.Second)}
}
