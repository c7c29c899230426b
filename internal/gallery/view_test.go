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

func TestTextsLeaveOutPicturesOfSlidesThatTheAudienceMayNotSee(t *testing.T) {
	body := `<p>Lead <a href="/hidden.jpg">large</a></p><figure><img src="/hidden.jpg" alt="secret"></figure>` +
		`<img src="/shown.jpg"><img data-src="/hidden-s.jpg" src="/blank.gif" alt="secret"><img src="/both.jpg">` +
		`<img srcset="/other.jpg 1x, /hidden.jpg 2x" alt="secret"><picture><source srcset="/hidden.jpg"><img src="/other.jpg" alt="secret"></picture><img src="/other.jpg">`
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	g := &Gallery{ID: "a", URL: "https://news.example.com/a", Title: "A", Body: body, Published: at, Slides: []Slide{
		{Caption: body, Image: Image{URL: "https://news.example.com/shown.jpg", Thumbnail: "/both.jpg"}},
		{Image: Image{URL: "https://news.example.com/hidden.jpg", Thumbnail: "/hidden-s.jpg"}, Rights: Rights{Deny: []string{"msn"}}},
		{Image: Image{URL: "/both.jpg"}, Rights: Rights{Deny: []string{"msn"}}},
	}}
	picture := func(name string) string {
		return `<img src="https://news.example.com/` + name + `.jpg" alt="" loading="lazy">`
	}
	want := `<p>Lead large</p><figure> </figure>` + picture("shown") + " " + picture("both") + "  " + picture("other")
	v := g.View(&Audience{Name: "msn"}, at)
	for what, text := range map[string]string{"body": v.Body(), "caption": v.Slides[0].Caption()} {
		if diff := cmp.Diff(want, text); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}
	public := g.View(&Audience{}, at)
	if diff := cmp.Diff(HTML(body, Base(g.URL)), public.Body()); diff != "" {
		t.Errorf("where all is shown (-want +got)\n%s", diff)
	}
}
