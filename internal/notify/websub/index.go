package websub

import (
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// subscription is what a node keeps in memory of a record. Only its place changes
// once it is in an index.
type subscription struct {
	id       id
	topic    *topic
	self     string // the address of the topic as the subscriber wrote it
	host     *host
	callback string
	secret   string
	expires  time.Duration // after the hub was made
	revision uint64
	place    int // among those of its topic
}

// active reports whether the lease has not ended, so long after the hub was made.
func (s *subscription) active(now time.Duration) bool { return now < s.expires }

// target is where deliveries to it go.
func (s *subscription) target() outbox.Target {
	return outbox.Target{Key: s.id.String(), Name: bare(s.callback), Endpoint: s.callback, Host: s.host.name}
}

// topic is a topic with its subscriptions.
type topic struct {
	Topic
	address       string // as its first subscriber wrote it
	subscriptions []*subscription
}

// host counts the subscriptions with callbacks on one host, see groupOf.
type host struct {
	name  string
	count int
}

// index finds subscriptions. Those whose leases have ended are in it until they
// are pruned.
type index struct {
	byID      map[id]*subscription
	feeds     map[string][]*topic // none without subscriptions
	addresses map[string]*topic   // likewise
	hosts     map[string]*host    // likewise
}

func newIndex() *index {
	return &index{byID: map[id]*subscription{}, feeds: map[string][]*topic{}, addresses: map[string]*topic{}, hosts: map[string]*host{}}
}

// put adds a subscription, or replaces it.
func (x *index) put(r record, expires time.Duration, revision uint64) {
	i := idOf(r.Topic, r.Callback)
	s := &subscription{id: i, callback: r.Callback, secret: string(r.Secret), expires: expires, revision: revision}
	if old := x.byID[i]; old != nil {
		s.topic, s.host, s.place = old.topic, old.host, old.place
		s.topic.subscriptions[s.place] = s
	} else {
		s.topic, s.host = x.topic(r.Topic), x.hosts[groupOf(r.Callback)]
		if s.topic == nil {
			s.topic = &topic{Topic: r.Topic, address: r.Address}
			x.feeds[r.Feed] = append(x.feeds[r.Feed], s.topic)
			x.addresses[r.Address] = s.topic
		}
		if s.host == nil {
			s.host = &host{name: groupOf(r.Callback)}
			x.hosts[s.host.name] = s.host
		}
		s.place = len(s.topic.subscriptions)
		s.topic.subscriptions = append(s.topic.subscriptions, s)
		s.host.count++
	}
	if s.self = r.Address; r.Address == s.topic.address {
		s.self = s.topic.address // once in memory
	}
	x.byID[i] = s
}

// topic returns nil where there are no subscriptions.
func (x *index) topic(of Topic) *topic {
	for _, t := range x.feeds[of.Feed] {
		if t.Topic == of {
			return t
		}
	}
	return nil
}

// remove takes a subscription out, if there is one.
func (x *index) remove(i id) {
	s := x.byID[i]
	if s == nil {
		return
	}
	delete(x.byID, i)
	if s.host.count--; s.host.count == 0 {
		delete(x.hosts, s.host.name)
	}
	t := s.topic
	last := len(t.subscriptions) - 1
	t.subscriptions[s.place] = t.subscriptions[last]
	t.subscriptions[s.place].place = s.place
	t.subscriptions[last] = nil
	if t.subscriptions = t.subscriptions[:last]; last > 0 {
		return
	}
	if x.addresses[t.address] == t { // it may be that of another topic since
		delete(x.addresses, t.address)
	}
	rest := slices.DeleteFunc(slices.Clone(x.feeds[t.Feed]), func(other *topic) bool { return other == t })
	if x.feeds[t.Feed] = rest; len(rest) == 0 {
		delete(x.feeds, t.Feed)
	}
}

// ofFeed counts the subscriptions of a feed.
func (x *index) ofFeed(feed string) int {
	n := 0
	for _, t := range x.feeds[feed] {
		n += len(t.subscriptions)
	}
	return n
}

// all returns the subscriptions of a feed in every format and by every key, in no order. The slice
// is the caller's.
func (x *index) all(feed string) []*subscription {
	list := make([]*subscription, 0, x.ofFeed(feed))
	for _, t := range x.feeds[feed] {
		list = append(list, t.subscriptions...)
	}
	return list
}
