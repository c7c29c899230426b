package feed

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// spoil is a change to a good item that the gate must notice.
type spoil struct{ name, old, new, reason string }

func spoils(f Format) []spoil {
	switch f {
	case Atom:
		return []spoil{
			{"end tag missing", "</summary>", "", "<summary> is closed by another tag"},
			{"empty id", "tag:news.example.com,2026:harbour-lights</id>", "</id>", "lacks id"},
			{"no date", "updated>", "changed>", "lacks updated"},
			{"relative enclosure", `href="https://img.example.com/1.jpg"`, `href="/1.jpg"`, "no absolute address"},
			{"relative address of an author", "<uri>https://news.example.com", "<uri>", "no absolute address"},
			{"prefix without a namespace", "<rights>", "<media:rights>", "media:rights is not declared"},
			{"attribute twice", `rel="license"`, `rel="license" rel="x"`, "two attributes rel"},
		}
	case JSON:
		return []spoil{
			{"cut off", `"tags":[`, `"tags":`, "jsontext"},
			{"no id", `"id":"tag:news.example.com,2026:harbour-lights"`, `"x":1`, "lacks id"},
			{"no content", `"content_html"`, `"content"`, "lacks content_html content_text"},
			{"null", `"language":"en"`, `"language":null`, "language is null"},
			{"empty", `"language":"en"`, `"language":""`, "language is empty"},
			{"relative picture", `"image":"https://img.example.com`, `"image":"`, "no absolute address"},
			{"name twice", `"language":"en"`, `"title":"en"`, "duplicate object member"},
			{"not UTF-8", "Harbour", "Harb\xffour", "invalid UTF-8"},
		}
	}
	return []spoil{
		{"end tag missing", "]]></content:encoded>", "]]>", "is closed by another tag"},
		{"CDATA that does not end", "]]></content:encoded>", "</content:encoded>", "not well-formed"},
		{"no guid", "guid", "id", "lacks guid"},
		{"empty title", "<title>Harbour lights</title>", "<title></title>", "lacks title"},
		{"relative link", "<link>https://news.example.com", "<link>", "no absolute address"},
		{"link that is not ASCII", "<link>https://news", "<link>https://néws", "no absolute address"},
		{"address of another scheme", `<media:content url="https:`, `<media:content url="ftp:`, "no absolute address"},
		{"bare ampersand", "&amp; ", "& ", "ampersand"},
		{"unknown entity", "&amp; ", "&nbsp;", "ampersand"},
		{"reference to what XML forbids", "&amp; ", "&#11;", "ampersand"},
		{"what XML forbids in CDATA", "Boats come", "Boats\x0b come", "XML forbids"},
		{"not UTF-8", "Boats come", "Boats\xff come", "XML forbids"},
		{"end of CDATA in text", "<title>Harbour", "<title>]]>Harbour", "]]>"},
		{"tag in an attribute", `medium="image"`, `medium="<image"`, "a tag in the attribute"},
		{"attribute without quotes", `medium="image"`, `medium=image`, "without a name or a value"},
		{"text after it", "</item>", "</item>more", "text outside"},
	}
}

func TestGateFindsWhatIsWrong(t *testing.T) {
	item := must(testRenderer().Item(harbour(), testNow, Full))(t)
	for _, f := range Formats() {
		good := item.pieces[f].body
		if reason := faultOf(f, good, len(good)); reason != "" {
			t.Errorf("%s: a good item: %s", f, reason)
		}
		if reason := faultOf(f, good, len(good)-1); !strings.Contains(reason, "bytes, at most") {
			t.Errorf("%s: one byte over the limit: %q", f, reason)
		}
		for _, tt := range spoils(f) {
			t.Run(f.String()+"/"+tt.name, func(t *testing.T) {
				bad := bytes.ReplaceAll(good, []byte(tt.old), []byte(tt.new))
				if bytes.Equal(bad, good) {
					t.Fatalf("%q is not in the item", tt.old)
				}
				if reason := faultOf(f, bad, 1<<20); !strings.Contains(reason, tt.reason) {
					t.Errorf("got %q, want %q", reason, tt.reason)
				}
			})
		}
	}
}

func TestHasForbiddenAgreesWithText(t *testing.T) {
	for r := rune(0); r <= 0x1FFFF; r++ {
		s := "é\tseven" + string(r) + "b and more"
		want := r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
		if hasForbidden([]byte(s)) != want {
			t.Errorf("%U: forbidden %t, want %t", r, !want, want)
		}
		if shown := gallery.Text(s); want && shown == s || hasForbidden([]byte(shown)) {
			t.Errorf("%U: shown as %q", r, shown)
		}
	}
}

