package app_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go"
)

// crowdHosts is over how many hosts a crowd is spread: as many go to one host at
// a time as the outbox allows, so it takes several to have all it sends at once.
const crowdHosts = 8

// atOnce is how many deliveries the outbox has under way at a time.
const atOnce = 64

// crowd is many subscribers on this machine. It confirms whatever it is asked.
type crowd struct {
	hosts  []string
	count  int
	silent bool // one more has subscribed, on a host of its own, that never answers a delivery
	round  atomic.Pointer[round]
	stop   chan struct{}
}

// round is the wait until everyone has received one version of a feed.
type round struct {
	marker   []byte // a document that has it is that version
	received []atomic.Bool
	left     atomic.Int64
	twice    atomic.Int64
	unnamed  atomic.Int64 // deliveries without a signature
	done     chan struct{}
}

func newCrowd(b *testing.B, count int, silent bool) *crowd {
	c := &crowd{count: count, silent: silent, stop: make(chan struct{})}
	c.begin("nothing yet")
	hosts := crowdHosts
	if silent {
		hosts++
	}
	server := &http.Server{Handler: http.HandlerFunc(c.serve)}
	var serving sync.WaitGroup
	for n := range hosts {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.%d:0", n+1))
		if err != nil {
			b.Fatal(err)
		}
		c.hosts = append(c.hosts, l.Addr().String())
		serving.Go(func() { _ = server.Serve(l) }) // ends with Close
	}
	b.Cleanup(func() {
		close(c.stop)
		server.Close()
		serving.Wait()
	})
	return c
}

// callback is the address of subscriber i; that of number count is the silent one's.
func (c *crowd) callback(i int) string {
	host := c.hosts[i%crowdHosts]
	if i == c.count {
		host = c.hosts[crowdHosts]
	}
	return fmt.Sprintf("http://%s/%d", host, i)
}

func (c *crowd) secret(i int) string { return fmt.Sprintf("secret-of-subscriber-%011d", i) }

// begin begins a round that ends when everyone was sent a document with marker.
func (c *crowd) begin(marker string) *round {
	r := &round{marker: []byte(marker), received: make([]atomic.Bool, c.count), done: make(chan struct{})}
	r.left.Store(int64(c.count))
	c.round.Store(r)
	return r
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (c *crowd) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
		return
	}
	i, err := strconv.Atoi(r.URL.Path[1:])
	if err != nil || i > c.count {
		http.NotFound(w, r)
		return
	}
	if i == c.count {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-c.stop:
		case <-r.Context().Done():
		}
		return
	}
	body := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(r.Body); err == nil {
		c.round.Load().receive(i, r.Header.Get("X-Hub-Signature"), body.Bytes())
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *round) receive(i int, signature string, body []byte) {
	if !bytes.Contains(body, r.marker) {
		return
	}
	if !strings.HasPrefix(signature, "sha256=") {
		r.unnamed.Add(1)
	}
	if r.received[i].Swap(true) {
		r.twice.Add(1)
		return
	}
	if r.left.Add(-1) == 0 {
		close(r.done)
	}
}

// wait returns when everyone has received it.
func (r *round) wait(b *testing.B) {
	b.Helper()
	select {
	case <-r.done:
	case <-time.After(2 * time.Minute):
		b.Fatalf("%d of %d received nothing within two minutes", r.left.Load(), len(r.received))
	}
}

// check reports who received it twice, or without a signature.
func (r *round) check(b *testing.B) {
	b.Helper()
	if n := r.twice.Load(); n > 0 {
		b.Errorf("%d received it twice", n)
	}
	if n := r.unnamed.Load(); n > 0 {
		b.Errorf("%d deliveries were not signed", n)
	}
}

