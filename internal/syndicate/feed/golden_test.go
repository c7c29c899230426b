package feed

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
)

var update = flag.Bool("update", false, "write the golden documents anew")

func day(d, hour int) time.Time { return time.Date(2026, 11, d, hour, 0, 0, 0, time.UTC) }

func harbour() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "harbour-lights", URL: "https://news.example.com/galleries/harbour-lights", Title: "Harbour lights",
		Summary: "Lamps & boats, from dusk to dawn", Body: `<p>Boats come <em>home</em>. <a href="/quay">More</a></p><script>alert(1)</script>`,
		Language: "en", Section: "Travel", Tags: []string{"harbours", "night"},
		Authors:   []gallery.Author{{Name: "A. Writer", Email: "a@example.com", URL: "/a"}, {Name: "B. Painter"}},
		Published: day(20, 9), Updated: day(20, 10), Sources: []string{"Agency One", "Agency Two"},
		Copyright: "© Example News", License: "https://example.com/licence",
		Slides: []gallery.Slide{
			{ID: "1", Title: "Dusk", Caption: "<p>The <b>first lamp</b></p>", Credit: "Agency One", Image: gallery.Image{
				URL: "https://img.example.com/1.jpg", Width: 1600, Height: 900, Bytes: 245113, Alt: "Boats at dusk",
				Thumbnail: "https://img.example.com/1-s.jpg"}},
			{ID: "2", Caption: "A line\nand another", Credit: "Agency Two", Image: gallery.Image{URL: "img/zwei größer.png?q=ä", Bytes: 7}},
			{ID: "3", Title: "Dawn", Image: gallery.Image{URL: "https://bücher.example/3", Type: "image/webp"}},
		},
	}
}

func rightToLeftGallery() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "أضواء", GUID: "12345", Title: "أضواء الميناء", Body: "<p>مساء في الميناء</p>", Language: "ar",
		Published: day(19, 8), Updated: day(19, 8),
		Slides: []gallery.Slide{{Caption: "المصباح الأول", Credit: "وكالة", Image: gallery.Image{URL: "https://img.example.com/a.gif"}}},
	}
}

func awkward() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "/odd id?#%", Title: "a <b> & \"c\" ]]> \u000b\ufffe\xed\xa0\x80 😀", Summary: "1 < 2 ]]> <script>alert(1)</script>",
		Body: "x ]]> y \u000b\ufffe\xff <b>open", Language: "en_GB", Tags: []string{"R&D", "", "R&D"},
		Authors: []gallery.Author{{Name: "O'Neill \"Jo\" <jo>"}, {Email: "no name"}}, Published: day(18, 7),
		Slides: []gallery.Slide{{
			Title: "</figure>", Caption: "]]></figcaption></div><b>bold \u2028 <img src=x onerror=alert(1)>", Credit: "<i>me</i>",
			Image: gallery.Image{URL: "https://img.example.com/a b\"<>.jpg?x=1&y=2", Alt: "\"quoted\" & <odd>"},
		}},
	}
}

func article() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "no-pictures", URL: "https://news.example.com/no-pictures", GUID: "https://news.example.com/no-pictures",
		Title: "Without pictures", Body: "<p>" + strings.Repeat("Only words. ", 40) + "</p>", Published: day(17, 6), Updated: day(17, 6),
	}
}

func withheld() *gallery.Gallery {
	g, no := harbour(), false
	g.ID, g.Title = "withheld", "One withheld, one ended"
	g.Slides[0].Rights.Syndicate = &no
	g.Slides[1].Rights.Until = day(30, 0)
	return g
}

// unnamedLanguage is a gallery whose direction follows from its script alone.
func unnamedLanguage() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "menorot", Title: "אורות הנמל", Summary: "BBC: ערב בנמל", Published: day(16, 5), Tags: []string{"נמל"},
		Slides: []gallery.Slide{{ID: "1", Caption: "הפנס הראשון", Image: gallery.Image{URL: "https://img.example.com/h.jpg", Width: 600, Height: 900}}},
	}
}

// golden is what a golden document is rendered from.
type golden struct {
	content   Content
	galleries []*gallery.Gallery
	slides    bool // the only gallery as a feed of its own
	stubs     func(*Renderer) []*itemView
	channel   func(*Channel) // nil: the usual one
	partner   *Partner       // nil: the public
}

func (g golden) renderer() *Renderer {
	if g.partner == nil {
		return testRenderer()
	}
	return testRenderer().For(*g.partner)
}

// msn is a partner who may not see the pictures of an agency.
func msn() *Partner {
	return &Partner{
		Audience: &gallery.Audience{Name: "msn", Delay: 2 * time.Hour, Rules: []gallery.Rule{gallery.NewRule([]string{"agency two"}, nil, nil, []string{"msn"}, "")}},
		BaseURL:  "https://feeds.example.com/partners/msn", LinkQuery: "utm_source=msn&utm_medium=feed",
	}
}