func TestItemOverTheLimitIsAFaultThatNamesItsGallery(t *testing.T) {
	r := NewRenderer(Options{SiteID: "news.example.com", BaseURL: "https://feeds.example.com", MaxItem: 1000})
	_, err := r.Item(harbour(), testNow, Full)
	var fault *Fault
	if !errors.As(err, &fault) || fault.GalleryID != "harbour-lights" || fault.Format != RSS {
		t.Errorf("got %v", err)
	}
}

func TestCheckOfADocument(t *testing.T) {
	r := testRenderer()
	one, two := harbour(), article()
	two.GUID = r.ID(one)
	items := []*Item{must(r.Item(one, testNow, Full))(t), must(r.Item(two, testNow, Full))(t), must(r.Item(rightToLeftGallery(), testNow, Full))(t)}
	homeless := testChannel()
	homeless.Home, homeless.Title, homeless.Author = "", "", gallery.Author{}
	unsafe := testChannel()
	unsafe.Hubs = []string{"https://feeds.example.com/hub", "javascript:alert(1)"}
	for _, f := range Formats() {
		size := len(must(Assemble(f, testChannel(), items[:1]))(t).Bytes())
		tests := []struct {
			name    string
			channel Channel
			items   []*Item
			limit   int
			want    []string // of galleries
		}{
			{"nothing wrong", testChannel(), []*Item{items[0], items[2]}, 0, nil},
			{"no items", testChannel(), nil, 0, nil},
			{"id twice", testChannel(), items, 0, []string{"no-pictures"}},
			{"as long as allowed", testChannel(), items[:1], size + 2, nil},
			{"too long with the second", testChannel(), []*Item{items[0], items[2]}, size + 2, []string{"أضواء"}},
			{"head without a title", homeless, items[:1], 0, []string{""}},
			{"head with an unsafe address", unsafe, items[:1], 0, []string{""}},
		}
		for _, tt := range tests {
			t.Run(f.String()+"/"+tt.name, func(t *testing.T) {
				var got []string
				for _, fault := range must(Assemble(f, tt.channel, tt.items))(t).Check(tt.limit) {
					got = append(got, fault.GalleryID)
					if fault.Format != f || fault.Error() == "" {
						t.Errorf("fault %+v", fault)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// FuzzScanner holds the light scanner to encoding/xml, which may accept more
// but never less.
func FuzzScanner(f *testing.F) {
	for _, g := range []*gallery.Gallery{harbour(), awkward()} {
		item := must(testRenderer().Item(g, testNow, Full))(f)
		f.Add(item.pieces[RSS].body)
		f.Add(item.pieces[Atom].body)
	}
	for _, s := range []string{"<a/>", "<a></a><b/>", `<a x="1" y="&amp;"/>`, xml.Header + "<a><![CDATA[x]]></a>", "<a", "</a>", "<a><", "<a b", `<a b="`, "<>", "<a:b/>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if xmlFault(b, required{prefixes: []string{"atom", "content", "dc", "media"}}) != "" {
			return
		}
		for d := xml.NewDecoder(bytes.NewReader(b)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("encoding/xml refuses what the scanner accepts: %v\n%q", err, b)
			}
		}
	})
}

// BenchmarkGate is what checking the three pieces of a gallery of 30 slides
// costs. BenchmarkGateFloor reads them with the parsers of the standard
// library.
func BenchmarkGate(b *testing.B) {
	item := must(testRenderer().Item(benchGallery(0), testNow, Full))(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range Formats() {
			if reason := faultOf(f, item.pieces[f].body, 1<<20); reason != "" {
				b.Fatal(reason)
			}
		}
	}
}

func BenchmarkGateFloor(b *testing.B) {
	item := must(testRenderer().Item(benchGallery(0), testNow, Full))(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range []Format{RSS, Atom} {
			for d := xml.NewDecoder(bytes.NewReader(item.pieces[f].body)); ; {
				if _, err := d.Token(); err != nil {
					break
				}
			}
		}
		if !json.Valid(item.pieces[JSON].body) {
			b.Fatal("not well-formed")
		}
	}
}

// BenchmarkDocumentCheck is what the gate costs per document of 50 galleries.
func BenchmarkDocumentCheck(b *testing.B) {
	_, items := benchItems(b, testRenderer())
	for _, f := range Formats() {
		doc := must(Assemble(f, testChannel(), items))(b)
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				doc.Check(0)
			}
		})
	}
}
