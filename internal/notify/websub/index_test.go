package websub

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/google/go-cmp/cmp"
)

// Whatever comes and goes in which order, an index finds and counts what is there.
func TestIndexMatchesRecords(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	x, there := newIndex(), map[id]record{}
	for step := range 5000 {
		r := record{
			Topic:    Topic{fmt.Sprint("feed-", random.IntN(4)), []string{"rss", "atom"}[random.IntN(2)], []string{"", "key"}[random.IntN(2)]},
			Address:  fmt.Sprint("https://wire.example.com/", random.IntN(3)),
			Callback: fmt.Sprintf("https://host-%d.example.com/%d", random.IntN(3), random.IntN(5)),
			Secret:   []byte(fmt.Sprint(step)), Expires: time.Unix(int64(step), 0),
		}
		i := idOf(r.Topic, r.Callback)
		if random.IntN(2) == 0 {
			x.put(r, time.Duration(r.Expires.UnixNano()), uint64(step))
			there[i] = r
		} else {
			x.remove(i)
			delete(there, i)
		}
		if step%50 == 0 {
			compare(t, x, there)
		}
	}
	for i := range there {
		x.remove(i)
	}
	if len(x.byID)+len(x.feeds)+len(x.hosts)+len(x.addresses) != 0 {
		t.Errorf("left in an empty index: %+v", x)
	}
}

func compare(t *testing.T, x *index, there map[id]record) {
	t.Helper()
	topics, hosts, feeds := map[Topic]int{}, map[string]int{}, map[string]int{}
	for i, r := range there {
		topics[r.Topic]++
		hosts[hostOf(r.Callback)]++
		feeds[r.Feed]++
		s := x.byID[i]
		if s == nil || s.callback != r.Callback || s.secret != string(r.Secret) || s.expires != time.Duration(r.Expires.UnixNano()) {
			t.Fatalf("finds %+v for %+v", s, r)
		}
	}
	for topic, n := range topics {
		if got := len(x.topic(topic).subscriptions); got != n {
			t.Fatalf("%d of topic %v, want %d", got, topic, n)
		}
	}
	gotHosts := map[string]int{}
	for name := range x.hosts {
		gotHosts[name] = x.hosts[name].count
	}
	gotFeeds := map[string]int{}
	for feed := range x.feeds {
		for _, s := range x.all(feed) {
			if _, ok := there[s.id]; ok && s.topic.Feed == feed {
				gotFeeds[feed]++
			}
		}
		if x.ofFeed(feed) != gotFeeds[feed] {
			t.Fatalf("feed %s has %d, and %d are found", feed, x.ofFeed(feed), gotFeeds[feed])
		}
	}
	if diff := cmp.Diff(hosts, gotHosts) + cmp.Diff(feeds, gotFeeds); diff != "" || len(x.byID) != len(there) {
		t.Fatalf("hosts and feeds (-want +got):\n%s", diff)
	}
}

func TestHostOf(t *testing.T) {
	t.Parallel()
	for callback, want := range map[string]string{
		"https://reader.example.com":               "reader.example.com",
		"http://Reader.Example.com.:8080/a:b?c@d":  "reader.example.com",
		"https://reader.example.com?to=http://x/y": "reader.example.com",
		"http://127.0.0.1:80/":                     "127.0.0.1",
		"http://[2001:DB8::1]:8080/":               "2001:db8::1",
		"http://[2001:db8::1]?x":                   "2001:db8::1",
	} {
		if got := hostOf(callback); got != want {
			t.Errorf("%s is on %q, want %q", callback, got, want)
		}
	}
}

// The owner of an IPv6 address has many, which are one host where hosts are limited.
func TestIPv6NetworkCountsAsOneHost(t *testing.T) {
	t.Parallel()
	h, err := NewForTest(Options{MaxPerHost: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.add(record{Topic: Topic{Feed: "all", Document: "atom"}, Callback: "http://[2001:db8:1:2::1]:8080/"}, 1)
	h.add(record{Topic: Topic{Feed: "all", Document: "atom"}, Callback: "http://192.0.2.1/"}, 2)
	for callback, full := range map[string]bool{
		"http://[2001:DB8:1:2:ffff::9]/x":    true,
		"https://[2001:db8:1:2::1]?x":        true,
		"http://[::ffff:192.0.2.1]:80/":      true,
		"http://192.0.2.1:8080/":             true,
		"http://[2001:db8:1:3::1]/":          false,
		"http://192.0.2.2/":                  false,
		"http://2001-db8-1-2--1.example.com": false,
	} {
		q := question{Mode: subscribe, Topic: Topic{Feed: "all", Document: "rss"}, Callback: callback}
		if err := h.overQuota(q); (err != nil) != full {
			t.Errorf("%s: %v", callback, err)
		}
		if host := groupOf(callback); full != (host == "2001:db8:1:2::/64" || host == "192.0.2.1") {
			t.Errorf("%s is called as on %s", callback, host)
		}
	}
}

// The client that asked longest ago is forgotten first.
func TestClientBucketsBounded(t *testing.T) {
	t.Parallel()
	l, now := newLimits(1), time.Unix(0, 0)
	for n := range 3 * maxClients {
		if err := l.ofClient(fmt.Sprint(n), now); err != nil {
			t.Fatalf("the first request of client %d: %v", n, err)
		}
		if err := l.ofClient("busy", now); (err == nil) != (n == 0) {
			t.Fatalf("request %d of one client: %v", n, err)
		}
	}
	if got := l.clients.Len(); got > maxClients {
		t.Errorf("%d are remembered", got)
	}
}

func TestRenewalsVerifiedBeforeNewSubscriptions(t *testing.T) {
	t.Parallel()
	h, err := NewForTest(Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.loaded = true
	renewed := record{Topic: Topic{Feed: "all", Document: "atom"}, Callback: "https://reader.example.com/"}
	h.add(renewed, 1)
	apply := func(callback string) {
		q := question{Format: verificationFormat, Mode: subscribe, Topic: Topic{Feed: "all", Document: "atom"}, Callback: callback}
		value, err := bucket.Encode(verification{question: q, Node: h.pending.node})
		if err != nil {
			t.Fatal(err)
		}
		h.apply(bucket.Record{Key: verificationPrefix + q.id().String(), Value: value, Revision: 2, Stored: time.Now()})
	}
	for n := range 3 * maxAsking {
		apply(fmt.Sprintf("https://host-%d.example.com/", n))
	}
	apply(renewed.Callback)
	now, _ := h.pending.next()
	if _, asked := now[verificationPrefix+idOf(renewed.Topic, renewed.Callback).String()]; !asked || len(now) != maxAsking {
		t.Errorf("the renewal is asked: %v, with %d others", asked, len(now)-1)
	}
}
