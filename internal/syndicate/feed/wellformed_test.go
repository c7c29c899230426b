package feed

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/mmcdole/gofeed"
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

// hostileTexts are what renderers of XML, JSON and HTML are known to stumble over.
func hostileTexts() []string {
	return []string{
		"", " \n\t", "]]>", "x]]>y]]", "<![CDATA[x", "<!-- -- -->", "<?xml version=\"1.0\"?>", "<!DOCTYPE a [<!ENTITY b \"c\">]>&b;", "</item></entry></feed>",
		"\x00\x01\x0b\x1f\x7f", "\u0080\u0085\u009f", "\ufffe\uffff\U0001fffe", "\xed\xa0\x80\xff\xc0\x80", "\ufeff\u2028\u2029\u202e", "&#0;&#11;&#xFFFE;&#x1F600;", "&nbsp;&lt;b&gt;&amp;amp;&bogus;",
		"\"'<>&", "\\\"},null,{\"id\":\"x", "<script>alert(1)</script><b onclick=x style=y>", "<svg><style></svg><math><p><table><td><a href=javascript:x>", "<figure></div></figcaption><img src=//b.example/c.png onerror=x>",
		"javascript:alert(1)", "//host.example/a b?c=d&e=<f>#g", "https://bücher.example/ä?ö=%zz#ü", "https://user@host.example:99999/", "HTTP:\\\\a.example\\b", "http://[::1]/x", "mailto:a@b.example", "tag:a,2026:b",
		"a@example.com", "أضواء الميناء", "x-private-language", strings.Repeat("long ", 100), strings.Repeat("<div>", 40),
	}
}

// FuzzDocuments renders galleries of any text in every way there is: whole and in
// summary, slide by slide, withdrawn, in archives, with some items only.
func FuzzDocuments(f *testing.F) {
	for _, g := range []*gallery.Gallery{harbour(), rightToLeftGallery(), awkward(), article()} {
		caption, address := "", ""
		if len(g.Slides) > 0 {
			caption, address = g.Slides[0].Caption, g.Slides[0].Image.URL
		}
		f.Add(g.ID, g.GUID, g.URL, g.Title, g.Body, g.Language, caption, address, int64(7))
	}
	texts := hostileTexts()
	for i := range texts {
		// One of them in one field, and each of them in each field.
		one := []string{"id", "guid", "https://news.example.com/a", "title", "<p>body</p>", "en", "caption", "https://img.example.com/1.jpg"}
		one[i%len(one)] = texts[i]
		for _, s := range [][]string{one, append(slices.Clone(texts[i:]), texts...)} {
			f.Add(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], int64(i)<<40)
		}
	}
	r := testRenderer()
	f.Fuzz(func(t *testing.T, id, guid, link, title, body, lang, caption, address string, n int64) {
		one := &gallery.Gallery{
			ID: id, GUID: guid, URL: link, Title: title, Summary: caption, Body: body, Language: lang, Section: title,
			Tags: []string{lang, body}, Authors: []gallery.Author{{Name: title, Email: id, URL: address}}, Published: day(1, 0).Add(time.Duration(n % 1e15)),
			Sources: []string{caption}, Copyright: title, License: link,
			Slides: []gallery.Slide{
				{ID: lang, Title: title, Caption: caption, Credit: body, Image: gallery.Image{URL: address, Type: lang, Alt: caption, Thumbnail: link, Width: int(n), Height: int(n >> 8), Bytes: n}},
				{Title: caption, Caption: body, Credit: title, Image: gallery.Image{URL: "https://img.example.com/2.jpg", Alt: guid}},
				{ID: guid, Caption: title, Rights: gallery.Rights{Until: day(2, 0)}, Image: gallery.Image{URL: "https://img.example.com/ended.jpg"}},
				{ID: guid, Image: gallery.Image{URL: "relative/" + address, Type: "image/png"}},
			},
		}
		two := &gallery.Gallery{
			ID: guid, GUID: id, Title: body, Summary: title, Body: caption, Language: title, Section: lang, Authors: []gallery.Author{{URL: link}, {Email: address}},
			Published: day(1, 0), Copyright: caption, License: lang, Slides: []gallery.Slide{{Caption: address, Image: gallery.Image{URL: address}}},
		}
		ch := testChannel()
		ch.Title, ch.Description, ch.Copyright, ch.Language, ch.Icon = "x"+title, body, caption, lang, address
		ch.Author = gallery.Author{Name: title, Email: id, URL: link}
		ch.Image = gallery.Image{URL: address, Thumbnail: link, Width: int(n), Height: int(n >> 8)}
		one.Normalise()
		two.Normalise()
		checkRenders(t, r, ch, one, two)
		checkKeepsIDs(t, r, one)
	})
}

