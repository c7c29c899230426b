package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go"
)

// audience is who is told of changes, in a few of their own ways.
type audience struct {
	name   string
	groups []string
	feed   string // in notices
	key    string // of a partner
	topic  string
}

func audiences() []*audience {
	msn := &audience{name: "msn", groups: []string{"aggregators"}, feed: "partners/msn", key: "msn-key-0123456789abcdefghijk"}
	wire := &audience{name: "wire", feed: "partners/wire", key: "wire-key-0123456789abcdefghij"}
	for _, a := range []*audience{msn, wire} {
		a.topic = fmt.Sprintf("/partners/%s/~%s/feed.json", a.name, a.key)
	}
	return []*audience{{name: "public", feed: "all", topic: "/feeds/all.json"}, msn, wire}
}

// sees decides as the documentation has it: deny wins, and a list in allow that is not
// empty is for those in it.
func (a *audience) sees(r rights) bool {
	is := func(name string) bool { return name == a.name || slices.Contains(a.groups, name) }
	return r.Syndicate && !slices.ContainsFunc(r.Deny, is) && (len(r.Allow) == 0 || slices.ContainsFunc(r.Allow, is))
}

type rights struct {
	Syndicate bool     `json:"syndicate"`
	Allow     []string `json:"allow,omitempty"`
	Deny      []string `json:"deny,omitempty"`
}

func randomRights(random *rand.Rand) rights {
	names := []string{"public", "msn", "wire", "aggregators", "nobody"}
	some := func() (list []string) {
		for random.IntN(3) == 0 {
			list = append(list, names[random.IntN(len(names))])
		}
		return list
	}
	return rights{Syndicate: random.IntN(8) > 0, Allow: some(), Deny: some()}
}

// secrets are the words of galleries, each with the audiences that may read it.
type secrets struct {
	random *rand.Rand
	known  map[string][]*audience
}

// word is a new one for the audiences that see all of these.
func (s *secrets) word(all ...rights) string {
	word := fmt.Sprintf("zq%012x", s.random.Uint64()>>16)
	s.allow(word, all...)
	return word
}

// allow lets the audiences that see all of these read the word, too.
func (s *secrets) allow(word string, all ...rights) {
	seen := s.known[word]
	for _, a := range audiences() {
		if !slices.ContainsFunc(all, func(r rights) bool { return !a.sees(r) }) {
			seen = append(seen, a)
		}
	}
	s.known[word] = seen
}

// gallery is a revision of a gallery, of which each part has a word.
func (s *secrets) gallery(id string, updated time.Time) string {
	whole := randomRights(s.random)
	s.allow(id, whole)
	var slides []map[string]any
	for range 3 {
		own := randomRights(s.random)
		word := func() string { return s.word(whole, own) }
		slides = append(slides, map[string]any{
			"title": word(), "caption": word(), "credit": word(), "rights": own,
			"image": map[string]any{"url": "https://img.example.com/" + word() + ".jpg", "alt": word()},
		})
	}
	data, err := json.Marshal(map[string]any{
		"id": id, "title": s.word(whole), "summary": s.word(whole), "published": updated.Add(-time.Hour), "updated": updated, "rights": whole, "slides": slides,
	})
	if err != nil {
		panic(err) // it has nothing that JSON lacks
	}
	return string(data)
}

// inbox takes webhooks, messages and pings, each at a path of its own.
type inbox struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string][]string
}

func newInbox(t *testing.T) *inbox {
	i := &inbox{got: map[string][]string{}}
	i.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if form, err := url.ParseQuery(string(body)); err == nil && form.Has("hub.url") {
			body = fmt.Append(nil, form)
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		i.got[r.URL.Path] = append(i.got[r.URL.Path], string(body))
	}))
	t.Cleanup(i.Close)
	return i
}

// all is what came at a path.
func (i *inbox) all(path string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.got[path], "\n")
}

