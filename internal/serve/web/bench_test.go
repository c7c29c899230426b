package web_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkServe asks the whole server, access log included, and a bare handler
// that writes the same bytes and headers, by turns over one kept connection
// each. The ratio is the bare one's time over ours: 1 is as fast.
func BenchmarkServe(b *testing.B) {
	s := newSite(b, func(o *web.Options) {
		o.Logger, o.Requests = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelInfo})), web.RequestsFull
	})
	s.editions.editions["all"] = newEdition(b, noon.Add(-time.Hour), typical()...)
	doc := s.document(feed.Atom)
	compressed, gzipTag := doc.Gzip()
	for _, c := range []struct {
		name    string
		body    []byte
		headers []string // of the request
	}{
		{"200", doc.Bytes(), []string{"Accept-Encoding", "identity"}},
		{"gzip", compressed, []string{"Accept-Encoding", "gzip"}},
		{"304", nil, []string{"Accept-Encoding", "gzip", "If-None-Match", gzipTag}},
	} {
		b.Run(c.name, func(b *testing.B) {
			limits := web.NewConnections(web.ConnectionLimits{All: 100, PerClient: 100, Client: netip.Addr.String})
			ours := listen(b, web.NewServer(s.handler, slog.New(slog.DiscardHandler)), limits.Listener)
			sample := s.get("/feeds/all.atom", c.headers...)
			floor := listen(b, &http.Server{Handler: bare(sample.StatusCode, sample.Header, c.body)})
			compare(b, fetcher(b, floor, c.body, c.headers), fetcher(b, ours, c.body, c.headers))
		})
	}
}

// BenchmarkPartner asks the whole server for a feed that has not changed, as the public
// does and as partners do, by turns. The ratio is the public's time over a partner's: 1 is
// as fast.
func BenchmarkPartner(b *testing.B) {
	key := credential.NewKey()
	file := filepath.Join(b.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		b.Fatal(err)
	}
	access := partner.New(partner.Options{
		Partners: []partner.Partner{{Name: "msn", PathKeys: true, Keys: []partner.Key{{Name: "old", File: file + ".old"}, {Name: "new", File: file}}}},
		Network:  web.ClientNetwork, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
	})
	s, feeds := newPartnerSite(b, func(o *web.Options) {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelInfo}))
	})
	feeds.admit = func(r partner.Request) error { _, err := access.Admit(r); return err }
	compressed, etag := s.document(feed.Atom).Gzip()
	for _, c := range []struct {
		name    string
		body    []byte
		headers []string
	}{
		{"200", compressed, []string{"Accept-Encoding", "gzip"}},
		{"304", nil, []string{"Accept-Encoding", "gzip", "If-None-Match", etag}},
	} {
		for way, proof := range map[string][]string{
			"/partners/msn": {"Authorization", "Bearer " + key}, "/partners/msn/~" + key: nil,
		} {
			b.Run(c.name+" "+map[bool]string{true: "in the path", false: "as Bearer"}[proof == nil], func(b *testing.B) {
				limits := web.NewConnections(web.ConnectionLimits{All: 100, PerClient: 100, Client: netip.Addr.String})
				public := listen(b, web.NewServer(s.handler, slog.New(slog.DiscardHandler)), limits.Listener)
				ours := strings.TrimSuffix(public, "/feeds/all.atom") + way + "/feed.atom"
				compare(b, fetcher(b, public, c.body, c.headers), fetcher(b, ours, c.body, append(slices.Clone(c.headers), proof...)))
			})
		}
	}
}

// BenchmarkMetrics asks a handler that counts requests and one that does not, by
// turns and without a network between. The ratio is the time without over the
// time with: 1 is as fast.
func BenchmarkMetrics(b *testing.B) {
	for _, c := range []struct {
		name    string
		headers []string
	}{
		{"200", []string{"Accept-Encoding", "gzip"}},
		{"304", []string{"Accept-Encoding", "gzip", "If-None-Match", "*"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			with, without := asker(b, prometheus.NewRegistry(), c.headers), asker(b, nil, c.headers)
			compare(b, without, with)
		})
	}
}

// asker returns a function that asks a handler for a feed a hundred times.
func asker(b *testing.B, metrics *prometheus.Registry, headers []string) func() {
	s := newSite(b, func(o *web.Options) {
		o.Metrics, o.Logger = metrics, slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelInfo}))
	})
	s.editions.editions["all"] = newEdition(b, noon.Add(-time.Hour), typical()...)
	r := httptest.NewRequest(http.MethodGet, "/feeds/all.atom", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := sink{http.Header{}}
	return func() {
		for range 100 {
			clear(w.header)
			s.handler.ServeHTTP(w, r)
		}
	}
}

// sink is a client that takes everything at once.
type sink struct{ header http.Header }

func (s sink) Header() http.Header         { return s.header }
func (s sink) Write(b []byte) (int, error) { return len(b), nil }
func (s sink) WriteHeader(int)             {}

// compare measures both by turns, in either order, so that whatever else the
// machine does meets both.
func compare(b *testing.B, floor, ours func()) {
	var bare, whole time.Duration
	for n := 0; b.Loop(); n++ {
		if n%2 == 0 {
			bare += took(floor)
		}
		whole += took(ours)
		if n%2 == 1 {
			bare += took(floor)
		}
	}
	b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns/op")
	b.ReportMetric(float64(whole.Nanoseconds())/float64(b.N), "ours-ns/op")
	b.ReportMetric(float64(bare)/float64(whole), "ratio")
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}

func took(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// bare returns a handler that only writes.
func bare(status int, header http.Header, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

func listen(b *testing.B, server *http.Server, around ...func(net.Listener) net.Listener) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	for _, f := range around {
		l = f(l)
	}
	go server.Serve(l)
	b.Cleanup(func() { server.Close() })
	return "http://" + address + "/feeds/all.atom"
}

const readBuffer = 256 << 10

// fetcher returns a function that fetches once and checks what came.
func fetcher(b *testing.B, url string, want []byte, headers []string) func() {
	// A buffer of a fixed size: what the kernel tunes differs from one connection
	// to the next by more than what is measured.
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(readBuffer)
		}
		return conn, err
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: dial}}
	b.Cleanup(client.CloseIdleConnections)
	return func() {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		n, err := io.Copy(io.Discard, res.Body)
		if err != nil || n != int64(len(want)) {
			b.Fatalf("%d bytes of %d: %v", n, len(want), err)
		}
	}
}

// typical is fifty galleries of thirty slides.
func typical() []*gallery.Gallery {
	galleries := make([]*gallery.Gallery, 50)
	for i := range galleries {
		g := &gallery.Gallery{
			ID: fmt.Sprintf("gallery-%d", i), URL: fmt.Sprintf("https://example.com/galleries/%d", i), Title: fmt.Sprintf("Gallery number %d", i),
			Body: "<p>What the pictures are about, in a sentence or two.</p>", Published: noon.Add(-time.Duration(i) * time.Hour),
		}
		for n := range 30 {
			name := strconv.Itoa(100*i + n)
			g.Slides = append(g.Slides, gallery.Slide{
				ID: name, Title: "Slide " + name, Caption: "<p>What picture " + name + " shows.</p>", Credit: "Agency One",
				Image: gallery.Image{URL: "https://img.example.com/" + name + ".jpg", Width: 1600, Height: 900, Bytes: 245113, Alt: "Boats at dusk"},
			})
		}
		galleries[i] = g
	}
	return galleries
}
