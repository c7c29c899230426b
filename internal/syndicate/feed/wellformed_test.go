package feed

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"golang.org/x/net/html"
)

func TestXmllintReadsTheGoldenDocuments(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("xmllint is missing: install libxml2-utils")
		}
		t.Skip("xmllint is missing: install libxml2-utils to run this test")
	}
	for name := range goldenFeeds() {
		for _, f := range []Format{RSS, Atom} {
			path := filepath.Join("testdata", name+"."+f.String())
			if out, err := exec.Command(xmllint, "--noout", "--nonet", path).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", path, err, out)
			}
		}
	}
}

func FuzzItem(f *testing.F) {
	for _, g := range []*gallery.Gallery{harbour(), rightToLeftGallery(), awkward(), article()} {
		caption, address := "", ""
		if len(g.Slides) > 0 {
			caption, address = g.Slides[0].Caption, g.Slides[0].Image.URL
		}
		f.Add(g.ID, g.GUID, g.URL, g.Title, g.Body, g.Language, caption, address)
	}
	r := testRenderer()
	f.Fuzz(func(t *testing.T, id, guid, link, title, body, lang, caption, address string) {
		g := &gallery.Gallery{
			ID: id, GUID: guid, URL: link, Title: title, Summary: caption, Body: body, Language: lang, Section: title,
			Tags: []string{lang, body}, Authors: []gallery.Author{{Name: title, Email: id, URL: address}}, Published: day(1, 0),
			Sources: []string{caption}, Copyright: title, License: link,
			Slides: []gallery.Slide{{Title: title, Caption: caption, Credit: body, Image: gallery.Image{URL: address, Type: lang, Alt: caption, Thumbnail: link}}},
		}
		g.Normalise()
		checkRenders(t, r, g)
		checkKeepsIDs(t, r, g)
	})
}

// checkRenders holds whatever is rendered of g to the rules. Only what the
// intake would refuse may be a fault.
func checkRenders(t *testing.T, r *Renderer, g *gallery.Gallery) {
	t.Helper()
	for _, render := range []func() ([]*Item, error){
		func() ([]*Item, error) { item, err := r.Item(g, testNow, Full); return []*Item{item}, err },
		func() ([]*Item, error) { item, err := r.Item(g, testNow, Summary); return []*Item{item}, err },
		func() ([]*Item, error) { return r.Slides(g, testNow, 0) },
	} {
		items, err := render()
		if err != nil {
			if g.Validate() == nil {
				t.Errorf("a gallery without problems is not rendered: %v", err)
			}
			continue
		}
		for _, f := range Formats() {
			checkValid(t, must(Assemble(f, testChannel(), items))(t))
		}
	}
}

func checkHarmless(t testing.TB, content string) {
	t.Helper()
	doc := must(html.Parse(strings.NewReader(content)))(t)
	for n := range doc.Descendants() {
		switch n.Data {
		case "script", "style", "iframe", "frame", "object", "embed", "svg", "math", "form", "link", "meta", "base":
			if n.Type == html.ElementNode {
				t.Errorf("<%s> in %q", n.Data, content)
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(a.Val, "javascript:") && a.Key != "alt" {
				t.Errorf("%s=%q in %q", a.Key, a.Val, content)
			}
		}
	}
}

// checkKeepsIDs edits everything of g that an editor may edit.
func checkKeepsIDs(t *testing.T, r *Renderer, g *gallery.Gallery) {
	t.Helper()
	edited := &gallery.Gallery{ID: g.ID, GUID: g.GUID, URL: "https://elsewhere.example.com/", Title: "new", Updated: g.Published.Add(time.Hour)}
	if r.ID(g) != r.ID(edited) || r.AtomID(g) != r.AtomID(edited) {
		t.Errorf("ids of %q change with an edit", g.ID)
	}
	if id := r.AtomID(g); !isIRI(id) {
		t.Errorf("%q is no IRI", id)
	}
}
