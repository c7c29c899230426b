package feed

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"golang.org/x/net/html"
)

func checkWellFormed(t *testing.T, doc *Document) {
	t.Helper()
	if gallery.Text(string(doc.Body)) != string(doc.Body) {
		t.Errorf("%s holds characters that XML forbids", doc.Format)
	}
	if doc.Format == JSON {
		checkJSON(t, doc.Body)
		return
	}
	for d := xml.NewDecoder(bytes.NewReader(doc.Body)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s is not well-formed: %v\n%s", doc.Format, err, doc.Body)
		}
	}
}

func checkJSON(t *testing.T, body []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("json is not well-formed: %v\n%s", err, body)
	}
	if _, ok := v.(map[string]any)["items"].([]any); !ok {
		t.Error("json has no list of items")
	}
	checkFilled(t, "", v)
}

// checkFilled looks for nulls and empty texts, which JSON Feed has no use for.
func checkFilled(t *testing.T, place string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		t.Errorf("json %s is null", place)
	case string:
		if v == "" {
			t.Errorf("json %s is empty", place)
		}
	case []any:
		for _, e := range v {
			checkFilled(t, place+"[]", e)
		}
	case map[string]any:
		for k, e := range v {
			checkFilled(t, place+"."+k, e)
		}
	}
}

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
		item := must(r.Item(g, testNow, Full))(t)
		for _, f := range Formats() {
			if gallery.Line(title) != "" {
				checkWellFormed(t, must(Assemble(f, testChannel(), []*Item{item}))(t))
			}
		}
		checkHarmless(t, must(r.story(g, testNow, Full))(t).content)
		checkKeepsIDs(t, r, g)
	})
}

func checkHarmless(t *testing.T, content string) {
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
	if r.ID(g) != r.ID(edited) || r.atomID(g) != r.atomID(edited) {
		t.Errorf("ids of %q change with an edit", g.ID)
	}
	if id := r.atomID(g); !isIRI(id) {
		t.Errorf("%q is no IRI", id)
	}
}
