package page_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/page"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/google/go-cmp/cmp"
)

// preview is what the partner msn sees of a node at one of its addresses.
type preview struct {
	*node
	editions *edition.Set
	base     string
}

// msn sees galleries two hours after the public.
var msn = &gallery.Audience{Name: "msn", Delay: 2 * time.Hour}

// knowsMSN lets an index know the instants at which msn sees something else.
func knowsMSN(o *catalogue.Options) { o.Index.Partners = []*gallery.Audience{msn} }

func (n *node) previewAt(base string, audience *gallery.Audience) preview {
	return preview{n, n.editions.For(edition.PartnerFeed{
		Definition: edition.Definition{Name: "msn", Title: "Wire for MSN", Items: 30},
		Audience:   audience, Exclude: index.Match{Tags: []string{"internal"}}, Base: base,
	}), base}
}

// partnerBase is where msn is let in without more.
const partnerBase = "/partners/msn/~a-key-of-msn"

// partner lets msn in at partnerBase, without a delay.
func (n *node) partner(r partner.Request) (web.PartnerFeeds, error) {
	if "/partners/"+r.Partner+"/~"+r.PathKey != partnerBase {
		return nil, partner.ErrUnknown
	}
	p := n.previewAt(partnerBase, &gallery.Audience{Name: "msn"})
	return partnerReader{p.editions, n.pages.For("msn", p.editions)}, nil
}

// partnerReader is what a partner gets, with pages.
type partnerReader struct {
	*edition.Set
	pages *page.Pages
}

// Page implements [web.PartnerFeeds].
func (p partnerReader) Page(w http.ResponseWriter, r *http.Request, ref edition.Ref) error {
	return p.pages.Preview(w, r, ref)
}

// ask asks for the page of the feed, or of a gallery with that key.
func (p preview) ask(key string, headers ...string) (*http.Response, error) {
	ref := edition.Ref{Kind: edition.Partner, Name: "msn"}
	if key != "" {
		ref = edition.Ref{Kind: edition.Gallery, Name: key}
	}
	r := httptest.NewRequestWithContext(p.t.Context(), http.MethodGet, p.base+"/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	err := p.pages.For("msn", p.editions).Preview(w, r, ref)
	return w.Result(), err
}

// open asks for a page that must be there.
func (p preview) open(key string) dom {
	p.t.Helper()
	res, err := p.ask(key)
	if err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("%q: %s, %v", key, res.Status, err)
	}
	return parse(p.t, body(p.t, res))
}

func hidden(from ...string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) {
		g.Published = noon.Add(-3 * time.Hour)
		g.Rights.Deny = from
	}
}

func TestAPreviewShowsWhatThePartnerSees(t *testing.T) {
	t.Parallel()
	n := startNode(t, knowsMSN)
	n.Publish(photo("for-all", hidden(), func(g *gallery.Gallery) { g.Section, g.Slides[0].Rights.Deny = "Travel", []string{"msn"} }))
	n.Publish(photo("for-partners", hidden("public"), func(g *gallery.Gallery) { g.URL, g.Section, g.Tags = "", "Secret", []string{"quiet"} }))
	n.Publish(photo("not-for-msn", hidden("msn")))
	n.Publish(photo("internal", hidden(), func(g *gallery.Gallery) { g.Tags = []string{"internal"} }))
	n.Publish(photo("too-new"))
	n.open("/galleries/for-all") // what is kept for the public is not shown to others
	n.open("/")
	for _, base := range []string{"/partners/msn", "/partners/msn/~a-key"} {
		p := n.previewAt(base, msn)
		d := p.open("")
		if diff := cmp.Diff([]string{"Title of for-all", "Title of for-partners"}, slices.Sorted(slices.Values(texts(d.one(t, "ul", "class=galleries").all("h3"))))); diff != "" {
			t.Errorf("galleries (-want +got):\n%s", diff)
		}
		d.one(t, "a", "href=/news"+base+"/galleries/for-partners")
		if got := texts(d.one(t, "dl", "class=addresses").all("code")); !slices.Contains(got, baseURL+base+"/feed.rss") || len(got) != 3 {
			t.Errorf("addresses %q", got)
		}
		keyed := strings.Contains(base, "~")
		if got := d.one(t, "section", "class=subscribe").text(); strings.Contains(got, "They have your key in them") != keyed || strings.Contains(got, "password of the user msn") == keyed {
			t.Errorf("at %s it says %q", base, got)
		}
		g := p.open("for-all")
		if got := len(g.all("figure")); got != 1 || !strings.Contains(g.text(), "Caption 2") || strings.Contains(g.text(), "Caption 1") {
			t.Errorf("%d slides: %s", got, g.text())
		}
		privately(t, d, base)
		privately(t, g, base)
		privately(t, p.open("for-partners"), base)
		for _, key := range []string{"not-for-msn", "internal", "too-new", "none"} {
			if _, err := p.ask(key); !errors.Is(err, edition.ErrUnknown) {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
	n.Clock.Advance(time.Hour) // too-new is published for two hours
	if got := n.previewAt("/partners/msn", msn).open("").text(); !strings.Contains(got, "Title of too-new") {
		t.Errorf("after the delay: %s", got)
	}
	if got := len(n.open("/galleries/for-all").all("figure")); got != 2 {
		t.Errorf("the public sees %d slides", got)
	}
}

// privately checks that a page leads only to where the partner may go, and says nothing to
// those who show links to it.
func privately(t *testing.T, d dom, base string) {
	t.Helper()
	for _, href := range append(attrs(d.all("a"), "href"), attrs(d.all("link"), "href")...) {
		path, ours := strings.CutPrefix(strings.TrimPrefix(href, strings.TrimSuffix(baseURL, "/news")), "/news")
		if ours && !strings.HasPrefix(path, base+"/") && path != "/style.css" && path != "/icon.png" {
			t.Errorf("at %s a link leads to %s", base, href)
		}
	}
	for _, tag := range []string{"meta", "script", "link"} {
		for _, e := range d.all(tag) {
			if e.carries("property") || e.attr("type") == "application/ld+json" || e.attr("rel") == "canonical" {
				t.Errorf("at %s there is a %s %v", base, tag, e.Attr)
			}
		}
	}
}

func TestAPreviewIsKeptByItsReaderOnly(t *testing.T) {
	t.Parallel()
	n := startNode(t, knowsMSN)
	n.Publish(photo("one", hidden()))
	p := n.previewAt("/partners/msn", msn)
	for _, key := range []string{"", "one"} {
		res, err := p.ask(key)
		if caching := res.Header.Get("Cache-Control"); err != nil || caching != "private, no-cache" {
			t.Errorf("%q: %v, Cache-Control %q", key, err, caching)
		}
		again, err := p.ask(key, "If-None-Match", res.Header.Get("Etag"))
		if err != nil || again.StatusCode != http.StatusNotModified {
			t.Errorf("%q again: %s, %v", key, again.Status, err)
		}
	}
	n.TakeDown("one")
	if d := p.open(""); strings.Contains(d.text(), "Title of one") {
		t.Error("after the take-down it is shown")
	}
	if _, err := p.ask("one"); !errors.Is(err, edition.ErrUnknown) {
		t.Errorf("after the take-down: %v", err)
	}
}
