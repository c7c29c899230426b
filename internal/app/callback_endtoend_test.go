package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// cms is one that is called back. It refuses while it is away.
type cms struct {
	*httptest.Server
	t    *testing.T
	mu   sync.Mutex
	away bool
	got  map[string]outcome // by id
	came map[string]int     // attempts, by id
}

// outcome is what the CMS received.
type outcome struct {
	ID, Type, Subject string
	Data              struct {
		event.Outcome
		Problems []struct{ Place, Reason string }
	}
}

func newCMS(t *testing.T) *cms {
	c := &cms{t: t, got: map[string]outcome{}, came: map[string]int{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP notes what it accepts, which must be signed.
func (c *cms) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var o outcome
	verifier, err := standardwebhooks.NewWebhook(hookSecret)
	if err == nil {
		err = verifier.Verify(body, r.Header)
	}
	if err == nil {
		err = json.Unmarshal(body, &o)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || o.ID != r.Header.Get("webhook-id") || r.Header.Get("Content-Type") != "application/cloudevents+json" {
		c.t.Errorf("%v: called with %v %s", err, r.Header, body)
	}
	c.came[o.ID]++
	if c.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	c.got[o.ID] = o
}

// isAway has the CMS refuse, or accept again.
func (c *cms) isAway(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

func (c *cms) attempted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.came)
}

// accepted is what it accepted about galleries whose ids begin so, of that type, in the order of the galleries.
func (c *cms) accepted(kind, prefix string) (all []outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.got {
		if o.Type == kind && strings.HasPrefix(o.Subject, prefix) {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b outcome) int { return strings.Compare(a.Subject, b.Subject) })
	return all
}

// blogKey is the key by which the CMS sends over HTTP.
const blogKey = "a-key-of-a-blog-0123456789abcdef"

// post sends a publication over HTTP.
func post(node *process, data string) (sequence uint64) {
	node.t.Helper()
	req, err := http.NewRequest(http.MethodPost, node.http+"/events/article.published", strings.NewReader(data))
	if err != nil {
		node.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+blogKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		node.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Sequence uint64 }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusAccepted {
		node.t.Fatalf("%s, %v", resp.Status, err)
	}
	return answer.Sequence
}

// calledBack is the configuration of a node with a key that has a callback.
func calledBack(t *testing.T, to *cms, more string) string {
	return oneFeed + fmt.Sprintf(`
outbound: {allow_networks: ["127.0.0.0/8"], first_retry: 200ms}
rights: {rules: [{credits: [Agency], deny: [msn]}]}
partners: [{name: msn, access: {keys: [{name: one, secret_file: none}]}}, {name: wire, access: {keys: [{name: one, secret_file: none}]}}]
intake: {keys: [{name: blog, kind: bearer, secret: %q, id_prefix: blog-, callback: {url: %q, secret: %q}}]}
nats: {embedded: {listen: %q, data_dir: %q}}`, blogKey, to.URL, hookSecret, brokertest.FreeAddress(t), t.TempDir()) + more
}

// TestACallbackIsToldWhatBecameOfEvents has a CMS that is away while its events come, over
// HTTP and NATS, and the service killed before it is back.
func TestACallbackIsToldWhatBecameOfEvents(t *testing.T) {
	t.Parallel()
	back, hook := newCMS(t), newInbox(t)
	config := calledBack(t, back, fmt.Sprintf("\nwebhooks: [{name: app, url: \"%s/hook\", secrets: [%q]}]", hook.URL, hookSecret))
	back.isAway(true)
	node := serve(t, config)
	node.ready()
	conn := connect(t, node.nats)
	now := time.Now().UTC().Truncate(time.Second)
	stored := publish(t, conn, "article.published", galleryJSON("blog-1", "Harbour", "Travel", now, 2))
	older := galleryJSON("blog-1", "An older one", "Travel", now.Add(-time.Hour), 1)
	node.eventually("the gallery is there", func() bool {
		resp, _ := node.get("/galleries/blog-1.atom")
		return resp.StatusCode == http.StatusOK
	})
	outranked := post(node, older)
	node.eventually("two notices are refused", func() bool { return back.attempted() == 2 })
	publish(t, conn, "article.published", older) // the same revision again says nothing new
	refused := publish(t, conn, "article.published", `{"id":"blog-2","title":""}`)
	publish(t, conn, "article.published", `{"id":"wire-1"}`)
	publish(t, conn, "article.published", galleryJSON("wire-2", "Harbour", "Travel", now, 2))
	publish(t, conn, "article.published", `garbage`)
	publish(t, conn, "article.published", strings.ReplaceAll(galleryJSON("blog-3", "Dusk", "Travel", now, 2), "Agency", "Staff"))
	node.eventually("three notices are refused", func() bool { return back.attempted() == 3 })
	node.eventually("a webhook gets what it wants meanwhile", func() bool { return strings.Contains(hook.all("/hook"), "blog-3") })

	node.kill()
	back.isAway(false)
	node = serve(t, config)
	node.ready()
	node.eventually("every outcome arrives", func() bool {
		return len(back.accepted(event.Withheld, ""))+len(back.accepted(event.Superseded, ""))+len(back.accepted(event.Rejected, "")) == 3
	})
	if o := back.accepted(event.Withheld, "blog-1")[0].Data; o.Sequence != stored || len(o.Partners) != 1 || o.Partners[0].Partner != "msn" ||
		o.Partners[0].Rule != "rules.deny" || o.Partners[0].Where != "rights.rules[0]" || !slices.Equal(o.Partners[0].Slides, []int{0, 1}) {
		t.Errorf("withheld: %+v", o)
	}
	if o := back.accepted(event.Superseded, "blog-1")[0].Data; o.Sequence != outranked || !o.Revision.Updated.Equal(now.Add(-time.Hour)) || !o.Stands.Updated.Equal(now) {
		t.Errorf("superseded: %+v", o)
	}
	if o := back.accepted(event.Rejected, "blog-2")[0].Data; o.Sequence != refused || len(o.Problems) < 2 || o.Problems[0].Place != "/title" {
		t.Errorf("rejected: %+v", o)
	}

	node.eventually("nothing waits", func() bool { return node.metric("gallerywire_notices_owed", `channel="callback"`) == 0 })
	if got := back.attempted(); got != 3 {
		t.Errorf("%d notices were sent, want 3", got)
	}
}

// TestACallbackIsToldOfEventsDuringWhichTheServiceIsKilled kills it while it takes them in.
func TestACallbackIsToldOfEventsDuringWhichTheServiceIsKilled(t *testing.T) {
	t.Parallel()
	const rounds, each = 3, 20
	back := newCMS(t)
	config := calledBack(t, back, "")
	node := serve(t, config)
	for round := range rounds {
		conn := connect(t, node.nats)
		for i := range each {
			publish(t, conn, "article.published", galleryJSON(fmt.Sprintf("blog-%d-%02d", round, i), "Harbour", "Travel", time.Now(), 1))
		}
		node.kill()
		node = serve(t, config)
	}
	node.ready()
	node.eventually("every outcome arrives", func() bool { return len(back.accepted(event.Withheld, "blog-")) >= rounds*each })
	if got := back.attempted(); got != rounds*each {
		t.Errorf("%d notices of %d events were sent", got, rounds*each)
	}
}
