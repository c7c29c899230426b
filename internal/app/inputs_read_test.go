package app

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"html"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/mmcdole/gofeed"
	dom "golang.org/x/net/html"
)

// read is what gofeed, and parsers of JSON and HTML, see in a document.
func read(t *testing.T, f feed.Format, document []byte) map[string]any {
	parsed, err := gofeed.NewParser().Parse(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]any{"items": len(parsed.Items), "document": string(document)}
	if len(parsed.Items) == 0 {
		return v
	}
	item := parsed.Items[0]
	var authors, emails []string
	for _, a := range item.Authors {
		authors, emails = append(authors, a.Name), append(emails, a.Email)
	}
	maps.Copy(v, map[string]any{
		"title": item.Title, "summary": item.Description, "link": item.Link, "id": item.GUID, "tags": orNone(item.Categories),
		"authors": orNone(authors), "html": item.Content, "published": item.PublishedParsed.UTC().Format(time.RFC3339),
	})
	for name, value := range contentOf(t, item.Content) {
		v[name] = value
	}
	if f == feed.RSS {
		v["title"], v["summary"] = html.UnescapeString(item.Title), html.UnescapeString(item.Description) // readers take both for HTML
		mediaOf(item, v)
		return v
	}
	v["updated"] = item.UpdatedParsed.UTC().Format(time.RFC3339)
	var slides, types []string
	for _, e := range item.Enclosures {
		slides, types = append(slides, e.URL), append(types, e.Type)
	}
	v["slides"], v["types"] = orNone(slides), orNone(types)
	if f == feed.Atom {
		v["emails"] = orNone(emails)
		return v
	}
	dataOf(t, document, v)
	return v
}

func orNone(list []string) []string { return append([]string{}, list...) }

// mediaOf adds what Media RSS says.
func mediaOf(item *gofeed.Item, v map[string]any) {
	lists := map[string][]string{"slides": {}, "types": {}, "captions": {}, "slide titles": {}, "credits": {}, "alts": {}, "thumbnails": {}}
	for _, m := range item.Extensions["media"]["content"] {
		lists["slides"], lists["types"] = append(lists["slides"], m.Attrs["url"]), append(lists["types"], m.Attrs["type"])
		for name, child := range map[string]string{"captions": "description", "slide titles": "title", "credits": "credit", "alts": "text", "thumbnails": "thumbnail"} {
			for _, c := range m.Children[child] {
				lists[name] = append(lists[name], cmp.Or(c.Value, c.Attrs["url"]))
			}
		}
	}
	for name, list := range lists {
		v[name] = list
	}
	v["language"] = ""
	if item.DublinCoreExt != nil {
		v["language"] = strings.Join(item.DublinCoreExt.Language, " ")
	}
}

// dataOf adds what JSON Feed says beyond what gofeed tells.
func dataOf(t *testing.T, document []byte, v map[string]any) {
	type slide struct {
		Title, Credit string
		Caption       string `json:"caption_html"`
		Image         struct{ Alt, Thumbnail string }
	}
	var parsed struct {
		Items []struct {
			Language string
			Authors  []struct{ URL string }
			Data     struct {
				Section, Direction, License string
				Slides                      []slide
			} `json:"_gallerywire"`
		}
	}
	if err := json.Unmarshal(document, &parsed); err != nil {
		t.Fatal(err)
	}
	item := parsed.Items[0]
	lists := map[string][]string{}
	add := func(name, value string) {
		if value != "" {
			lists[name] = append(lists[name], value)
		}
	}
	for _, s := range item.Data.Slides {
		add("captions", contentOf(t, s.Caption)["text"].(string))
		add("slide titles", s.Title)
		add("credits", s.Credit)
		add("alts", s.Image.Alt)
		add("thumbnails", s.Image.Thumbnail)
	}
	add("licenses", item.Data.License)
	for _, a := range item.Authors {
		add("author urls", a.URL)
	}
	for _, name := range []string{"captions", "slide titles", "credits", "alts", "thumbnails", "licenses", "author urls"} {
		v[name] = orNone(lists[name])
	}
	v["language"], v["section"], v["direction"] = item.Language, item.Data.Section, item.Data.Direction
}

