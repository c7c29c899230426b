package gallery

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestViewHoldsWhatMayBeShownCleaned(t *testing.T) {
	no := false
	g := &Gallery{
		ID: "a", URL: "https://news.example.com/a/b", Title: " Harbour\nlights\x00", Summary: "Boats &\tlamps", Body: "<p>x<script>y</script></p>",
		Language: "en_gb", Section: "Travel ", Tags: []string{"night", " night", ""}, Sources: []string{"Agency\u000b"}, Copyright: "© us",
		License: "CC BY-SA 4.0", Published: day(1), Updated: day(2),
		Authors: []Author{{Name: "A.\nWriter", Email: "a@bücher.example", URL: "/a"}, {URL: "javascript:x"}, {Email: "b@example.com"}},
		Slides: []Slide{
			{ID: "1", Rights: Rights{Syndicate: &no}, Image: Image{URL: "https://img.example.com/hidden.jpg"}},
			{ID: "2", Title: "Dusk ", Caption: "a <b>lamp", Credit: "\tAgency", Image: Image{URL: "ä b.png", Thumbnail: "ftp://x/y", Alt: "a\nb", Width: -1, Height: 9, Bytes: -7}},
			{ID: "2", Rights: Rights{Until: day(3)}, Image: Image{URL: "https://img.example.com/3", Type: "JPG"}},
		},
	}
	want := View{
		Title: "Harbour lights", Summary: "Boats & lamps", Section: "Travel", Language: "en-GB", Direction: "ltr",
		Tags: []string{"night"}, Sources: []string{"Agency"}, Copyright: "© us", LicenseText: "CC BY-SA 4.0", URL: "https://news.example.com/a/b",
		Published: day(1), Updated: day(2),
		Authors: []Author{{Name: "A. Writer", Email: "a@xn--bcher-kva.example", URL: "https://news.example.com/a"}, {Email: "b@example.com"}},
		Slides: []SlideView{
			{Key: "2", Index: 1, Number: 1, Title: "Dusk", Credit: "Agency", Image: Image{URL: "https://news.example.com/a/%C3%A4%20b.png", Alt: "a b", Height: 9, Type: "image/png"}},
			{Key: "2~2", Index: 2, Number: 2, Image: Image{URL: "https://img.example.com/3", Type: "image/jpeg"}},
		},
	}
	got := g.View(new(Audience), day(2))
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(View{}, SlideView{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got.Body() != "<p>x</p>" || got.Slides[0].Caption() != "a <b>lamp</b>" {
		t.Errorf("body %q, caption %q", got.Body(), got.Slides[0].Caption())
	}
	if later := g.View(new(Audience), day(3).Add(time.Hour)); len(later.Slides) != 1 || !later.Updated.Equal(day(3)) {
		t.Errorf("%d slides, updated %v", len(later.Slides), later.Updated)
	}
	g.License = "/licence"
	if v := g.View(new(Audience), day(2)); v.License != "https://news.example.com/licence" || v.LicenseText != "" {
		t.Errorf("license %q, terms %q", v.License, v.LicenseText)
	}
}

func TestDirectionOfAViewWithoutLanguageAndSummaryIsThatOfItsBody(t *testing.T) {
	g := &Gallery{Title: "1", Body: "<p>ערב בנמל</p>"}
	if v := g.View(new(Audience), day(1)); v.Direction != "rtl" {
		t.Errorf("direction %q", v.Direction)
	}
}