// partnered is the configuration of two partners who are told of changes in every way,
// beside the public.
func partnered(t *testing.T, server string, to *inbox, keys map[string]string) string {
	t.Helper()
	var webhooks, digests, partners []string
	for _, a := range audiences() {
		webhooks = append(webhooks, fmt.Sprintf(`{name: %[1]s, url: "%[2]s/hook/%[1]s", secrets: [%[3]q], feeds: [%[4]s]}`, a.name, to.URL, hookSecret, a.feed))
		digests = append(digests, fmt.Sprintf(`{name: %[1]s, schedule: "@every 1s", feeds: [%[2]s], to: ["generic://%[3]s/digest/%[1]s?disabletls=yes"]}`, a.name, a.feed, strings.TrimPrefix(to.URL, "http://")))
		if a.key != "" {
			keys[a.name] = filepath.Join(t.TempDir(), a.name)
			writeKey(t, keys[a.name], a.key)
			partners = append(partners, fmt.Sprintf(`{name: %s, groups: [%s], access: {path_keys: true, keys: [{name: one, secret_file: %q}]}}`, a.name, strings.Join(a.groups, ","), keys[a.name]))
		}
	}
	return oneFeed + fmt.Sprintf(`
outbound: {allow_networks: ["127.0.0.0/8", "::1/128"], first_retry: 200ms}
websub: {external_hubs: ["%s/hub"]}
feeds: [{name: all, items: 100}]
webhooks: [%s]
digests: [%s]
partners: [%s]
nats: {url: %q}`, to.URL, strings.Join(webhooks, ","), strings.Join(digests, ","), strings.Join(partners, ","), server)
}

