package gallery

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// good returns a gallery that fills every field and has nothing wrong.
func good() *Gallery {
	return &Gallery{
		ID: "harbour-lights", URL: "https://news.example.com/harbour", GUID: "https://old.example.com/?p=17",
		Title: "Harbour lights", Summary: "Boats", Body: "<p>Boats</p>", Language: "en", Section: "Travel",
		Tags: []string{"night"}, Authors: []Author{{Name: "A. Writer", Email: "a@example.com", URL: "https://news.example.com/a"}},
		Published: day(20), Updated: day(21), Expires: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), Version: 3,
		Sources: []string{"Agency One"}, Copyright: "© Example News", License: "https://example.com/licence",
		Slides: []Slide{
			{ID: "1", Title: "Dusk", Caption: "<p>Boats</p>", Credit: "Agency One", Image: Image{
				URL: "https://img.example.com/1.jpg", Type: "image/jpeg", Width: 1600, Height: 900, Bytes: 245113,
				Alt: "Boats at dusk", Thumbnail: "https://img.example.com/1-s.jpg",
			}},
			{Image: Image{URL: "http://img.example.com/2.jpg"}},
		},
	}
}

// words returns the problems one a line, as people read them.
func words(ps Problems) []string {
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return out
}

func TestValidateAcceptsAFullGallery(t *testing.T) {
	if ps := good().Validate(); ps != nil {
		t.Errorf("Validate = %v", ps)
	}
}

func TestValidateAcceptsTheLeastGallery(t *testing.T) {
	g := &Gallery{ID: "a", Title: "t", Published: day(1)}
	g.Normalise()
	if ps := g.Validate(); ps != nil {
		t.Errorf("Validate = %v", ps)
	}
}

