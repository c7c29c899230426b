package feed

import (
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// A stub has the gallery's identifiers, its publication and the instant of the
// withdrawal, and nothing else of it, whatever the renderer is given.
func TestAStubShowsNothingOfItsGallery(t *testing.T) {
	g := harbour()
	g.GUID = "https://news.example.com/?p=17"
	r := testRenderer()
	whole, stub := must(r.Item(g, testNow, Full))(t), must(r.Stub(g, day(21, 9)))(t)
	if whole.id != stub.id || whole.atomID != stub.atomID || !stub.Updated().Equal(day(21, 9)) {
		t.Errorf("is %s, %s of %s, was %s, %s", stub.id, stub.atomID, stub.Updated(), whole.id, whole.atomID)
	}
	secrets := []string{g.Title, g.Summary, g.Section, g.Copyright, g.URL, "img.example.com", "Dusk", "Agency"}
	for _, a := range g.Authors {
		secrets = append(secrets, a.Name)
	}
	for _, f := range Formats() {
		text := string(stub.pieces[f].body)
		for _, secret := range append(secrets, g.Tags...) {
			if strings.Contains(text, secret) {
				t.Errorf("%s says %q:\n%s", f, secret, text)
			}
		}
		for _, want := range []string{g.GUID, "Withdrawn", "https://feeds.example.com/galleries/harbour-lights"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", f, want, text)
			}
		}
	}
}

func TestTitleOfAStub(t *testing.T) {
	titles := map[string]string{"de-at": "Entfernt", "sv": "Tillbakadragen", "en": "Gone\x00\n", "fr": " "}
	for _, c := range []struct{ site, language, title, text string }{
		{"en", "de", "Zurückgezogen", "de"},
		{"en", "de-CH", "Zurückgezogen", "de-CH"},
		{"en", "de_AT", "Entfernt", "de-AT"},
		{"en", "DE-at", "Entfernt", "de-AT"},
		{"en", "sv-FI", "Tillbakadragen", "sv-FI"},
		{"en", "fr", "Retiré", "fr"},
		{"en", "", "Gone", "en"},
		{"pt-BR", "ja", "Retirado", "pt-BR"},
		{"ja", "not a tag", "Gone", "en"},
	} {
		r := NewRenderer(Options{SiteID: "example.com", Language: c.site, Titles: titles})
		if title, text := r.withdrawnTitle(c.language); title != c.title || text != c.text {
			t.Errorf("%q on a site in %q: %q in %q, want %q in %q", c.language, c.site, title, text, c.title, c.text)
		}
	}
}

// A slide's stub stands where the slide stood, and no other item changes.
func TestStubsOfSlides(t *testing.T) {
	g := harbour()
	r := testRenderer()
	whole := must(r.Slides(g, testNow, time.Hour))(t)
	g.Slides[1].Rights.Until = testNow.Add(-time.Minute)
	for keep, want := range map[time.Duration]int{time.Hour: 3, time.Minute: 2, 0: 2} {
		rest := must(r.Slides(g, testNow, keep))(t)
		if len(rest) != want || len(r.SlideTombstones(g, testNow, keep)) != want-2 {
			t.Fatalf("%d items and %d tombstones where stubs are kept for %s", len(rest), len(r.SlideTombstones(g, testNow, keep)), keep)
		}
		if want == 2 {
			continue
		}
		for i := range whole {
			if whole[i].atomID != rest[i].atomID || i != 1 && !cmp.Equal(whole[i].pieces[RSS].body, rest[i].pieces[RSS].body) {
				t.Errorf("item %d is another", i)
			}
		}
		if !rest[1].Updated().Equal(testNow.Add(-time.Minute)) || strings.Contains(string(rest[1].pieces[JSON].body), "img.example.com") {
			t.Errorf("the stub is of %s: %s", rest[1].Updated(), rest[1].pieces[JSON].body)
		}
	}
	ours := gallery.Gallery{ID: g.ID, Published: g.Published, Slides: g.Slides}
	if got := r.SlideTombstones(&ours, testNow, time.Hour); got[0].ID != whole[1].ID() {
		t.Errorf("the tombstone is of %s", got[0].ID)
	}
}
