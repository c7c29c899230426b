package app_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go/jetstream"
)

const mib = 1 << 20

// crawl is a site and what its node may use: in CI a small one, or as many
// galleries as GALLERYWIRE_TEST_CRAWL says with the limits as shipped.
type crawl struct {
	galleries, slides int
	golimit, limit    int // bytes: GOMEMLIMIT, and what the process may have in all
}

func crawlOf(t *testing.T) crawl {
	if text := os.Getenv("GALLERYWIRE_TEST_CRAWL"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return crawl{galleries: n, slides: 40, golimit: 400 * mib, limit: 512 * mib}
	}
	return crawl{galleries: 200, slides: 40, golimit: 150 * mib, limit: 192 * mib}
}

// A crawler that opens every address of a large site takes no node down, and readers
// that take nothing keep no other waiting.
func TestACrawlerAndSlowReadersInAMemoryLimit(t *testing.T) {
	c := crawlOf(t)
	node := serveIn(t, []string{fmt.Sprintf("GOMEMLIMIT=%dMiB", c.golimit/mib)}, oneFeed+`nats: {embedded: {listen: "127.0.0.1:0", sync: 2m}}`)
	confined := confine(t, node, c.limit)
	node.ready()
	publishMany(t, node, c)

	began := time.Now()
	asked := c.walk(t, node)
	t.Logf("%d addresses of %d galleries in %s, peak %d MiB, confined: %v", asked, c.galleries, time.Since(began).Round(time.Second), node.peak()/mib, confined)

	slowest := withSlowReaders(t, node, 2000)
	t.Logf("with 2000 slow readers the slowest answer took %s, peak %d MiB", slowest.Round(time.Millisecond), node.peak()/mib)
	if peak := node.peak(); peak > c.limit {
		t.Errorf("the node needed %d MiB, %d are allowed", peak/mib, c.limit/mib)
	}
	if slowest > 15*time.Second { // a reader that takes nothing is cut off after 20
		t.Errorf("a quick reader waited %s for slow ones", slowest)
	}
	node.ready()
	if code := node.stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, node.logs)
	}
}

