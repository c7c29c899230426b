package partner_test

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/prometheus/client_golang/prometheus"
)

// world is an Access with the directory of its keys.
type world struct {
	*partner.Access
	t       testing.TB
	dir     string
	log     *logged
	metrics *prometheus.Registry
}

// logged is what was logged since it was last taken.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// take returns the lines.
func (l *logged) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return strings.Split(l.text.String(), "\n")[:strings.Count(l.text.String(), "\n")]
}

// secret is the key in the file of that name.
func secret(name string) string { return "the-secret-key-of-" + name + "-0123456789" }

// newWorld writes a file for each key whose File is empty, named as the key.
func newWorld(t testing.TB, partners ...partner.Partner) *world {
	w := &world{t: t, dir: t.TempDir(), log: new(logged), metrics: prometheus.NewRegistry()}
	for i, p := range partners {
		for j, k := range p.Keys {
			if k.File == "" {
				w.write(k.Name, secret(k.Name)+"\n")
			}
			partners[i].Keys[j].File = filepath.Join(w.dir, k.Name)
		}
	}
	w.Access = partner.New(partner.Options{
		Partners: partners, Network: func(client netip.Addr) string { return client.String() },
		Registerer: w.metrics, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	return w
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
		w.t.Fatal(err)
	}
}

// bearer is a request with a key as Bearer token.
func bearer(name, key string) partner.Request {
	return partner.Request{Partner: name, Bearer: key, Client: netip.MustParseAddr("203.0.113.7")}
}

func basic(name, user, key string) partner.Request {
	r := bearer(name, "")
	r.Basic, r.User, r.Password = true, user, key
	return r
}

func inPath(name, key string) partner.Request {
	r := bearer(name, "")
	r.PathKey = key
	return r
}

func from(client string, r partner.Request) partner.Request {
	r.Client = netip.Addr{}
	if client != "" {
		r.Client = netip.MustParseAddr(client)
	}
	return r
}

// series returns the values of a metric by the values of its labels.
func (w *world) series(metric string) map[string]float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		if f.GetName() != metric {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			all[strings.Join(labels, " ")] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}

// count is the number of requests with that result.
func (w *world) count(name, result string) int {
	w.t.Helper()
	n, found := w.series("gallerywire_partner_requests_total")[name+" "+result]
	if !found {
		w.t.Fatalf("there is no series of %s and %s", name, result)
	}
	return int(n)
}
