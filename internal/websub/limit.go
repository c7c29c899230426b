package websub

import (
	"fmt"
	"math"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// maxLimiters is how many hosts' and how many clients' rates are remembered.
	// One that is forgotten begins anew, so a limit may be exceeded, and memory
	// may not; what all ask together stays within the limit for all.
	maxLimiters = 4096
	// togetherTimes is how many times as much as one may ask all may together.
	togetherTimes = 10
)

// limits bounds the rate of requests: for each callback host, of which whoever
// asks can have any number, for each client, and for all.
type limits struct {
	perMinute int // 0: no limit
	hosts     *limiters
	clients   *limiters
	all       *rate.Limiter
}

// limiters are those used last, by what they limit.
type limiters = lru.Cache[string, *rate.Limiter]

func newLimits(perMinute int) *limits {
	return &limits{
		perMinute: perMinute, hosts: newLimiters(), clients: newLimiters(),
		all: newLimiter(togetherTimes * perMinute),
	}
}

func newLimiters() *limiters {
	cache, err := lru.New[string, *rate.Limiter](maxLimiters)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}

// newLimiter allows so many in a minute, and as many at once.
func newLimiter(perMinute int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
}

// ask counts a request of a client, who may be unknown; its error is a refusal.
// What a client asks too much is not counted for all.
func (l *limits) ask(client string, now time.Time) error {
	if l.perMinute == 0 {
		return nil
	}
	if client != "" {
		if err := l.reserve(l.limiter(l.clients, client), now, "too many requests from your address, try again later"); err != nil {
			return err
		}
	}
	return l.reserve(l.all, now, "the hub is asked too much at the moment, try again later")
}

// take counts a request for a host; its error is a refusal.
func (l *limits) take(host string, now time.Time) error {
	if l.perMinute == 0 {
		return nil
	}
	return l.reserve(l.limiter(l.hosts, host), now, "too many requests for this host, try again later")
}

func (l *limits) reserve(limiter *rate.Limiter, now time.Time, reason string) error {
	if limiter.AllowN(now, 1) {
		return nil
	}
	missing := 1 - limiter.TokensAt(now)
	wait := time.Duration(missing / float64(limiter.Limit()) * float64(time.Second))
	return &refusal{status: http.StatusTooManyRequests, reason: reason, retry: max(wait, time.Second)}
}

func (l *limits) limiter(of *limiters, key string) *rate.Limiter {
	fresh := newLimiter(l.perMinute)
	if known, ok, _ := of.PeekOrAdd(key, fresh); ok {
		of.Get(key) // used last
		return known
	}
	return fresh
}

// held counts subscriptions that are being written, by what they are limited by.
type held map[limited]int

// limited is a topic or a host.
type limited struct {
	feed, document string
	host           string
}

// room is why there is no room for one more subscription; nil where there is.
func (h *Hub) room(q question) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.roomFor(q)
}

// reserve holds a place for a subscription until it is released, so that those
// which are written at the same time do not share the last one. Other nodes may
// write too: by what they write in that moment a limit may be exceeded.
func (h *Hub) reserve(q question) (release func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.roomFor(q); err != nil {
		return nil, err
	}
	h.hold(q, 1)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.hold(q, -1)
	}, nil
}

func (h *Hub) hold(q question, n int) {
	for _, what := range q.limited() {
		if h.held[what] += n; h.held[what] == 0 {
			delete(h.held, what)
		}
	}
}

// roomFor is room for who holds the lock. What is there already may be renewed.
func (h *Hub) roomFor(q question) error {
	if h.known.byID[q.id()] != nil {
		return nil
	}
	topic, host := q.limited()[0], q.limited()[1]
	switch {
	case h.known.ofTopic(q.Feed, q.Document)+h.held[topic] >= limit(h.opts.MaxPerTopic):
		return fmt.Errorf("the topic has as many subscriptions as it may have (%d)", h.opts.MaxPerTopic)
	case h.known.onHost(host.host)+h.held[host] >= limit(h.opts.MaxPerHost):
		return fmt.Errorf("the callback's host has as many subscriptions as it may have (%d)", h.opts.MaxPerHost)
	}
	return nil
}

func limit(configured int) int {
	if configured == 0 {
		return math.MaxInt
	}
	return configured
}