// confine puts a process into a control group with so much memory, where this one
// may: else it is only measured.
func confine(t *testing.T, node *process, bytes int) bool {
	pid := node.cmd.Process.Pid
	for _, version := range []struct{ mount, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		group := filepath.Join(version.mount, fmt.Sprintf("gallerywire-test-%d", pid))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			node.kill() // a group that has a process cannot go
			_ = os.Remove(group)
		})
		if os.WriteFile(filepath.Join(group, version.limit), []byte(strconv.Itoa(bytes)), 0o644) == nil &&
			os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644) == nil {
			return true
		}
	}
	return false
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is the most memory that the process had, in bytes.
func (p *process) peak() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	found := highWater.FindSubmatch(text)
	if err != nil || found == nil {
		p.t.Fatalf("the node is gone: %v\n%s", err, p.logs)
	}
	kb, err := strconv.Atoi(string(found[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return kb << 10
}

func publishMany(t *testing.T, node *process, c crawl) {
	t.Helper()
	js, err := jetstream.New(connect(t, node.nats), jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range c.galleries {
		text := galleryJSON(fmt.Sprint("g", i), fmt.Sprintf("Gallery %d", i), fmt.Sprintf("Section %d", i%20), now, c.slides)
		text = strings.Replace(text, `"slides"`, fmt.Sprintf(`"tags":["tag %d","tag %d"],"authors":[{"name":"Author %d"}],"slides"`, i%200, i%7, i%100), 1)
		if _, err := js.PublishAsync("article.published", []byte(text), jetstream.WithStallWait(storetest.WaitLimit)); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	last := fmt.Sprintf("/galleries/g%d.json", c.galleries-1)
	deadline := time.Now().Add(storetest.WaitLimit + time.Duration(c.galleries)*10*time.Millisecond)
	for tick := time.Tick(100 * time.Millisecond); ; <-tick {
		if resp, _ := node.get(last); resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all is taken in\n%s", node.logs)
		}
	}
}

// walk opens every address there is, by several readers, and returns how many.
func (c crawl) walk(t *testing.T, node *process) int64 {
	t.Helper()
	paths := make(chan string, 100)
	var crawling sync.WaitGroup
	var asked, failed, busy atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}, Timeout: storetest.WaitLimit}
	defer client.CloseIdleConnections()
	for range 16 {
		crawling.Go(func() {
			for path := range paths {
				n := asked.Add(1)
				err := errBusy
				for range 20 { // as often as Retry-After says
					if err = open(t.Context(), client, node.http+path, n%2 == 0); !errors.Is(err, errBusy) {
						break
					}
					busy.Add(1)
					<-time.After(time.Second)
				}
				if err != nil && failed.Add(1) <= 3 {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
	feeds := []string{"/feeds/all"}
	for i := range 200 {
		feeds = append(feeds, fmt.Sprint("/tags/tag-", i))
	}
	for i := range 100 {
		feeds = append(feeds, fmt.Sprint("/authors/author-", i))
	}
	for i := range 20 {
		feeds = append(feeds, fmt.Sprint("/sections/section-", i))
	}
	paths <- "/"
	paths <- "/feeds.opml"
	for _, feed := range feeds {
		for _, format := range []string{".rss", ".atom", ".json"} {
			paths <- feed + format
			paths <- feed + "/archive/newest" + format
		}
	}
	for i := range c.galleries {
		for _, end := range []string{"", ".rss", ".atom", ".json"} {
			paths <- fmt.Sprint("/galleries/g", i, end)
		}
	}
	close(paths)
	crawling.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d answers were wrong\n%s", failed.Load(), asked.Load(), node.logs)
	}
	if busy.Load() > asked.Load()/20 {
		t.Errorf("%d of %d answers were that the node is busy", busy.Load(), asked.Load())
	}
	return asked.Load()
}

// errBusy means that the reader is to come again in a second.
var errBusy = errors.New("the node is busy")

// open reads a whole document.
func open(ctx context.Context, client *http.Client, url string, compressed bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if compressed {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" {
		return errBusy
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotFound { // a short feed has no archive
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}

// withSlowReaders has so many readers ask for large documents and take a byte a
// second, and returns the longest wait of a quick reader.
func withSlowReaders(t *testing.T, node *process, many int) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	var begun atomic.Int64
	for i := range many {
		reading.Go(func() { slowly(ctx, node.http, fmt.Sprintf("/tags/tag-%d.json", i%200), &begun) })
	}
	node.eventually("the slow readers are there", func() bool { return begun.Load() == int64(many) })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: storetest.WaitLimit}
	node.eventually("there is room for another", func() bool { return open(ctx, client, node.http+"/feeds/all.rss", true) == nil })
	var took []time.Duration
	for i := range 50 {
		began := time.Now()
		err := errBusy
		for n := 0; n < 5 && errors.Is(err, errBusy); n++ { // as often as Retry-After says
			if n > 0 {
				<-time.After(time.Second)
			}
			err = open(ctx, client, node.http+[]string{"/feeds/all.rss", "/", "/galleries/g1", "/galleries/g2.atom"}[i%4], true)
		}
		if err != nil {
			t.Errorf("a quick reader among slow ones: %v", err)
		}
		took = append(took, time.Since(began))
	}
	return slices.Max(took)
}

// slowly asks for a document and takes a byte a second of it until ctx ends or it is
// cut off.
func slowly(ctx context.Context, site, path string, begun *atomic.Int64) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(site, "http://"))
	if err == nil {
		defer conn.Close()
		_, err = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	begun.Add(1)
	if err != nil {
		return
	}
	for tick := time.Tick(time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				return
			}
		}
	}
}