// onlyForPartners is a gallery without an address that the public never sees.
func onlyForPartners() *gallery.Gallery {
	g := rightToLeftGallery()
	g.Rights.Deny = []string{"public"}
	return g
}

func goldenFeeds() map[string]golden {
	return map[string]golden{
		"galleries":     {galleries: []*gallery.Gallery{harbour(), rightToLeftGallery(), article()}},
		"awkward":       {galleries: []*gallery.Gallery{awkward()}},
		"withheld":      {galleries: []*gallery.Gallery{withheld()}},
		"summary":       {content: Summary, galleries: []*gallery.Gallery{harbour(), article()}},
		"script":        {galleries: []*gallery.Gallery{unnamedLanguage()}},
		"empty":         {},
		"slides":        {slides: true, galleries: []*gallery.Gallery{harbour()}},
		"archive":       {galleries: []*gallery.Gallery{harbour()}, channel: asArchive},
		"current":       {galleries: []*gallery.Gallery{harbour()}, channel: asCurrent},
		"tombstones":    {galleries: []*gallery.Gallery{article()}, channel: withTombstones},
		"withdrawn":     {channel: asWithdrawn},
		"stubs":         {galleries: []*gallery.Gallery{article()}, channel: withTombstones, stubs: asStubs},
		"partner":       {galleries: []*gallery.Gallery{harbour(), onlyForPartners(), unnamedLanguage()}, channel: withTombstones, stubs: asStubs, partner: msn()},
		"partnerslides": {slides: true, galleries: []*gallery.Gallery{harbour()}, partner: msn()},
	}
}

func addresses(path string) (list [3]string) {
	for _, f := range Formats() {
		list[f] = "https://feeds.example.com/feeds/" + path + "." + f.String()
	}
	return list
}

func asArchive(ch *Channel) {
	ch.Current, ch.Self, ch.Archive, ch.Hubs = addresses("all"), addresses("all/archive/b"), true, nil
	ch.PrevArchive, ch.NextArchive = addresses("all/archive/a"), addresses("all/archive/c")
}

func asCurrent(ch *Channel) {
	ch.Current, ch.PrevArchive = addresses("all"), addresses("all/archive/c")
}

func withTombstones(ch *Channel) {
	ch.Tombstones = []Tombstone{
		{ID: "number 9", AtomID: "tag:news.example.com,2026:/guid/number%209", When: day(20, 9), Reason: "Withdrawn at the agency's\nrequest & \u000bours"},
		{ID: "tag:news.example.com,2026:quiet", AtomID: "tag:news.example.com,2026:quiet", When: day(19, 9)},
	}
}

// asStubs are what is left of galleries, and of a slide.
func asStubs(r *Renderer) []*itemView {
	known, unknown := harbour(), rightToLeftGallery()
	known.GUID = "https://news.example.com/?p=17&x=<1>"
	return []*itemView{
		r.stub(known, r.page(known), day(21, 9)),
		r.stub(&gallery.Gallery{ID: unknown.ID, Language: "ar", Published: day(1, 1)}, r.page(unknown), day(21, 8)),
		r.slideStub(&gallery.Gallery{ID: "fêtes", URL: "https://news.example.com/fetes", Language: "fr_CA", Published: day(2, 1)}, 2, "third", day(21, 7)),
	}
}

// asWithdrawn is the feed of a gallery that is no more there.
func asWithdrawn(ch *Channel) {
	r, g := testRenderer(), rightToLeftGallery()
	ch.ID, ch.Title, ch.Self = r.GalleryFeedID(g), "Example News", addresses("gone")
	ch.Tombstones = []Tombstone{{ID: r.ID(g), AtomID: r.AtomID(g), When: day(20, 9), Reason: "سحبت"}}
}

func (g golden) feed() Channel {
	ch := testChannel()
	if g.slides {
		r := g.renderer()
		ch.ID, ch.Home = r.GalleryFeedID(g.galleries[0]), r.Link(g.galleries[0])
	}
	if g.channel != nil {
		g.channel(&ch)
	}
	return ch
}

// views returns what the items of g show, and items the items.
func (g golden) views() []*itemView {
	var list []*itemView
	r := g.renderer()
	for _, one := range g.galleries {
		v := r.view(one, testNow)
		if cover := v.cover(false); g.content == Summary && cover == nil {
			v.pictures = nil
		} else if g.content == Summary {
			v.pictures = []picture{*cover}
		}
		if !g.slides {
			list = append(list, v)
			continue
		}
		for i := range v.pictures {
			list = append(list, v.slide(i))
		}
	}
	if g.stubs != nil {
		list = append(list, g.stubs(r)...)
	}
	return list
}

