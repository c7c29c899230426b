package feed

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func TestChannelImageIsShownNoLargerThanRSSAllows(t *testing.T) {
	tests := []struct {
		name                  string
		image                 gallery.Image
		width, height, images int
	}{
		{"wide", gallery.Image{URL: "https://example.com/a.png", Width: 512, Height: 256}, 144, 72, 1},
		{"high", gallery.Image{URL: "https://example.com/a.png", Width: 100, Height: 1000}, 40, 400, 1},
		{"small", gallery.Image{URL: "https://example.com/a.png", Width: 88, Height: 31}, 88, 31, 1},
		{"a line", gallery.Image{URL: "https://example.com/a.png", Width: 10_000, Height: 1}, 144, 1, 1},
		{"of unknown size", gallery.Image{URL: "https://example.com/a.png", Width: 512}, 0, 0, 1},
		{"relative", gallery.Image{URL: "/a.png"}, 0, 0, 0},
		{"none", gallery.Image{}, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ch := testChannel()
			ch.Image = tt.image
			doc := must(Assemble(RSS, ch, nil))(t)
			checkValid(t, doc)
			images := parseXML(t, doc.Bytes()).children[0].all("image")
			if len(images) != tt.images {
				t.Fatalf("%d images, want %d", len(images), tt.images)
			}
			for _, image := range images {
				if w, h := number(image.textOf("width")), number(image.textOf("height")); w != tt.width || h != tt.height {
					t.Errorf("%d × %d, want %d × %d", w, h, tt.width, tt.height)
				}
			}
		})
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

func TestTombstonesStandBeforeTheEntries(t *testing.T) {
	feed := parseXML(t, goldenFeeds()["tombstones"].render(t, Atom).Bytes())
	var got []string
	for _, d := range feed.all("at:deleted-entry") {
		got = append(got, d.attrs["ref"]+" "+d.attrs["when"]+" "+d.textOf("at:comment"))
	}
	want := []string{
		"tag:news.example.com,2026:gone 2026-11-20T09:00:00Z Withdrawn at the agency's request & ours",
		"tag:news.example.com,2026:quiet 2026-11-19T09:00:00Z ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if first, entry := feed.place("at:deleted-entry"), feed.place("atom:entry"); first > entry {
		t.Errorf("the first tombstone stands at %d, the first entry at %d", first, entry)
	}
}
