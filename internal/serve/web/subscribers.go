package web

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxReports is how many numbers are remembered: one for each service and
	// document. Clients can make up services, so the least recent goes.
	maxReports = 1000
	// reportAge is after how long a service without requests is forgotten.
	reportAge = 7 * 24 * time.Hour
	// maxService bounds the name of a service, maxFeed that of a feed, in bytes;
	// what is longer is not remembered.
	maxService = 40
	maxFeed    = 300
	// maxDigits bounds numbers, which a client can make up.
	maxDigits = 8
)

// Subscribers remembers how many people read through feed services, as those
// report in their user agents, unchecked. It is safe for concurrent use and bounded;
// the zero value is not ready, see [NewSubscribers].
type Subscribers struct {
	now func() time.Time
	mu  sync.Mutex
	lru *simplelru.LRU[reportKey, report]
}

type reportKey struct {
	service, feed string
	format        feed.Format
}

type report struct {
	n  int
	at time.Time
}

// NewSubscribers returns subscribers without any report; a nil now is time.Now.
func NewSubscribers(now func() time.Time) *Subscribers {
	if now == nil {
		now = time.Now
	}
	s := &Subscribers{now: now}
	s.lru, _ = simplelru.NewLRU[reportKey, report](maxReports, nil) // the only error is a size below one
	return s
}

// Note remembers the number in the user agent of a request for the document. A page
// of an archive is no subscription. It may be called on nil.
func (s *Subscribers) Note(agent string, ref edition.Ref, f feed.Format) {
	if s == nil || ref.Page != "" || !strings.Contains(agent, "subscriber") {
		return
	}
	service, n, ok := parseAgent(agent)
	name := ref.String()
	if !ok || len(name) > maxFeed {
		return
	}
	// Clones, or the keys would keep the whole request in memory.
	key := reportKey{strings.Clone(service), strings.Clone(name), f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lru.Add(key, report{n, s.now()})
}

// Reported is how many subscribers a service has for a feed, in all formats.
type Reported struct {
	Service     string
	Feed        string
	Subscribers int
	At          time.Time // of its last report
}

// Reported returns the reports of the last days, the largest number first, and forgets
// older ones.
func (s *Subscribers) Reported() []Reported {
	type pair struct{ service, feed string }
	sums := map[pair]Reported{}
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := s.now().Add(-reportAge)
	for _, key := range s.lru.Keys() {
		r, _ := s.lru.Peek(key)
		if r.at.Before(oldest) {
			s.lru.Remove(key)
			continue
		}
		p := pair{key.service, key.feed}
		sum := sums[p]
		sum.Service, sum.Feed = key.service, key.feed
		sum.Subscribers += r.n
		if r.at.After(sum.At) {
			sum.At = r.at
		}
		sums[p] = sum
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b Reported) int {
		return cmp.Or(cmp.Compare(b.Subscribers, a.Subscribers), strings.Compare(a.Service, b.Service), strings.Compare(a.Feed, b.Feed))
	})
}

// parseAgent reads a user agent such as
//
//	Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers; like FeedFetcher-Google)
//	NewsBlur Feed Fetcher - 5 subscribers - https://www.newsblur.com/site/1/news
//	Feedbin feed-id:1234 - 20 subscribers
//	Mozilla/5.0 (compatible; theoldreader.com; 2 subscribers; feed-id=1)
//
// and returns the service and the number before "subscriber". The service is the name
// at the beginning, or after "compatible" where the agent pretends to be a browser; a
// version, a comment and whatever is no plain text end it.
func parseAgent(agent string) (service string, n int, ok bool) {
	before, _, found := strings.Cut(agent, "subscriber")
	if !found {
		return "", 0, false
	}
	number := strings.TrimRight(before, " ")
	digits := number[len(strings.TrimRight(number, "0123456789")):]
	if len(digits) > maxDigits {
		return "", 0, false
	}
	n, err := strconv.Atoi(digits)
	if _, after, ok := strings.Cut(before, "compatible;"); ok && strings.HasPrefix(before, "Mozilla/") {
		before = strings.TrimLeft(after, " ")
	}
	end := strings.IndexFunc(before, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(" .-_!+", r))
	})
	if end >= 0 {
		before = before[:end]
	}
	for _, tail := range []string{" - ", " feed-id", " Feed Fetcher", " Page Fetcher"} {
		before, _, _ = strings.Cut(before, tail)
	}
	service = strings.TrimRight(before, " -")
	return service, n, err == nil && service != "" && len(service) <= maxService
}