// checkRenders holds whatever is rendered of the galleries to the rules.
func checkRenders(t *testing.T, r *Renderer, ch Channel, galleries ...*gallery.Gallery) {
	t.Helper()
	valid := !slices.ContainsFunc(galleries, func(g *gallery.Gallery) bool { return g.Validate() != nil })
	var full, summaries, stubs []*Item
	add := func(list []*Item, item *Item, err error) []*Item {
		if err == nil {
			return append(list, item)
		}
		if valid {
			t.Errorf("a gallery without problems is not rendered: %v", err)
		}
		return list
	}
	for _, g := range galleries {
		item, err := r.Item(g, testNow, Full)
		full = add(full, item, err)
		item, err = r.Item(g, testNow, Summary)
		summaries = add(summaries, item, err)
		item, err = r.Stub(g, testNow)
		stubs = add(stubs, item, err)
		ch.Tombstones = append(ch.Tombstones, Tombstone{ID: r.ID(g) + "-", AtomID: r.AtomID(g) + "-", When: g.Published, Reason: g.Body})
	}
	archive := ch
	asArchive(&archive)
	for _, list := range [][]*Item{full, summaries, stubs} {
		checkDocuments(t, ch, list, valid)
		checkDocuments(t, archive, list[:min(1, len(list))], valid)
	}
	for _, g := range galleries {
		for _, stubs := range []time.Duration{0, time.Hour << 20} {
			items, err := r.Slides(g, testNow, stubs)
			if err != nil && valid {
				t.Errorf("a gallery without problems has no slides: %v", err)
			}
			slides := ch
			slides.ID, slides.Tombstones = r.GalleryFeedID(g), r.SlideTombstones(g, testNow, time.Hour)
			checkDocuments(t, slides, items, valid)
		}
	}
	if valid && len(full) == len(galleries) {
		for i, g := range galleries {
			checkEveryPicture(t, ch, g, full[i])
		}
	}
}

// checkDocuments puts the items together in every format. What the intake refuses
// is well-formed too, but it may lack what a format requires.
func checkDocuments(t *testing.T, ch Channel, items []*Item, valid bool) {
	t.Helper()
	for _, problem := range slices.Backward(Check(items, 0)) {
		items = slices.Delete(slices.Clone(items), problem.Item, problem.Item+1)
	}
	for _, f := range Formats() {
		doc := must(Assemble(f, ch, items))(t)
		checkWellFormed(t, doc)
		if valid {
			checkValid(t, doc)
		}
		if read := must(gofeed.NewParser().ParseString(string(doc.Bytes())))(t); len(read.Items) != len(items) {
			t.Errorf("%s: gofeed reads %d items, want %d", f, len(read.Items), len(items))
		}
	}
}

// checkWellFormed reads doc with encoding/xml or with two readers of JSON.
func checkWellFormed(t *testing.T, doc *Document) {
	t.Helper()
	body := doc.Bytes()
	if doc.Format != JSON {
		parseXML(t, body)
		return
	}
	if !jsontext.Value(body).IsValid() { // which refuses a name that comes twice, and what is not UTF-8
		t.Errorf("not well-formed: %s", body)
	}
	var v any
	must(0, json.Unmarshal(body, &v))(t)
	checkPermitted(t, v)
}

// checkPermitted looks for characters that XML forbids, also where JSON escapes them.
func checkPermitted(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case string:
		if strings.ContainsFunc(v, func(r rune) bool {
			return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
		}) || !utf8.ValidString(v) {
			t.Errorf("%q holds characters that XML forbids", v)
		}
	case []any:
		for _, e := range v {
			checkPermitted(t, e)
		}
	case map[string]any:
		for name, e := range v {
			checkPermitted(t, name)
			checkPermitted(t, e)
		}
	}
}

// checkEveryPicture looks for each picture that may be shown: among what is
// attached, and in this order among the pictures of the content.
func checkEveryPicture(t *testing.T, ch Channel, g *gallery.Gallery, item *Item) {
	t.Helper()
	var want []string
	for _, s := range g.View(new(gallery.Audience), testNow).Slides {
		if address := gallery.WebAddress(s.Image.URL, gallery.Base(g.URL)); address != "" {
			want = append(want, address)
		}
	}
	for _, f := range Formats() {
		doc := must(Assemble(f, ch, []*Item{item}))(t)
		read := only(t, must(gofeed.NewParser().ParseString(string(doc.Bytes())))(t).Items)
		if got := attachedPictures(f, read); !slices.Equal(got, want) {
			t.Errorf("%s: attached are %q, want %q", f, got, want)
		}
		rest := want
		for n := range must(html.Parse(strings.NewReader(read.Content)))(t).Descendants() {
			if len(rest) > 0 && n.Data == "img" && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "src" && a.Val == rest[0] }) {
				rest = rest[1:]
			}
		}
		if len(rest) > 0 {
			t.Errorf("%s: not in the content: %q\n%s", f, rest, read.Content)
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
