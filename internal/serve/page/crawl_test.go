package page_test

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

// here makes a gallery one that has no page at its publisher's.
func here(g *gallery.Gallery) { g.URL = "" }

// sitemap reads an index of sitemaps or a sitemap, as addresses with their dates, and
// holds it to the rules.
func (n *node) sitemap(path string) []string {
	n.t.Helper()
	res := n.get(path)
	text := body(n.t, res)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/xml; charset=utf-8" {
		n.t.Fatalf("%s: %s, %s", path, res.Status, res.Header.Get("Content-Type"))
	}
	var doc struct {
		Sitemaps []struct {
			Loc     string `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 loc"`
			LastMod string `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 lastmod"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		n.t.Fatal(err)
	}
	if len(doc.Sitemaps) > 50_000 || len(text) > 50<<20 {
		n.t.Errorf("%s: %d addresses in %d bytes", path, len(doc.Sitemaps), len(text))
	}
	validSitemap(n.t, text)
	var all []string
	for _, s := range doc.Sitemaps {
		all = append(all, strings.TrimSpace(strings.TrimPrefix(s.Loc, baseURL)+" "+s.LastMod))
	}
	return all
}

// validSitemap holds a document to the rules of the protocol by a program that nobody
// here wrote.
func validSitemap(t testing.TB, text string) {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("xmllint is missing")
		}
		t.Log("not held to xmllint, which is not installed")
		return
	}
	check := exec.Command(path, "--noout", "--relaxng", "testdata/sitemap.rng", "-")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
}

func TestSitemapNamesWhatIsAtHomeHere(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	old := func(g *gallery.Gallery) { g.URL, g.Published = "", noon.Add(-2*time.Hour) }
	n.Publish(photo("new", here, func(g *gallery.Gallery) { g.Slides[0].Rights.Until = noon.Add(30 * time.Minute) }))
	n.Publish(photo("old", old, func(g *gallery.Gallery) { g.Updated = noon.Add(-30 * time.Minute) }))
	n.Publish(photo("no plain id", old))
	n.Publish(photo("away"))
	n.Publish(photo("embargoed", here, func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }))
	n.Publish(photo("withheld", here, func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }))
	n.Publish(photo("over", old, func(g *gallery.Gallery) { g.Expires = noon.Add(-time.Hour) }))
	n.Publish(photo("gone", here))
	n.TakeDown("gone")

	odd := "/galleries/" + gallery.Key("no plain id")
	if diff := cmp.Diff([]string{"/sitemap.xml?page=1 2026-11-23T11:30:00Z"}, n.sitemap("/sitemap.xml")); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
	want := []string{"/", odd + " 2026-11-23T10:00:00Z", "/galleries/old 2026-11-23T11:30:00Z", "/galleries/new 2026-11-23T11:00:00Z"}
	if diff := cmp.Diff(want, n.sitemap("/sitemap.xml?page=1")); diff != "" {
		t.Errorf("sitemap (-want +got):\n%s", diff)
	}
	n.Clock.Set(noon.Add(time.Hour))
	want = append(want[:3], "/galleries/new 2026-11-23T12:30:00Z", "/galleries/embargoed 2026-11-23T13:00:00Z")
	if diff := cmp.Diff(want, n.sitemap("/sitemap.xml?page=1")); diff != "" {
		t.Errorf("an hour later (-want +got):\n%s", diff)
	}
	for _, page := range []string{"0", "2", "-1", "01x", "", "999999999999999999999", "1e9"} {
		if res := n.get("/sitemap.xml?page=" + page); res.StatusCode != http.StatusNotFound {
			t.Errorf("page %q: %s", page, res.Status)
		}
	}
}

func TestSitemapOfNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("away"))
	if got := n.sitemap("/sitemap.xml"); !cmp.Equal(got, []string{"/sitemap.xml?page=1"}) {
		t.Errorf("index %q", got)
	}
	if got := n.sitemap("/sitemap.xml?page=1"); !cmp.Equal(got, []string{"/"}) {
		t.Errorf("sitemap %q", got)
	}
	unavailable(t, newNode(t), "/sitemap.xml")
}

func TestSitemapsHaveTenThousandEach(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.putAtOnce(10_050)
	if got := n.sitemap("/sitemap.xml"); len(got) != 2 || !strings.HasPrefix(got[1], "/sitemap.xml?page=2 ") {
		t.Fatalf("index %q", got)
	}
	first, second := n.sitemap("/sitemap.xml?page=1"), n.sitemap("/sitemap.xml?page=2")
	seen := map[string]bool{}
	for _, address := range append(first[1:], second...) {
		seen[address] = true
	}
	if len(first) != 10_001 || len(second) != 50 || len(seen) != 10_050 {
		t.Errorf("%d and %d addresses, %d of galleries", len(first), len(second), len(seen))
	}
	tag := n.get("/sitemap.xml?page=1").Header.Get("Etag")
	n.Publish(photo("newest", here, func(g *gallery.Gallery) { g.Published = noon }))
	if res := n.get("/sitemap.xml?page=1", "If-None-Match", tag); res.StatusCode != http.StatusNotModified {
		t.Errorf("a full sitemap changes with what is published: %s", res.Status)
	}
}

func TestRobotsFindTheSitemap(t *testing.T) {
	t.Parallel()
	res := startNode(t).get("/robots.txt")
	if got, want := body(t, res), "User-agent: *\nDisallow:\n\nSitemap: "+baseURL+"/sitemap.xml\n"; got != want || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%s: %q", res.Header.Get("Content-Type"), got)
	}
}

func TestFaviconIsAnIcon(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	res := n.get("/favicon.ico")
	text := []byte(body(t, res))
	if got := res.Header.Get("Content-Type"); got != "image/vnd.microsoft.icon" {
		t.Errorf("of type %s", got)
	}
	length, offset := binary.LittleEndian.Uint32(text[14:]), binary.LittleEndian.Uint32(text[18:])
	if !bytes.HasPrefix(text, []byte{0, 0, 1, 0, 1, 0, 144, 144}) || int(offset+length) != len(text) {
		t.Fatalf("%d bytes that begin % x", len(text), text[:22])
	}
	picture, err := png.Decode(bytes.NewReader(text[offset:]))
	if err != nil || picture.Bounds().Dx() != 144 || string(text[offset:]) != body(t, n.get("/icon.png")) {
		t.Errorf("a picture %v: %v", picture, err)
	}
}

// putAtOnce stores as many small galleries that are at home here, a minute apart: g0
// is the oldest.
func (n *node) putAtOnce(count int) {
	n.t.Helper()
	next := make(chan int)
	go func() {
		defer close(next)
		for i := range count {
			next <- i
		}
	}()
	done := make(chan error)
	const writers = 32
	for range writers {
		go func() {
			var err error
			for i := range next {
				g := photo(fmt.Sprint("g", i), here, func(g *gallery.Gallery) {
					g.Published, g.Slides = noon.Add(time.Duration(i-count)*time.Minute), g.Slides[:1]
				})
				if _, failed := n.Put(n.t.Context(), storetest.Publication(n.t, g)); failed != nil {
					err = failed
				}
			}
			done <- err
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			n.t.Fatal(err)
		}
	}
	n.Settle()
}
