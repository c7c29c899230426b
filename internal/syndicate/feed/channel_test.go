package feed

import (
	"bytes"
	"encoding/json"
	"html"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
)

func TestChannelImageOfRSSIsSmallAndItsSizeTrue(t *testing.T) {
	const picture, small = "https://example.com/a.png", "https://example.com/small.png"
	tests := []struct {
		name          string
		image         gallery.Image
		url           string // empty: no image
		width, height int
	}{
		{"too wide", gallery.Image{URL: picture, Width: 1600, Height: 300}, "", 0, 0},
		{"too high", gallery.Image{URL: picture, Width: 100, Height: 401}, "", 0, 0},
		{"too large, with a thumbnail", gallery.Image{URL: picture, Width: 1600, Height: 900, Thumbnail: small}, small, 0, 0},
		{"as large as may be", gallery.Image{URL: picture, Width: 144, Height: 400, Thumbnail: small}, picture, 144, 400},
		{"small", gallery.Image{URL: picture, Width: 88, Height: 31}, picture, 88, 31},
		{"of unknown size", gallery.Image{URL: picture, Width: 100}, "", 0, 0},
		{"of unknown size, with a thumbnail", gallery.Image{URL: picture, Thumbnail: small}, small, 0, 0},
		{"relative", gallery.Image{URL: "/a.png", Width: 88, Height: 31}, "", 0, 0},
		{"a relative thumbnail", gallery.Image{URL: picture, Thumbnail: "/small.png"}, "", 0, 0},
		{"none", gallery.Image{}, "", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ch := testChannel()
			ch.Image = tt.image
			doc := must(Assemble(RSS, ch, nil))(t)
			checkValid(t, doc)
			images := parseXML(t, doc.Bytes()).children[0].all("image")
			if tt.url == "" && len(images) == 0 {
				return
			}
			image := only(t, images)
			if got := image.textOf("url"); got != tt.url {
				t.Errorf("%q, want %q", got, tt.url)
			}
			if w, h := number(image.textOf("width")), number(image.textOf("height")); w != tt.width || h != tt.height {
				t.Errorf("%d × %d, want %d × %d", w, h, tt.width, tt.height)
			}
		})
	}
}

// Some readers take what RSS holds for text, others for HTML. Both are to show the
// same, and where they cannot, no reader may see a tag.
func TestTextsOfRSSReadTheSameAsTextAndAsHTML(t *testing.T) {
	for text, want := range map[string]struct{ channel, item string }{
		"fast & Jerry's":            {"fast & Jerry's", "fast & Jerry's"},
		`"quoted" it's 1 < 2 > 1`:   {`"quoted" it's 1 < 2 > 1`, `"quoted" it's 1 < 2 > 1`},
		"R&D, Q&A; AT&T":            {"R&D, Q&A; AT&T", "R&D, Q&A; AT&T"},
		"5 > 4 && 3 < 4":            {"5 > 4 && 3 < 4", "5 > 4 && 3 < 4"},
		"how to write &amp;":        {"how to write &amp;", "how to write &amp;amp;"},
		"x&lty":                     {"x&lty", "x&amp;lty"},
		"a <b>bold</b> claim":       {"a &lt;b&gt;bold&lt;/b&gt; claim", "a &lt;b&gt;bold&lt;/b&gt; claim"},
		"<script>alert(1)</script>": {"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"},
	} {
		g := article()
		g.Title, g.Summary, g.Copyright = text, text, text
		g.Slides = []gallery.Slide{{Title: text, Caption: html.EscapeString(text), Credit: text, Image: gallery.Image{URL: "https://img.example.com/1.jpg", Alt: text}}}
		ch := testChannel()
		ch.Title, ch.Description, ch.Copyright = text, text, text
		doc := must(Assemble(RSS, ch, []*Item{must(testRenderer().Item(g, testNow, Full))(t)}))(t)
		checkValid(t, doc)
		got := must(gofeed.NewParser().ParseString(string(doc.Bytes())))(t)
		item := only(t, got.Items)
		media := only(t, item.Extensions["media"]["content"])
		channel := parseXML(t, doc.Bytes()).children[0]
		for what, c := range map[string]struct{ got, want string }{
			"title":                   {got.Title, want.channel},
			"description":             {got.Description, want.channel},
			"description as XML":      {channel.textOf("description"), want.channel},
			"copyright":               {got.Copyright, text},
			"title of the item":       {item.Title, want.channel},
			"description of the item": {item.Description, want.item},
			"media:copyright":         {only(t, item.Extensions["media"]["copyright"]).Value, text},
			"media:title":             {only(t, media.Children["title"]).Value, text},
			"media:description":       {only(t, media.Children["description"]).Value, text},
			"media:credit":            {only(t, media.Children["credit"]).Value, text},
			"media:text":              {only(t, media.Children["text"]).Value, text},
		} {
			if c.got != c.want {
				t.Errorf("%s of %q: %q, want %q", what, text, c.got, c.want)
			}
		}
	}
}

// relations returns the feed links of a document by relation.
func relations(t *testing.T, doc *Document) map[string]string {
	t.Helper()
	got := map[string]string{}
	if doc.Format == JSON {
		var feed struct {
			Self string `json:"feed_url"`
			Prev string `json:"next_url"`
		}
		must(0, json.Unmarshal(doc.Bytes(), &feed))(t)
		return map[string]string{"self": feed.Self, "prev-archive": feed.Prev}
	}
	root := parseXML(t, doc.Bytes())
	if doc.Format == RSS {
		root = root.children[0]
	}
	for _, l := range root.all("atom:link") {
		got[l.attrs["rel"]] = l.attrs["href"]
	}
	if root.place("fh:archive") >= 0 {
		got["archive"] = "yes"
	}
	return got
}

