package page_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
)

// crowd is how many people ask for the same at once.
const crowd = 100

// Whatever page many people ask for together is read and rendered once, and all of
// them get it, also when the one who asked first goes away.
func TestACrowdIsServedByOneRendering(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/galleries/large", "/galleries/large.atom", "/feeds/all.rss", "/sections/travel.json", "/feeds/all+newest.atom", "/galleries", "/sections/travel"} {
		t.Run(path, func(t *testing.T) {
			var loads atomic.Int64
			release, reached := make(chan struct{}), make(chan struct{}, 10)
			n := startNode(t, func(o *catalogue.Options) {
				o.Decode = func(body []byte) (*gallery.Gallery, error) {
					loads.Add(1)
					reached <- struct{}{}
					<-release
					return decode(body)
				}
			})
			n.Publish(photo("large", func(g *gallery.Gallery) {
				g.Section = "Travel"
				for i := range 90 { // a rendering that takes long keeps the crowd for longer than it waits
					g.Slides = append(g.Slides, picture(i+3))
				}
			}))
			first, leave := context.WithCancel(t.Context())
			var asking sync.WaitGroup
			asking.Go(func() {
				n.mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(first, http.MethodGet, path, nil))
			})
			<-reached
			leave()
			var asked, served atomic.Int64
			for range crowd {
				asking.Go(func() {
					asked.Add(1)
					if res := n.get(path); res.StatusCode == http.StatusOK {
						served.Add(1)
					} else {
						t.Error(res.Status)
					}
				})
			}
			for asked.Load() < crowd {
				select {
				case <-t.Context().Done():
					t.Fatal("not all have asked")
				case <-time.After(time.Millisecond):
				}
			}
			close(release)
			asking.Wait()
			// Of a feed the edition is read too: a gallery's text, and what is shown of it.
			most := int64(1)
			if path == "/feeds/all.rss" || path == "/sections/travel.json" || path == "/feeds/all+newest.atom" {
				most = 2
			}
			if loads.Load() != most || served.Load() != crowd || n.rendered() != 1 {
				t.Errorf("read %d times, rendered %v times, %d of %d are served", loads.Load(), n.rendered(), served.Load(), crowd)
			}
		})
	}
}

// rendered is how many pages were not in memory.
func (n *node) rendered() float64 {
	n.t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "gallerywire_cache_requests_total" && m.GetLabel()[1].GetValue() == "miss" {
				return m.GetCounter().GetValue()
			}
		}
	}
	n.t.Fatal("nothing is counted")
	return 0
}

// The front page is rendered once for each change, and what may be seen on it
// follows the time.
func TestFrontIsRenderedOnceAChange(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"))
	n.Publish(photo("later", func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }))
	for range 3 {
		n.open("/")
	}
	if n.rendered() != 1 {
		t.Errorf("rendered %v times for three people", n.rendered())
	}
	n.Clock.Set(noon.Add(time.Hour))
	n.open("/").one(t, "a", "href=/news/galleries/later")
	n.TakeDown("a")
	if links := n.open("/").all("a", "href=/news/galleries/a"); len(links) != 0 {
		t.Error("a gallery that was taken down is still on the front page")
	}
}