func writeKey(t testing.TB, file, key string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Galleries, slides and their rights are random; no notice, webhook, digest, ping or
// delivery has what its audience may not see, and no key is where it need not be.
func TestNobodyIsToldWhatAnotherMaySee(t *testing.T) {
	t.Parallel()
	server, to, keys := brokertest.Server(t), newInbox(t), map[string]string{}
	node := serve(t, partnered(t, server.URL(), to, keys))
	node.ready()
	cms := connect(t, server.URL())
	notices, err := cms.SubscribeSync("*.updated")
	if err != nil {
		t.Fatal(err)
	}
	f, feeds := newFollower(t), map[string]string{}
	for _, a := range audiences() {
		feeds["/"+a.name] = a.topic
	}
	followPartners(node, f, feeds)
	node.eventually("all digests have begun", func() bool { return digestsOf(t, cms) == len(feeds) })

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &secrets{random: rand.New(rand.NewPCG(13, seed)), known: map[string][]*audience{}}
	begin := time.Now().Add(-time.Hour)
	var ids []string
	for n := range 150 {
		if len(ids) < 40 {
			ids = append(ids, s.word(rights{}))
		}
		id, updated := ids[s.random.IntN(len(ids))], begin.Add(time.Duration(n)*time.Second)
		if s.random.IntN(10) == 0 {
			publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id":%q,"updated":%q,"reason":"gone"}`, id, updated.Format(time.RFC3339Nano)))
			ids = slices.DeleteFunc(ids, func(other string) bool { return other == id })
			continue
		}
		publish(t, cms, "article.published", s.gallery(id, updated))
	}
	last := s.word(rights{Syndicate: true})
	publish(t, cms, "article.published", fmt.Sprintf(`{"id":%q,"title":%[1]q,"published":%q}`, last, time.Now().UTC().Format(time.RFC3339)))

	f.atRest(node) // each has what its topic says
	wantHubByKeyOnly(node)

	told := map[string]*strings.Builder{}
	for _, a := range audiences() {
		told[a.name] = new(strings.Builder)
		node.eventually(a.name+" is told of the last gallery in every way", func() bool {
			return strings.Contains(to.all("/hook/"+a.name), last) && strings.Contains(to.all("/digest/"+a.name), last) && strings.Contains(f.last("/"+a.name), last)
		})
	}
	for named := map[string]bool{}; len(named) < len(feeds); {
		msg, err := notices.NextMsg(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		u := decodeUpdate(t, msg)
		for _, a := range audiences() {
			if u.Data.Feed == a.feed {
				fmt.Fprintln(told[a.name], string(msg.Data))
				named[a.name] = named[a.name] || slices.Contains(u.Data.Added, last)
			}
		}
		if want := map[bool]string{true: "feed.updated", false: "partner.updated"}[u.Data.Feed == "all"]; msg.Subject != want || u.Type != want {
			t.Errorf("%s of %s on %s", u.Type, u.Data.Feed, msg.Subject)
		}
	}
	for _, a := range audiences() {
		fmt.Fprintln(told[a.name], to.all("/hook/"+a.name), to.all("/digest/"+a.name))
		wantNoKey(t, "what tells "+a.name, told[a.name].String(), "")
		for _, d := range f.received("/" + a.name) {
			wantNoKey(t, "a delivery to "+a.name, d.body+fmt.Sprint(d.header), a.key)
			fmt.Fprintln(told[a.name], d.body, d.header)
		}
		wantNothingHidden(t, s, a, told[a.name].String())
	}
	public := audiences()[0]
	wantNothingHidden(t, s, public, to.all("/hub"))
	if pings := to.all("/hub"); strings.Contains(pings, "partners") || !strings.Contains(pings, "/feeds/all.rss") {
		t.Errorf("another hub was told %s", pings)
	}
	_, status := node.fetch(node.admin + "/status.json")
	wantNoKey(t, "status, metrics and log", status+node.metrics()+node.logs.whole(), "")
	endsWithItsKey(node, f, keys["msn"], func() { publish(t, cms, "article.published", s.gallery(last, time.Now())) })
}

// wantHubByKeyOnly asserts that a partner's feed names the hub where it is a topic.
func wantHubByKeyOnly(node *process) {
	node.t.Helper()
	for _, a := range audiences()[1:] {
		header, text := node.get("/partners/"+a.name+"/feed.json", "Authorization", "Bearer "+a.key)
		byKey, own := node.get(a.topic)
		if header.StatusCode != http.StatusOK || strings.Contains(text+fmt.Sprint(header.Header), "/hub") {
			node.t.Errorf("with a key in the header: %s, %v\n%s", header.Status, header.Header, text)
		}
		want := fmt.Sprintf(`<%s>; rel="hub", <%s>; rel="self"`, topicOf("/hub"), topicOf(a.topic))
		if byKey.Header.Get("Link") != want || !strings.Contains(own, topicOf("/hub")) {
			node.t.Errorf("with a key in the path: %s, %v", byKey.Status, byKey.Header)
		}
	}
}

// endsWithItsKey has the key of msn replaced, and waits until its subscription has ended.
func endsWithItsKey(node *process, f *follower, file string, change func()) {
	node.t.Helper()
	writeKey(node.t, file, "another-key-0123456789abcdefg")
	node.eventually("the subscription by the key has ended", func() bool {
		return node.metric("gallerywire_websub_subscriptions") == float64(len(audiences())-1)
	})
	before := len(f.received("/msn"))
	public := len(f.received("/public"))
	change()
	node.eventually("the public is told", func() bool { return len(f.received("/public")) > public })
	f.atRest(node, "/public")
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.got["/msn"]) != before || !slices.Equal(f.denied, []string{topicOf(audiences()[1].topic)}) {
		node.t.Errorf("%d more deliveries, and denied were %v", len(f.got["/msn"])-before, f.denied)
	}
}

// followPartners has subscribers confirmed, by path and topic.
func followPartners(node *process, f *follower, topics map[string]string) {
	node.t.Helper()
	for path, topic := range topics {
		f.follows[path] = topic
		f.ask(node.http+"/hub", "subscribe", path, topicOf(topic))
	}
	node.eventually("all have confirmed, and have the document", func() bool {
		for path := range topics {
			if len(f.received(path)) == 0 {
				return false
			}
		}
		return f.confirmed() == len(topics)
	})
}

// digestsOf is how many digests have a record.
func digestsOf(t *testing.T, conn *nats.Conn) int {
	t.Helper()
	js, err := conn.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := js.KeyValue("gallerywire_digests")
	if err != nil {
		return 0
	}
	keys, _ := bucket.Keys() // an error: none
	return len(keys)
}

// wantNothingHidden asserts that no word is in text that the audience may not read.
func wantNothingHidden(t *testing.T, s *secrets, a *audience, text string) {
	t.Helper()
	open := 0
	for word, may := range s.known {
		reads := slices.ContainsFunc(may, func(other *audience) bool { return other.name == a.name })
		i := strings.Index(text, word)
		if i >= 0 && !reads {
			t.Errorf("%s was told %s, which is for %d others: …%s…", a.name, word, len(may), text[max(0, i-200):min(len(text), i+100)])
		}
		if i >= 0 && reads {
			open++
		}
	}
	if open == 0 && text != "" && !strings.Contains(text, "hub.url") {
		t.Errorf("%s was told nothing", a.name)
	}
}

// wantNoKey asserts that the text has no key but one.
func wantNoKey(t *testing.T, where, text, own string) {
	t.Helper()
	for _, a := range audiences() {
		if i := strings.Index(text, a.key); a.key != "" && a.key != own && i >= 0 {
			t.Errorf("%s has the key of %s: …%s…", where, a.name, text[max(0, i-100):min(len(text), i+40)])
		}
	}
}

// The delay is an instant of a partner's feed, like the end of an embargo. What is gone
// before it was released was never there for the partner, also after a restart.
func TestPartnerIsToldOfADelayedGalleryWhenItIsReleased(t *testing.T) {
	t.Parallel()
	const delay = 4 * time.Second
	server := brokertest.Server(t)
	config := oneFeed + fmt.Sprintf("partners: [{name: soon, delay: %s}, {name: later, delay: 24h}]\nnats: {url: %q}", delay, server.URL())
	node := serve(t, config)
	node.ready()
	cms := connect(t, server.URL())
	public, err := cms.SubscribeSync("feed.updated")
	if err != nil {
		t.Fatal(err)
	}
	partners, err := cms.SubscribeSync("partner.updated")
	if err != nil {
		t.Fatal(err)
	}
	next := func(notices *nats.Subscription) updateEvent {
		t.Helper()
		msg, err := notices.NextMsg(time.Minute)
		if err != nil {
			t.Fatalf("%v\n%s", err, node.logs)
		}
		return decodeUpdate(t, msg)
	}
	put := func(id string, published time.Time) {
		t.Helper()
		publish(t, cms, "article.published", fmt.Sprintf(`{"id":%q,"title":"A gallery","published":%q,"updated":%q}`, id, published.UTC().Format(time.RFC3339Nano), time.Now().UTC().Format(time.RFC3339Nano)))
	}
	published := time.Now()
	put("new", published)
	put("new", published) // a correction is folded in
	for u := next(public); !slices.Contains(u.Data.Added, "new"); u = next(public) {
	}
	node.kill()
	node = serve(t, config)
	node.ready()
	told := map[string]updateEvent{}
	for told["partners/soon"].Data.Added == nil {
		u := next(partners)
		told[u.Data.Feed] = u
	}
	if u := told["partners/soon"].Data; !slices.Equal(u.Added, []string{"new"}) || len(u.Edited)+len(u.Removed) > 0 {
		t.Errorf("soon was told of %+v", u)
	}
	if after := time.Since(published); after < delay {
		t.Errorf("told after %s", after)
	}
	publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id":"new","updated":%q}`, time.Now().UTC().Format(time.RFC3339Nano)))
	put("old", published.Add(-48*time.Hour))
	for told["partners/later"].Data.Added == nil || !slices.Contains(told["partners/soon"].Data.Added, "old") {
		u := next(partners)
		told[u.Data.Feed] = u
	}
	if u := told["partners/later"].Data; !slices.Equal(u.Added, []string{"old"}) || len(u.Edited)+len(u.Removed) > 0 {
		t.Errorf("later was told of %+v", u)
	}
}