func TestArchiveLeadsToItsNeighbours(t *testing.T) {
	for _, f := range Formats() {
		at := func(path string) string { return addresses(path)[f] }
		want := map[string]string{
			"self": at("all/archive/b"), "current": at("all"), "prev-archive": at("all/archive/a"), "next-archive": at("all/archive/c"), "archive": "yes",
		}
		switch f {
		case Atom:
			want["alternate"] = "https://feeds.example.com/"
		case JSON:
			want = map[string]string{"self": at("all/archive/b"), "prev-archive": at("all/archive/a")}
		}
		if diff := cmp.Diff(want, relations(t, goldenFeeds()["archive"].render(t, f))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", f, diff)
		}
	}
}

// hubs returns the hubs that a document names, in their order.
func hubs(t *testing.T, doc *Document) (list []string) {
	t.Helper()
	if doc.Format == JSON {
		var feed struct {
			Hubs []struct{ Type, URL string } `json:"hubs"`
		}
		must(0, json.Unmarshal(doc.Bytes(), &feed))(t)
		for _, h := range feed.Hubs {
			list = append(list, h.URL)
		}
		return list
	}
	root := parseXML(t, doc.Bytes())
	if doc.Format == RSS {
		root = root.children[0]
	}
	for _, l := range root.all("atom:link") {
		if l.attrs["rel"] == "hub" {
			list = append(list, l.attrs["href"])
		}
	}
	return list
}

func TestADocumentNamesItsHubsInTheirOrder(t *testing.T) {
	for _, want := range [][]string{nil, {"https://feeds.example.com/hub"}, {"https://b.example.org/", "https://a.example.org/?x=1&y=2", "https://feeds.example.com/hub"}} {
		ch := testChannel()
		ch.Hubs = want
		for _, f := range Formats() {
			doc := must(Assemble(f, ch, nil))(t)
			checkValid(t, doc)
			if diff := cmp.Diff(want, hubs(t, doc)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", f, diff)
			}
		}
	}
}

func TestTheLinkHeaderOfADocument(t *testing.T) {
	const one, two = "https://feeds.example.com/hub", "https://hub.example.org/?a=1&b=2"
	for _, tt := range []struct {
		name string
		hubs []string
		self string // without the format
		want string
	}{
		{"no hub", nil, "all", `<https://feeds.example.com/feeds/all.FORMAT>; rel="self"`},
		{"one", []string{one}, "all", `<` + one + `>; rel="hub", <https://feeds.example.com/feeds/all.FORMAT>; rel="self"`},
		{"two", []string{two, one}, "all", `<` + two + `>; rel="hub", <` + one + `>; rel="hub", <https://feeds.example.com/feeds/all.FORMAT>; rel="self"`},
		{"nothing", nil, "", ""},
	} {
		for _, f := range Formats() {
			ch := testChannel()
			ch.Hubs, ch.Self = tt.hubs, [3]string{}
			if tt.self != "" {
				ch.Self = addresses(tt.self)
			}
			want := strings.ReplaceAll(tt.want, "FORMAT", f.String())
			if got := must(Assemble(f, ch, nil))(t).Link; got != want {
				t.Errorf("%s, %s: %s, want %s", tt.name, f, got, want)
			}
		}
	}
}

func TestNamespacesAreDeclaredOnlyWhereUsed(t *testing.T) {
	tests := []struct {
		feed, namespace string
		formats         []Format
	}{
		{"galleries", historyNamespace, nil},
		{"current", historyNamespace, nil},
		{"archive", historyNamespace, []Format{RSS, Atom}},
		{"galleries", deletedNamespace, nil},
		{"tombstones", deletedNamespace, []Format{Atom}},
	}
	for _, tt := range tests {
		var got []Format
		for _, f := range Formats() {
			if bytes.Contains(goldenFeeds()[tt.feed].render(t, f).Bytes(), []byte(tt.namespace)) {
				got = append(got, f)
			}
		}
		if diff := cmp.Diff(tt.formats, got); diff != "" {
			t.Errorf("%s in %s (-want +got)\n%s", tt.namespace, tt.feed, diff)
		}
	}
}

func TestJSONFeedListsDeletedItems(t *testing.T) {
	type deleted struct{ ID, When, Reason string }
	var feed struct {
		Data struct {
			Deleted []deleted
		} `json:"_gallerywire"`
	}
	must(0, json.Unmarshal(goldenFeeds()["tombstones"].render(t, JSON).Bytes(), &feed))(t)
	want := []deleted{
		{"number 9", "2026-11-20T09:00:00Z", "Withdrawn at the agency's request & ours"},
		{"tag:news.example.com,2026:quiet", "2026-11-19T09:00:00Z", ""},
	}
	if diff := cmp.Diff(want, feed.Data.Deleted); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTombstonesStandBeforeTheEntries(t *testing.T) {
	feed := parseXML(t, goldenFeeds()["tombstones"].render(t, Atom).Bytes())
	var got []string
	for _, d := range feed.all("at:deleted-entry") {
		got = append(got, d.attrs["ref"]+" "+d.attrs["when"]+" "+d.textOf("at:comment"))
	}
	want := []string{
		"tag:news.example.com,2026:/guid/number%209 2026-11-20T09:00:00Z Withdrawn at the agency's request & ours",
		"tag:news.example.com,2026:quiet 2026-11-19T09:00:00Z ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if first, entry := feed.place("at:deleted-entry"), feed.place("atom:entry"); first > entry {
		t.Errorf("the first tombstone stands at %d, the first entry at %d", first, entry)
	}
}