func (g golden) items(t testing.TB) []*Item {
	t.Helper()
	var list []*Item
	for _, one := range g.galleries {
		if g.slides {
			list = append(list, must(g.renderer().Slides(one, testNow, 0))(t)...)
			continue
		}
		list = append(list, must(g.renderer().Item(one, testNow, g.content))(t))
	}
	if g.stubs != nil {
		for _, v := range g.stubs(g.renderer()) {
			list = append(list, must(g.renderer().render(v))(t))
		}
	}
	return list
}

func (g golden) render(t testing.TB, f Format) *Document {
	t.Helper()
	return must(Assemble(f, g.feed(), g.items(t)))(t)
}

func render(t testing.TB, f Format, c Content, galleries ...*gallery.Gallery) *Document {
	t.Helper()
	return golden{content: c, galleries: galleries}.render(t, f)
}

func TestGoldenDocuments(t *testing.T) {
	for name, want := range goldenFeeds() {
		for _, f := range Formats() {
			t.Run(name+"."+f.String(), func(t *testing.T) {
				doc := want.render(t, f)
				path := filepath.Join("testdata", name+"."+f.String())
				if *update {
					must(0, os.WriteFile(path, doc.Bytes(), 0o644))(t)
				}
				if diff := cmp.Diff(string(must(os.ReadFile(path))(t)), string(doc.Bytes())); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				checkValid(t, doc)
				checkReadBack(t, doc, want)
			})
		}
	}
}

// checkReadBack reads doc with a parser that nobody here wrote.
func checkReadBack(t *testing.T, doc *Document, want golden) {
	t.Helper()
	got := must(gofeed.NewParser().ParseString(string(doc.Bytes())))(t)
	ch, views := want.feed(), want.views()
	if got.Title != ch.Title || got.FeedLink != ch.Self[doc.Format] || len(got.Items) != len(views) {
		t.Fatalf("title %q, self %q, %d items", got.Title, got.FeedLink, len(got.Items))
	}
	for i, v := range views {
		item := got.Items[i]
		id := v.id
		if doc.Format == Atom {
			id = v.atomID
		}
		if item.GUID != id || item.Link != v.link {
			t.Errorf("id %q, link %q; want %q, %q", item.GUID, item.Link, id, v.link)
		}
		if item.PublishedParsed == nil || !item.PublishedParsed.Equal(v.Published) {
			t.Errorf("published %v, want %v", item.PublishedParsed, v.Published)
		}
		checkPictures(t, doc.Format, item, v, want.content)
	}
}

// checkPictures looks for every picture, caption and credit in what readers
// show, and in the attachments.
func checkPictures(t *testing.T, f Format, item *gofeed.Item, v *itemView, c Content) {
	t.Helper()
	attached := attachedPictures(f, item)
	content := gallery.PlainText(item.Content)
	for i, p := range v.pictures {
		if i >= len(attached) || attached[i] != p.Image.URL {
			t.Errorf("picture %d: attached are %q, want %q", i, attached, p.Image.URL)
		}
		if c == Summary {
			continue
		}
		if !strings.Contains(item.Content, `<img src="`+strings.ReplaceAll(p.Image.URL, "&", "&amp;")+`"`) {
			t.Errorf("picture %q is not in the content", p.Image.URL)
		}
		for _, text := range []string{p.Title, p.caption, p.Credit} {
			if !strings.Contains(content, text) {
				t.Errorf("%q is not in the content %q", text, content)
			}
		}
	}
	if len(attached) != len(v.pictures) {
		t.Errorf("%d pictures attached, want %d", len(attached), len(v.pictures))
	}
}

func attachedPictures(f Format, item *gofeed.Item) []string {
	var urls []string
	if f == RSS {
		for _, m := range item.Extensions["media"]["content"] {
			urls = append(urls, m.Attrs["url"])
		}
		return urls
	}
	for _, e := range item.Enclosures {
		urls = append(urls, e.URL)
	}
	return urls
}

func TestRSSSlideCarriesItsTexts(t *testing.T) {
	doc := render(t, RSS, Full, harbour())
	feed := must(gofeed.NewParser().ParseString(string(doc.Bytes())))(t)
	slide := feed.Items[0].Extensions["media"]["content"][0]
	text := func(name string) string { return only(t, slide.Children[name]).Value }
	got := map[string]string{
		"title": text("title"), "description": text("description"), "credit": text("credit"), "text": text("text"),
		"thumbnail": only(t, slide.Children["thumbnail"]).Attrs["url"], "fileSize": slide.Attrs["fileSize"], "type": slide.Attrs["type"],
	}
	want := map[string]string{
		"title": "Dusk", "description": "The first lamp", "credit": "Agency One", "text": "Boats at dusk",
		"thumbnail": "https://img.example.com/1-s.jpg", "fileSize": "245113", "type": "image/jpeg",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if e := feed.Items[0].Enclosures; len(e) != 0 {
		t.Errorf("enclosures %+v: each picture is there once, as media:content", e)
	}
}

// only returns what is alone in list.
func only[T any](t testing.TB, list []T) T {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d elements, want one", len(list))
	}
	return list[0]
}