// post sends body to everyone as a bare loop does, signed, atOnce at a time.
func (c *crowd) post(b *testing.B, client *http.Client, body []byte) {
	next := make(chan int, c.count)
	for i := range c.count {
		next <- i
	}
	close(next)
	var posting sync.WaitGroup
	for range min(atOnce, c.count) {
		posting.Go(func() {
			for i := range next {
				if err := c.postOne(b.Context(), client, i, body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	posting.Wait()
}

func (c *crowd) postOne(ctx context.Context, client *http.Client, i int, body []byte) error {
	mac := hmac.New(sha256.New, []byte(c.secret(i)))
	mac.Write(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.callback(i), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/atom+xml")
	req.Header.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

func bareClient(b *testing.B) *http.Client {
	transport := &http.Transport{MaxIdleConns: 2 * atOnce, MaxIdleConnsPerHost: atOnce}
	b.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// wire is a node with a feed that a crowd has subscribed to.
type wire struct {
	*app.App
	crowd             *crowd
	cms               *nats.Conn
	galleries, slides int
	revision          int
}

// onEmbedded has a node run a server of its own that flushes to the disk on every
// write.
func onEmbedded(b *testing.B) []string {
	return []string{
		"GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR=" + b.TempDir(),
		"GALLERYWIRE_NATS_EMBEDDED_SYNC=always",
	}
}

// onCluster has a node run on three servers that all store its records.
func onCluster(b *testing.B) []string {
	return []string{"GALLERYWIRE_NATS_URL=" + brokertest.StartCluster(b).URL(), "GALLERYWIRE_NATS_REPLICAS=3"}
}

// newWire runs a node with a feed of that many galleries and slides in each, and
// has the crowd subscribe to it. A change is announced as soon as the feed was
// quiet for a millisecond.
func newWire(b *testing.B, c *crowd, servers []string, galleries, slides int) *wire {
	w := &wire{crowd: c, galleries: galleries, slides: slides}
	w.App = runNode(b, append(servers, "GALLERYWIRE_NOTICES_QUIET_PERIOD=1ms",
		"GALLERYWIRE_OUTBOUND_ALLOW_NETWORKS=[127.0.0.0/8]", "GALLERYWIRE_WEBSUB_REQUESTS_PER_MINUTE=1000000")...)
	w.cms = connect(b, w.PublisherURL())
	for i := range galleries {
		publish(b, w.cms, "article.published", w.gallery(i, "Before."))
	}
	w.subscribe(b)
	w.settle(b)
	for range 2 {
		w.change(b).wait(b) // everyone has a connection
		w.settle(b)
	}
	return w
}

func (w *wire) gallery(i int, title string) string {
	return galleryJSON(fmt.Sprintf("gallery-%d", i), title, "Travel", time.Now(), w.slides)
}

// subscribe has everyone in the crowd subscribe.
func (w *wire) subscribe(b *testing.B) {
	count := w.crowd.count
	if w.crowd.silent {
		count++
	}
	topic := w.URL() + "/feeds/all.atom"
	next := make(chan int, count)
	for i := range count {
		next <- i
	}
	close(next)
	var asking sync.WaitGroup
	for range atOnce {
		asking.Go(func() {
			for i := range next {
				res, err := http.PostForm(w.URL()+"/hub", url.Values{
					"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {w.crowd.callback(i)}, "hub.secret": {w.crowd.secret(i)},
				})
				if err != nil {
					b.Error(err)
					return
				}
				res.Body.Close()
				if res.StatusCode != http.StatusAccepted {
					b.Errorf("the hub answers %s", res.Status)
					return
				}
			}
		})
	}
	asking.Wait()
	w.until(b, "everyone has subscribed", func(metrics string) bool {
		return strings.Contains(metrics, fmt.Sprintf("\ngallerywire_websub_subscriptions %d\n", count))
	})
}

// settle waits until no notice is pending, except for the subscriber that never answers.
func (w *wire) settle(b *testing.B) {
	w.until(b, "no notice is pending", func(metrics string) bool {
		for line := range strings.Lines(metrics) {
			if strings.HasPrefix(line, "gallerywire_notices_owed{") && !strings.HasSuffix(line, " 0\n") {
				return w.crowd.silent && strings.HasSuffix(line, " 1\n")
			}
		}
		return true
	})
}

// until waits for a condition on the node's metrics.
func (w *wire) until(b *testing.B, what string, is func(metrics string) bool) {
	b.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for deadline := time.Now().Add(2 * time.Minute); ; <-look.C {
		metrics, _ := fetch(b, w.AdminURL()+"/metrics", "")
		if is(metrics) {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("in vain: %s", what)
		}
	}
}

// change publishes a change of the feed, and begins the round of telling it.
func (w *wire) change(b *testing.B) *round {
	w.revision++
	title := fmt.Sprintf("Revision %d.", w.revision)
	r := w.crowd.begin(title)
	publish(b, w.cms, "article.published", w.gallery(w.revision%w.galleries, title))
	return r
}

// document is the feed as subscribers get it.
func (w *wire) document(b *testing.B) []byte {
	body, _ := fetch(b, w.URL()+"/feeds/all.atom", "")
	return []byte(body)
}
