package gallery_test

import (
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

func TestClipCutsBetweenCharactersWithinTheLimit(t *testing.T) {
	for s, want := range map[string]string{
		"short": "short", "0123456789": "0123456789", "0123456789a": "0123456…",
		"012345ä789": "012345…", "01234ä6789": "01234ä…", "€€€€": "€€…",
		"caf\xe9": "caf\uFFFD", "ab\xff\xffc": "ab\uFFFDc", "0123456\xff": "0123456\uFFFD", "01234567\xff": "0123456…",
	} {
		if got := gallery.Clip(s, 10); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

func TestExcerptIsCutBetweenWords(t *testing.T) {
	word := strings.Repeat("ä", 9)
	for s, want := range map[string]string{
		"": "", "one two": "one two",
		word + " " + word + "x":         word + " " + word + "x",
		word + " " + word + "x y":       word + " " + word + "x…",
		word + " " + word + " xy":       word + " " + word + "…",
		word + "  ä " + word:            word + "  ä…",
		word + word + "äää":             word + word + "ää…",
		"日本 " + strings.Repeat("語", 18): "日本 " + strings.Repeat("語", 17) + "…",
	} {
		if got := gallery.Excerpt(s, 20); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}
