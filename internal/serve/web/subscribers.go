package web

import (
	"cmp"
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
	// document. Whoever asks can make up services, so the least recent goes.
	maxReports = 1000
	// reportAge is after how long a service that no longer asks is forgotten.
	reportAge = 7 * 24 * time.Hour
	// maxService bounds the name of a service, maxFeed that of a feed, in bytes;
	// what is longer is not remembered.
	maxService = 40
	maxFeed    = 300
	// maxDigits keeps a made-up number from being a silly one.
	maxDigits = 8
)

// Subscribers remembers how many people read through feed services, as those
// say in their user agents. Nobody vouches for what they say. It is safe for
// concurrent use and bounded; the zero value is not ready, see [NewSubscribers].
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

// NewSubscribers returns a memory of nothing; now may be nil for time.Now.
func NewSubscribers(now func() time.Time) *Subscribers {
	if now == nil {
		now = time.Now
	}
	s := &Subscribers{now: now}
	s.lru, _ = simplelru.NewLRU[reportKey, report](maxReports, nil) // the only error is a size below one
	return s
}

// Note remembers what the user agent of a request for the document says. A page
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
	// The request's memory must not be held on to.
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
	At          time.Time // when it last said so
}

// Reported returns what was said in the last days, the largest number first.
func (s *Subscribers) Reported() []Reported {
	type pair struct{ service, feed string }
	sums := map[pair]Reported{}
	for key, r := range s.recent() {
		p := pair{key.service, key.feed}
		sum := sums[p]
		sum.Service, sum.Feed = key.service, key.feed
		sum.Subscribers += r.n
		if r.at.After(sum.At) {
			sum.At = r.at
		}
		sums[p] = sum
	}
	list := make([]Reported, 0, len(sums))
	for _, sum := range sums {
		list = append(list, sum)
	}
	slices.SortFunc(list, func(a, b Reported) int {
		return cmp.Or(cmp.Compare(b.Subscribers, a.Subscribers), strings.Compare(a.Service, b.Service), strings.Compare(a.Feed, b.Feed))
	})
	return list
}

// recent forgets what is too old and returns the rest.
func (s *Subscribers) recent() map[reportKey]report {
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := s.now().Add(-reportAge)
	for {
		_, r, ok := s.lru.GetOldest()
		if !ok || !r.at.Before(oldest) {
			break
		}
		s.lru.RemoveOldest()
	}
	all := make(map[reportKey]report, s.lru.Len())
	for _, key := range s.lru.Keys() {
		all[key], _ = s.lru.Peek(key)
	}
	return all
}

// parseAgent reads a user agent such as
//
//	Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers; like FeedFetcher-Google)
//	NewsBlur Feed Fetcher - 5 subscribers - https://www.newsblur.com/site/1/news
//	Feedbin feed-id:1234 - 20 subscribers
//	Mozilla/5.0 (compatible; theoldreader.com; 2 subscribers; feed-id=1)
//
// and returns the service, without its version, and the number that stands
// before "subscriber".
func parseAgent(agent string) (service string, n int, ok bool) {
	before, _, found := strings.Cut(agent, "subscriber")
	if !found {
		return "", 0, false
	}
	if n, ok = lastNumber(before); !ok {
		return "", 0, false
	}
	service = serviceOf(before)
	return service, n, service != "" && len(service) <= maxService
}

// lastNumber is the number at the end of s.
func lastNumber(s string) (int, bool) {
	s = strings.TrimRight(s, " ")
	digits := s[len(strings.TrimRight(s, "0123456789")):]
	if len(digits) == 0 || len(digits) > maxDigits {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// serviceOf is the name at the beginning of a user agent; of one that pretends
// to be a browser, the name after "compatible".
func serviceOf(agent string) string {
	if _, after, ok := strings.Cut(agent, "compatible;"); ok && strings.HasPrefix(agent, "Mozilla/") {
		agent = strings.TrimLeft(after, " ")
	}
	end := strings.IndexFunc(agent, func(r rune) bool { return !inName(r) })
	if end >= 0 {
		agent = agent[:end]
	}
	for _, tail := range []string{" - ", " feed-id", " Feed Fetcher", " Page Fetcher"} {
		agent, _, _ = strings.Cut(agent, tail)
	}
	return strings.TrimRight(agent, " -")
}

// inName reports whether r may be in the name of a service: a version, a comment
// and whatever is no plain text end it.
func inName(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(" .-_!+", r)
}