// blocks stand apart from the text around them (HTML, section 15.3).
var blocks = strings.Fields(`address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure
	footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li main menu nav ol optgroup option p pre search section summary
	table tbody td tfoot th thead tr ul br`)

// contentOf is what a parser of HTML sees in content.
func contentOf(t *testing.T, content string) map[string]any {
	root, err := dom.Parse(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	links, images, alts := []string{}, []string{}, []string{}
	var walk func(n *dom.Node)
	walk = func(n *dom.Node) {
		attr := func(key string) string {
			i := slices.IndexFunc(n.Attr, func(a dom.Attribute) bool { return a.Key == key })
			if i < 0 {
				return "none"
			}
			return n.Attr[i].Val
		}
		apart := slices.Contains(blocks, n.Data)
		switch {
		case n.Type == dom.TextNode:
			text.WriteString(n.Data)
		case apart:
			text.WriteByte(' ')
		case n.Data == "a":
			links = append(links, attr("href"))
		case n.Data == "img":
			images, alts = append(images, attr("src")), append(alts, attr("alt"))
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		if apart {
			text.WriteByte(' ')
		}
	}
	walk(root)
	return map[string]any{"text": strings.Join(strings.Fields(text.String()), " "), "links": links, "images": images, "image alts": alts}
}

// address is an absolute address as of RFC 3986, in ASCII; those of mail have no
// host.
var address = regexp.MustCompile(strings.ReplaceAll(
	`^(https?://(\[[0-9A-Fa-f:.]+\]|CHAR+)(:[0-9]+)?(/(CHAR|[:@])*)*|mailto:(CHAR|[:@/])*)(\?(CHAR|[:@/?])*)?(#(CHAR|[:@/?])*)?$`,
	"CHAR", `([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})`))

// checkAddresses holds every address among the values to RFC 3986.
func checkAddresses(t *testing.T, reader string, values map[string]any) {
	list := []string{}
	for _, name := range []string{"links", "images", "slides", "thumbnails", "author urls", "licenses"} {
		if addresses, ok := values[name].([]string); ok {
			list = append(list, addresses...)
		}
	}
	for _, s := range list {
		if !address.MatchString(s) {
			t.Errorf("%q by %s is no address of RFC 3986", s, reader)
		}
	}
}

// keep puts a document aside for programs that read all of them together.
func (b *bench) keep(t *testing.T, f feed.Format, document []byte, expect map[string]any) {
	file, err := os.CreateTemp(b.folder, "*."+f.String())
	if err == nil {
		_, err = file.Write(document)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	b.kept = append(b.kept, kept{file.Name(), t.Name(), expect})
}

// feedparser lets Python's feedparser read the documents that were kept.
func (b *bench) feedparser(t *testing.T) {
	out := b.run(t, "python3-feedparser", "/usr/bin/python3", "testdata/read_feeds.py")
	var seen map[string]map[string]any
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatal(err)
	}
	for _, k := range b.kept {
		values := seen[k.file]
		reader := k.test + ": feedparser of " + filepath.Ext(k.file)
		if values["fault"] != "" {
			t.Errorf("%s: %v", reader, values["fault"])
		}
		check(t, reader, values, k.expect)
	}
}

// xmllint holds the documents that were kept to a parser of XML.
func (b *bench) xmllint(t *testing.T) { b.run(t, "libxml2-utils", "xmllint", "--noout", "--nonet") }

// run runs a program of a Debian package over the documents that were kept.
func (b *bench) run(t *testing.T, debian, name string, args ...string) []byte {
	if len(b.kept) == 0 {
		return []byte("{}")
	}
	for _, k := range b.kept {
		args = append(args, k.file)
	}
	var problems bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err == nil {
		return out
	}
	if os.Getenv("CI") == "" && (errors.Is(err, exec.ErrNotFound) || strings.Contains(problems.String(), "No module named")) {
		t.Skip("install " + debian + " to run this test")
	}
	t.Fatalf("%s: %v\n%s", name, err, problems.Bytes())
	return nil
}
