package demo_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/gallerywire/gallerywire/internal/demo"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

const imageBase = "http://127.0.0.1:8080/demo/pictures"

var start = time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.FixedZone("", 3600))

func newCMS(t testing.TB) *demo.CMS {
	t.Helper()
	c, err := demo.New(imageBase, start)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sample returns the sample gallery id.
func sample(t *testing.T, id string) gallery.Gallery {
	t.Helper()
	gs := newCMS(t).Galleries()
	i := slices.IndexFunc(gs, func(g gallery.Gallery) bool { return g.ID == id })
	if i < 0 {
		t.Fatalf("there is no sample %s", id)
	}
	return gs[i]
}

// checkContract holds g, as it goes over the wire, to the event contract.
func checkContract(t *testing.T, g gallery.Gallery) {
	t.Helper()
	wire, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		ID, Title, URL, Language, Published, Updated string
		Slides                                       []struct {
			ID, Title, Caption, Credit string
			Image                      struct {
				URL, Type, Alt, Thumbnail string
				Width, Height, Bytes      int
			}
		}
	}
	if err := json.Unmarshal(wire, &m); err != nil {
		t.Fatal(err)
	}
	if m.ID == "" || len(m.ID) > 256 || strings.TrimSpace(m.Title) == "" || m.Language == "" {
		t.Errorf("%q: id, title or language is missing", m.ID)
	}
	checkAbsolute(t, m.URL)
	published, err := time.Parse(time.RFC3339Nano, m.Published)
	if err != nil {
		t.Error(err)
	}
	if updated, err := time.Parse(time.RFC3339Nano, m.Updated); err != nil || updated.Before(published) {
		t.Errorf("%s: updated %s, published %s", m.ID, m.Updated, m.Published)
	}
	seen := make(map[string]bool)
	for _, s := range m.Slides {
		if s.ID == "" || seen[s.ID] {
			t.Errorf("%s: slide id %q is empty or repeated", m.ID, s.ID)
		}
		seen[s.ID] = true
		if s.Title == "" || s.Caption == "" || s.Credit == "" || s.Image.Alt == "" {
			t.Errorf("%s: slide %s lacks a text", m.ID, s.ID)
		}
		if s.Image.Type != "image/png" || s.Image.Width != 1200 || s.Image.Height != 800 || s.Image.Bytes <= 0 {
			t.Errorf("%s: slide %s: image %+v", m.ID, s.ID, s.Image)
		}
		checkAbsolute(t, s.Image.URL)
		checkAbsolute(t, s.Image.Thumbnail)
	}
}

func checkAbsolute(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		t.Errorf("%q is no absolute web address (%v)", address, err)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r > unicode.MaxASCII }) {
		t.Errorf("%q is not ASCII", address)
	}
}

func TestSamplesFitTheContract(t *testing.T) {
	seen := make(map[string]bool)
	for _, g := range newCMS(t).Galleries() {
		checkContract(t, g)
		if seen[g.ID] {
			t.Errorf("id %s is used twice", g.ID)
		}
		seen[g.ID] = true
		if !new(gallery.Audience).Gallery(g.Terms(), start).Shown || g.Version != 1 {
			t.Errorf("%s: published %s, version %d", g.ID, g.Published, g.Version)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d samples, want 3", len(seen))
	}
}

func TestSamplesAreNewestFirst(t *testing.T) {
	newestFirst := func(a, b gallery.Gallery) int { return b.Published.Compare(a.Published) }
	if !slices.IsSortedFunc(newCMS(t).Galleries(), newestFirst) {
		t.Error("the samples are not in order")
	}
}

func TestSamplesAreDeterministic(t *testing.T) {
	if diff := cmp.Diff(newCMS(t).Galleries(), newCMS(t).Galleries()); diff != "" {
		t.Error(diff)
	}
}

func TestCallerMayChangeWhatItGot(t *testing.T) {
	c := newCMS(t)
	want, got := c.Galleries(), c.Galleries()
	got[0].Tags[0], got[0].Authors[0].Name, got[0].Sources[0], got[0].Slides[0].Caption = "", "", "", ""
	if diff := cmp.Diff(want, c.Galleries()); diff != "" {
		t.Error(diff)
	}
}

func TestMainSampleHas28Slides(t *testing.T) {
	g := sample(t, "cecot-terrorism-confinement-center")
	if len(g.Slides) != 28 {
		t.Errorf("%d slides", len(g.Slides))
	}
	if g.Section != "Lifestyle" || !slices.Contains(g.Tags, "Terrorism confinement center") {
		t.Errorf("section %q, tags %q", g.Section, g.Tags)
	}
	if diff := cmp.Diff([]string{"Associated Press", "NPR", "BBC"}, g.Sources); diff != "" {
		t.Error(diff)
	}
	for _, s := range g.Slides {
		if slices.Contains(g.Sources, s.Credit) || !strings.Contains(s.Image.Alt, "Placeholder") {
			t.Errorf("slide %s: credit %q, alt %q do not say that it is drawn", s.ID, s.Credit, s.Image.Alt)
		}
	}
}

func TestSecondSampleRunsFromRightToLeft(t *testing.T) {
	g := sample(t, "suq-al-fajr")
	arabic := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Arabic, r) })
	}
	if g.Language != "ar" || !arabic(g.Title) || !arabic(g.Section) {
		t.Errorf("language %q, title %q, section %q", g.Language, g.Title, g.Section)
	}
	if n := len(g.Slides); n < 8 || n > 12 {
		t.Errorf("%d slides", n)
	}
	for _, s := range g.Slides {
		if !arabic(s.Title) || !arabic(s.Caption) || !arabic(s.Image.Alt) {
			t.Errorf("slide %s is not in Arabic", s.ID)
		}
	}
}

func TestThirdSampleIsAwkward(t *testing.T) {
	g := sample(t, "signs-and-sons")
	if len(g.Slides) != 5 {
		t.Fatalf("%d slides", len(g.Slides))
	}
	var captions []string
	for _, s := range g.Slides {
		captions = append(captions, s.Caption)
	}
	all := strings.Join(captions, "\n")
	for _, want := range []string{
		"&amp;", "&lt;b&gt;", "]]>", `"straight"`, "‘curly’", "„low“", "«pointed»", "「cornered」",
		"👩\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "🇸🇻", "e\u0301", "o\u0308", "<em>", `<a href="https://`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no caption has %q", want)
		}
	}
	text := regexp.MustCompile("<[^>]*>").ReplaceAllString(captions[4], "")
	if len([]rune(text)) < 1500 {
		t.Errorf("the long caption has %d characters without its tags", len([]rune(text)))
	}
	if !strings.Contains(g.Title, "&") || !strings.Contains(g.Summary, "<angle>") {
		t.Errorf("title %q, summary %q", g.Title, g.Summary)
	}
}
