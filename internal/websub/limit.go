package websub

import (
	"fmt"
	"math"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxLimiters is how many hosts' rates are remembered. One that is forgotten
// begins anew, so a limit may be exceeded, and memory may not.
const maxLimiters = 4096

// limits bounds the rate of requests for each host.
type limits struct {
	perMinute int // 0: no limit
	hosts     *lru.Cache[string, *rate.Limiter]
}

func newLimits(perMinute int) *limits {
	hosts, err := lru.New[string, *rate.Limiter](maxLimiters)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &limits{perMinute: perMinute, hosts: hosts}
}

// take counts a request for a host; its error is a refusal.
func (l *limits) take(host string, now time.Time) error {
	if l.perMinute == 0 {
		return nil
	}
	reserved := l.limiter(host).ReserveN(now, 1)
	wait := reserved.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reserved.CancelAt(now)
	return &refusal{status: http.StatusTooManyRequests, reason: "too many requests for this host, try again later", retry: wait}
}

func (l *limits) limiter(host string) *rate.Limiter {
	fresh := rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
	if known, ok, _ := l.hosts.PeekOrAdd(host, fresh); ok {
		l.hosts.Get(host) // used last
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