func TestValidateNamesPlaceAndReason(t *testing.T) {
	const relative = "is relative: make it absolute, or give the gallery a url to resolve it against"
	tests := []struct {
		name   string
		change func(*Gallery)
		want   string
	}{
		{"no id", func(g *Gallery) { g.ID = "" }, "/id: missing or blank: state an id that never changes"},
		{"blank id", func(g *Gallery) { g.ID = " \u00a0" }, "/id: missing or blank: state an id that never changes"},
		{"control character in the id", func(g *Gallery) { g.ID = "a\u0007b" }, "/id: holds the character U+0007, which is not allowed here"},
		{"line break in the id", func(g *Gallery) { g.ID = "a\nb" }, "/id: holds the character U+000A, which is not allowed here"},
		{"lost character in the id", func(g *Gallery) { g.ID = "caf\ufffd" }, "/id: holds the character U+FFFD, which is not allowed here"},
		{"forbidden character in the id", func(g *Gallery) { g.ID = "\uffff" }, "/id: holds the character U+FFFF, which is not allowed here"},
		{"control character in the guid", func(g *Gallery) { g.GUID = "\x00" }, "/guid: holds the character U+0000, which is not allowed here"},
		{"script address", func(g *Gallery) { g.URL = "javascript:alert(1)" }, `/url: begins with "javascript:": only http and https addresses are allowed`},
		{"script address in capitals", func(g *Gallery) { g.URL = "JavaScript:alert(1)" }, `/url: begins with "javascript:": only http and https addresses are allowed`},
		{"data address", func(g *Gallery) { g.Slides[0].Image.URL = "data:image/png;base64,AAAA" }, `/slides/0/image/url: begins with "data:": only http and https addresses are allowed`},
		{"script address with a line break", func(g *Gallery) { g.URL = "java\nscript:alert(1)" }, "/url: is not a valid address (RFC 3986)"},
		{"relative address of the gallery", func(g *Gallery) { g.URL = "/harbour" }, "/url: is relative: make it absolute"},
		{"address without host", func(g *Gallery) { g.URL = "https:///?harbour" }, "/url: has no host"},
		{"address of a port that is none", func(g *Gallery) { g.URL = "https://example.com:65536/" }, `/url: has the host "example.com:65536", which is none (RFC 3986)`},
		{"thumbnail that is a video", func(g *Gallery) { g.Slides[0].Image.Thumbnail = "https://example.com/v.mp4" }, "/slides/0/image/thumbnail: names a video, and a thumbnail is a picture"},
		{"address that is none", func(g *Gallery) { g.URL = "https://[::1" }, "/url: is not a valid address (RFC 3986)"},
		{"address with a password", func(g *Gallery) { g.URL = "https://jo:secret@example.com/" }, "/url: holds a user name or password, which everybody would see: leave it out"},
		{"no title", func(g *Gallery) { g.Title = "" }, "/title: missing or blank"},
		{"title of what XML forbids", func(g *Gallery) { g.Title = " \x01\x02\t" }, "/title: missing or blank"},
		{"no language tag", func(g *Gallery) { g.Language = "English (UK)" }, `/language: "English (UK)" is no language tag: write it like en or pt-BR`},
		{"no publication", func(g *Gallery) { g.Published = time.Time{} }, "/published: missing: state an instant such as 2026-11-20T09:00:00Z"},
		{"published in 9999", func(g *Gallery) { g.Published = g.Expires }, "/published: the year 9999 is not between 1800 and 2200"},
		{"updated in 9999", func(g *Gallery) { g.Updated = g.Expires }, "/updated: the year 9999 is not between 1800 and 2200"},
		{"published in 1799", func(g *Gallery) { g.Published = time.Date(1799, 12, 31, 23, 0, 0, 0, time.UTC) }, "/published: the year 1799 is not between 1800 and 2200"},
		{"negative version", func(g *Gallery) { g.Version = -1 }, "/version: is negative"},
		{"relative licence", func(g *Gallery) { g.License = "/licence" }, "/license: " + relative},
		{"author's address", func(g *Gallery) { g.Authors[0].URL = "mailto:a@example.com" }, `/authors/0/url: begins with "mailto:": only http and https addresses are allowed`},
		{"blank id of a slide", func(g *Gallery) { g.Slides[0].ID = " " }, "/slides/0/id: missing or blank: state an id that never changes"},
		{"control character in the id of a slide", func(g *Gallery) { g.Slides[1].ID = "\x1b" }, "/slides/1/id: holds the character U+001B, which is not allowed here"},
		{"slides with one id", func(g *Gallery) { g.Slides[1].ID = "1" }, "/slides/1/id: is the id of /slides/0 too"},
		{"slide without picture", func(g *Gallery) { g.Slides[1].Image.URL = "" }, "/slides/1/image/url: missing: a slide has a picture"},
		{"relative picture", func(g *Gallery) { g.Slides[1].Image.URL = "2.jpg" }, "/slides/1/image/url: " + relative},
		{"relative thumbnail", func(g *Gallery) { g.Slides[1].Image.Thumbnail = "2.jpg" }, "/slides/1/image/thumbnail: " + relative},
		{"negative width", func(g *Gallery) { g.Slides[0].Image.Width = -1 }, "/slides/0/image/width: is -1 pixels, from 0 (unknown) to 100000 are allowed"},
		{"huge height", func(g *Gallery) { g.Slides[0].Image.Height = MaxSide + 1 }, "/slides/0/image/height: is 100001 pixels, from 0 (unknown) to 100000 are allowed"},
		{"negative size", func(g *Gallery) { g.Slides[0].Image.Bytes = -1 }, "/slides/0/image/bytes: is negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := good()
			tt.change(g)
			if diff := cmp.Diff([]string{tt.want}, words(g.Validate())); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateHoldsLengthsToTheirLimits(t *testing.T) {
	address := func(n int) string { return "https://example.com/" + strings.Repeat("x", n-len("https://example.com/")) }
	text := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		place string
		most  int
		make  func(int) string
		field func(*Gallery) *string
	}{
		{"/id", MaxID, text, func(g *Gallery) *string { return &g.ID }},
		{"/url", MaxURL, address, func(g *Gallery) *string { return &g.URL }},
		{"/guid", MaxURL, text, func(g *Gallery) *string { return &g.GUID }},
		{"/title", MaxTitle, text, func(g *Gallery) *string { return &g.Title }},
		{"/summary", MaxSummary, text, func(g *Gallery) *string { return &g.Summary }},
		{"/section", MaxName, text, func(g *Gallery) *string { return &g.Section }},
		{"/tags/0", MaxLabel, text, func(g *Gallery) *string { return &g.Tags[0] }},
		{"/authors/0/name", MaxLabel, text, func(g *Gallery) *string { return &g.Authors[0].Name }},
		{"/authors/0/email", MaxName, text, func(g *Gallery) *string { return &g.Authors[0].Email }},
		{"/authors/0/url", MaxURL, address, func(g *Gallery) *string { return &g.Authors[0].URL }},
		{"/sources/0", MaxName, text, func(g *Gallery) *string { return &g.Sources[0] }},
		{"/copyright", MaxTitle, text, func(g *Gallery) *string { return &g.Copyright }},
		{"/license", MaxURL, address, func(g *Gallery) *string { return &g.License }},
		{"/slides/0/id", MaxID, text, func(g *Gallery) *string { return &g.Slides[0].ID }},
		{"/slides/0/title", MaxTitle, text, func(g *Gallery) *string { return &g.Slides[0].Title }},
		{"/slides/0/caption", MaxCaption, text, func(g *Gallery) *string { return &g.Slides[0].Caption }},
		{"/slides/0/credit", MaxName, text, func(g *Gallery) *string { return &g.Slides[0].Credit }},
		{"/slides/0/image/url", MaxURL, address, func(g *Gallery) *string { return &g.Slides[0].Image.URL }},
		{"/slides/0/image/type", MaxName, text, func(g *Gallery) *string { return &g.Slides[0].Image.Type }},
		{"/slides/0/image/alt", MaxSummary, text, func(g *Gallery) *string { return &g.Slides[0].Image.Alt }},
		{"/slides/0/image/thumbnail", MaxURL, address, func(g *Gallery) *string { return &g.Slides[0].Image.Thumbnail }},
	}
	for _, tt := range tests {
		t.Run(tt.place, func(t *testing.T) {
			g := good()
			*tt.field(g) = tt.make(tt.most)
			if ps := g.Validate(); ps != nil {
				t.Errorf("%d bytes: %v", tt.most, ps)
			}
			*tt.field(g) = tt.make(tt.most + 1)
			want := fmt.Sprintf("%s: is %d bytes long, at most %d are allowed", tt.place, tt.most+1, tt.most)
			if diff := cmp.Diff([]string{want}, words(g.Validate())); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateHoldsListsToTheirLimits(t *testing.T) {
	tests := []struct {
		name string
		most int
		make func(g *Gallery, n int)
		want string
	}{
		{"tags", MaxList, func(g *Gallery, n int) { g.Tags = make([]string, n) }, "/tags: has 101 entries, at most 100 are allowed"},
		{"authors", MaxList, func(g *Gallery, n int) { g.Authors = make([]Author, n) }, "/authors: has 101 entries, at most 100 are allowed"},
		{"sources", MaxList, func(g *Gallery, n int) { g.Sources = make([]string, n) }, "/sources: has 101 entries, at most 100 are allowed"},
		{"slides", MaxSlides, func(g *Gallery, n int) { g.Slides = pictures(n) }, "/slides: has 1001 entries, at most 1000 are allowed"},
		{"section, tags and authors together", MaxLabels, labels,
			"/tags: section, tags, sources and names of authors and audiences are 24001 bytes together, at most 24000 are allowed"},
		{"instants of slides' rights", MaxInstants, func(g *Gallery, n int) {
			g.Slides = pictures(2 * n)
			for i := range g.Slides {
				g.Slides[i].Rights.Until = day(1).AddDate(0, 0, i%n)
			}
		}, "/slides: the rights of the slides begin and end at 51 different instants, at most 50 are allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := good()
			tt.make(g, tt.most)
			if ps := g.Validate(); ps != nil {
				t.Errorf("%d: %v", tt.most, ps)
			}
			tt.make(g, tt.most+1)
			if diff := cmp.Diff([]string{tt.want}, words(g.Validate())); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// labels gives g a section, tags and an author of n bytes together.
func labels(g *Gallery, n int) {
	g.Sources = nil
	g.Section, g.Authors[0].Name = "Travel", "A. Writer"
	n -= len(g.Section) + len(g.Authors[0].Name)
	g.Tags = nil
	g.Authors = g.Authors[:1]
	for ; n > MaxLabel && len(g.Tags) < MaxList; n -= MaxLabel {
		g.Tags = append(g.Tags, strings.Repeat("x", MaxLabel))
	}
	for ; n > 0; n -= MaxLabel {
		g.Authors = append(g.Authors, Author{Name: strings.Repeat("x", min(n, MaxLabel))})
	}
}

func pictures(n int) []Slide {
	slides := make([]Slide, n)
	for i := range slides {
		slides[i] = Slide{ID: fmt.Sprint(i), Image: Image{URL: "https://img.example.com/1.jpg"}}
	}
	return slides
}

func TestValidateListsAllProblemsInOrder(t *testing.T) {
	want := []string{
		"/id: missing or blank: state an id that never changes",
		"/title: missing or blank",
		"/published: missing: state an instant such as 2026-11-20T09:00:00Z",
		"/slides/0/image/url: missing: a slide has a picture",
	}
	g := &Gallery{Slides: make([]Slide, 1)}
	ps := g.Validate()
	if diff := cmp.Diff(want, words(ps)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if got := ps.Error(); got != strings.Join(want, "; ") {
		t.Errorf("Error = %q", got)
	}
}

func TestValidateStopsAtTwentyProblems(t *testing.T) {
	g := good()
	g.Slides = make([]Slide, 10_000)
	ps := g.Validate()
	if len(ps) != 20 || ps[0].Place != "/slides" || ps[19].Place != "/slides/18/image/url" {
		t.Errorf("%d problems: %v", len(ps), ps)
	}
}

func TestValidateTakeDown(t *testing.T) {
	tests := []struct {
		name    string
		id      string
		updated time.Time
		version int64
		reason  string
		want    []string
	}{
		{"good", "a", day(1), 3, "rights withdrawn", nil},
		{"no id", "", day(1), 0, "", []string{"/id: missing or blank: state an id that never changes"}},
		{"300-byte id", strings.Repeat("x", 300), day(1), 0, "", []string{"/id: is 300 bytes long, at most 256 are allowed"}},
		{"no instant", "a", time.Time{}, 0, "", []string{"/updated: missing: state an instant such as 2026-11-20T09:00:00Z"}},
		{"year 9999", "a", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 0, "", []string{"/updated: the year 9999 is not between 1800 and 2200"}},
		{"negative version", "a", day(1), -3, "", []string{"/version: is negative"}},
		{"long reason", "a", day(1), 0, strings.Repeat("x", 2001), []string{"/reason: is 2001 bytes long, at most 2000 are allowed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, words(ValidateTakeDown(tt.id, tt.updated, tt.version, tt.reason))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
