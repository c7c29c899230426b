package feed

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
)

func slideFeed(t testing.TB, f Format, g *gallery.Gallery) *Document {
	t.Helper()
	r := testRenderer()
	ch := testChannel()
	ch.ID, ch.Title, ch.Home = r.GalleryFeedID(g), g.Title, r.Link(g)
	return must(Assemble(f, ch, must(r.Slides(g, testNow, 0))(t)))(t)
}

func readSlides(t *testing.T, f Format, g *gallery.Gallery) []*gofeed.Item {
	t.Helper()
	doc := slideFeed(t, f, g)
	checkValid(t, doc)
	return must(gofeed.NewParser().ParseString(string(doc.Bytes())))(t).Items
}

func TestSlidesReadBack(t *testing.T) {
	type slide struct{ id, title, link, text, picture string }
	const id, link = "tag:news.example.com,2026:/galleries/harbour-lights/slides/", "https://news.example.com/galleries/harbour-lights#slide-"
	want := []slide{
		{id + "1", "Dusk", link + "1", "The first lamp", "https://img.example.com/1.jpg"},
		{id + "2", "Harbour lights, 2", link + "2", "A line and another", "https://news.example.com/galleries/img/zwei%20gr%C3%B6%C3%9Fer.png?q=%C3%A4"},
		{id + "3", "Dawn", link + "3", "", "https://xn--bcher-kva.example/3"},
	}
	for _, f := range Formats() {
		var got []slide
		for _, item := range readSlides(t, f, harbour()) {
			got = append(got, slide{item.GUID, item.Title, item.Link, strings.TrimPrefix(item.Description, item.Title), only(t, attachedPictures(f, item))})
			if !strings.Contains(item.Content, "<figure>") {
				t.Errorf("%s: no picture in %q", f, item.Content)
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(slide{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", f, diff)
		}
	}
}

func TestSlidesKeepTheirOrderInReadersThatSortByDate(t *testing.T) {
	g := benchGallery(0)
	for _, f := range Formats() {
		items := readSlides(t, f, g)
		dates := map[time.Time]bool{}
		for i, item := range items {
			dates[*item.PublishedParsed] = true
			if item.PublishedParsed.After(g.Published) || i > 0 && !item.PublishedParsed.Before(*items[i-1].PublishedParsed) {
				t.Errorf("%s: slide %d is published %v", f, i+1, item.PublishedParsed)
			}
			if f != RSS && i > 0 && !item.UpdatedParsed.Before(*items[i-1].UpdatedParsed) {
				t.Errorf("%s: slide %d is updated %v", f, i+1, item.UpdatedParsed)
			}
		}
		if len(dates) != benchSlides {
			t.Errorf("%s: %d different dates of %d slides", f, len(dates), benchSlides)
		}
	}
}

func TestSlideKeepsItsIDWhenOthersComeAndGo(t *testing.T) {
	g := benchGallery(0) // whose slides have no ids
	before := ids(t, g)
	g.Title, g.Updated = "Corrected", g.Updated.Add(time.Hour)
	g.Slides[3].Caption = "corrected"
	g.Slides = slices.Insert(g.Slides, 2, gallery.Slide{Image: gallery.Image{URL: "https://img.example.com/new.jpg"}})
	after := ids(t, g)
	if diff := cmp.Diff(before, slices.Delete(after, 2, 3)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
}

func ids(t *testing.T, g *gallery.Gallery) []string {
	t.Helper()
	var list []string
	for _, item := range must(testRenderer().Slides(g, testNow, 0))(t) {
		list = append(list, item.ID())
	}
	return list
}

func TestHiddenSlideChangesNoOther(t *testing.T) {
	g := harbour()
	whole := must(testRenderer().Slides(g, testNow, 0))(t)
	g.Slides[1].Rights.Until = day(21, 0)
	rest := must(testRenderer().Slides(g, testNow, 0))(t)
	if len(rest) != 2 {
		t.Fatalf("%d slides, want 2", len(rest))
	}
	for i, j := range []int{0, 2} {
		for _, f := range Formats() {
			if diff := cmp.Diff(string(whole[j].pieces[f].body), string(rest[i].pieces[f].body)); diff != "" {
				t.Errorf("(-before +after)\n%s", diff)
			}
		}
	}
}

func TestNoSlideHasTheIDOfAGalleryOrAnotherSlide(t *testing.T) {
	r := testRenderer()
	seen := map[string]string{}
	add := func(id, whose string) {
		if other := seen[id]; other != "" {
			t.Errorf("%s: id %s is also that of %s", whose, id, other)
		}
		seen[id] = whose
	}
	for _, id := range []string{"a", "a/slides/b", "/galleries/a", "/galleries/a/slides/b", "galleries/a/slides/b", "a%2Fslides%2Fb"} {
		g := &gallery.Gallery{ID: id, Title: "x", Published: day(1, 0), Slides: []gallery.Slide{
			{ID: "b"}, {ID: "slides/b"}, {ID: "b"}, {ID: "b~2"}, {}, {}, {ID: "~" + "e3b0c44298fc1c149afb"},
		}}
		add(r.ID(g), "gallery "+id)
		add(r.GalleryFeedID(g), "feed of "+id)
		for i, item := range must(r.Slides(g, testNow, 0))(t) {
			add(item.ID(), "slide "+g.Slides[i].ID+" of "+id)
		}
	}
	add(r.FeedID("a"), "feed a")
}

func TestSlideLinkKeepsTheFragmentOfItsPublisher(t *testing.T) {
	g := harbour()
	g.URL = "https://news.example.com/#!/galleries/1"
	for _, item := range readSlides(t, JSON, g) {
		if item.Link != g.URL {
			t.Errorf("link %q, want %q", item.Link, g.URL)
		}
	}
}

func TestGalleryWithoutPicturesHasNoSlides(t *testing.T) {
	if items := must(testRenderer().Slides(article(), testNow, 0))(t); len(items) != 0 {
		t.Errorf("%d slides", len(items))
	}
}

func TestSlideOfTheYearOneIsRefused(t *testing.T) {
	g := harbour()
	g.Published = time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)
	if _, err := testRenderer().Slides(g, testNow, 0); err == nil {
		t.Error("a slide before the year 1 is no error")
	}
}
