package websub

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// maxLimiters is how many hosts' and how many clients' rates are remembered.
	// One that is forgotten begins anew, so a limit may be exceeded, and memory
	// may not; what all ask together stays within the limit for all.
	maxLimiters = 4096
	// togetherTimes is how many times as much as one client may ask all may
	// together, and hostTimes how many times as much about one host.
	togetherTimes = 10
	hostTimes     = 5
)

// limits bounds the rate of requests. Whoever asks can name any host, also in the
// name of somebody else: what a client asks is limited, whatever it is about, and
// only of what leads to a call it is limited what all may ask together.
type limits struct {
	perMinute int // 0: no limit
	clients   *limiters
	fresh     *share
	renewals  *share // of what is there already, which new ones are not to use up

	mu sync.Mutex // so that nothing is taken between looking and taking
}

// share is what all clients may ask together.
type share struct {
	all       *rate.Limiter
	hosts     *limiters // by known clients, each of which is limited already
	strangers *limiters // likewise by unknown ones, which are not
}

func newLimits(perMinute int) *limits {
	return &limits{perMinute: perMinute, clients: newLimiters(perMinute), fresh: newShare(perMinute), renewals: newShare(perMinute)}
}

func newShare(perMinute int) *share {
	return &share{all: newLimiter(togetherTimes * perMinute), hosts: newLimiters(hostTimes * perMinute), strangers: newLimiters(perMinute)}
}

// ask counts a request of a client, if it is known; its error is a refusal.
func (l *limits) ask(client string, now time.Time) error {
	if l.perMinute == 0 || client == "" {
		return nil
	}
	return l.reserve(now, of{l.clients.limiter(client), "too many requests from your address, try again later"})
}

// take counts what a client asks about a host; its error is a refusal. What is
// refused does not count.
func (l *limits) take(client, host string, renewal bool, now time.Time) error {
	if l.perMinute == 0 {
		return nil
	}
	s := l.fresh
	if renewal {
		s = l.renewals
	}
	hosts := s.hosts
	if client == "" {
		hosts = s.strangers
	}
	return l.reserve(now, of{hosts.limiter(host), "too many requests for this host, try again later"}, of{s.all, tooMuch})
}

// ping counts a publisher's ping as take does.
func (l *limits) ping(now time.Time) error {
	if l.perMinute == 0 {
		return nil
	}
	return l.reserve(now, of{l.fresh.all, tooMuch})
}

const tooMuch = "the hub is asked too much at the moment, try again later"

// of is a limit, and what is said when it is reached.
type of struct {
	limiter *rate.Limiter
	reason  string
}

// reserve takes one of each limit, or of none.
func (l *limits) reserve(now time.Time, limits ...of) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range limits {
		if missing := 1 - one.limiter.TokensAt(now); missing > 0 {
			wait := time.Duration(missing / float64(one.limiter.Limit()) * float64(time.Second))
			return &refusal{status: http.StatusTooManyRequests, reason: one.reason, retry: max(wait, time.Second)}
		}
	}
	for _, one := range limits {
		one.limiter.AllowN(now, 1)
	}
	return nil
}

// limiters are those used last, by what they limit.
type limiters struct {
	perMinute int
	known     *lru.Cache[string, *rate.Limiter]
}

func newLimiters(perMinute int) *limiters {
	cache, err := lru.New[string, *rate.Limiter](maxLimiters)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &limiters{perMinute: perMinute, known: cache}
}

func (l *limiters) limiter(key string) *rate.Limiter {
	fresh := newLimiter(l.perMinute)
	if known, ok, _ := l.known.PeekOrAdd(key, fresh); ok {
		l.known.Get(key) // used last
		return known
	}
	return fresh
}

// newLimiter allows so many in a minute, and as many at once.
func newLimiter(perMinute int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
}

// held counts subscriptions that are being written, by what they are limited by.
type held map[limited]int

// limited is a topic, a host, or, without either, all.
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
	if h.known.byID[q.id()] != nil || len(h.replaced(q)) > 0 {
		return nil
	}
	all, topic, host := q.limited()[0], q.limited()[1], q.limited()[2]
	switch {
	case len(h.known.byID)+h.held[all] >= limit(h.opts.MaxSubscriptions):
		return fmt.Errorf("the hub has as many subscriptions as it may have (%d)", h.opts.MaxSubscriptions)
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
