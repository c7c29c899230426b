package gallery

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSlideKeys(t *testing.T) {
	picture := func(url string) Slide { return Slide{Image: Image{URL: url}} }
	g := Gallery{Slides: []Slide{
		{ID: "1"}, picture("https://img.example.com/a.jpg"), {ID: "a/b"}, {ID: "1"}, picture("https://img.example.com/a.jpg"), {ID: "1"},
	}}
	want := []string{
		"1", "~50fbf6141fee99807805", "=c14cddc033f64b9dea80ea675cf280a015e67251", "1~2", "~50fbf6141fee99807805~2", "1~3",
	}
	if diff := cmp.Diff(want, g.SlideKeys()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSlideKeysStayWhenASlideIsPutBetween(t *testing.T) {
	g := Gallery{Slides: []Slide{{ID: "x"}, {Image: Image{URL: "https://img.example.com/1.jpg"}}, {Image: Image{URL: "https://img.example.com/2.jpg"}}}}
	before := g.SlideKeys()
	g.Slides = slices.Insert(g.Slides, 1, Slide{Title: "new", Image: Image{URL: "https://img.example.com/3.jpg"}})
	g.Slides[2].Caption = "edited"
	after := g.SlideKeys()
	if diff := cmp.Diff(before, slices.Delete(after, 1, 2)); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
}
