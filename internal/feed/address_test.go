package feed

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

func TestAddress(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "news.example.com", Path: "/a/b"}
	tests := []struct{ name, in, want string }{
		{"absolute", "https://img.example.com/1.jpg?a=1&b=%20#x", "https://img.example.com/1.jpg?a=1&b=%20#x"},
		{"relative", "../c.jpg", "https://news.example.com/c.jpg"},
		{"without scheme", "//img.example.com/c.jpg", "https://img.example.com/c.jpg"},
		{"international", "http://bücher.example:8080/größe.jpg?ü=ß", "http://xn--bcher-kva.example:8080/gr%C3%B6%C3%9Fe.jpg?%C3%BC=%C3%9F"},
		{"awkward characters", "https://example.com/a b\"<>?c=\"<d>", "https://example.com/a%20b%22%3C%3E?c=%22%3Cd%3E"},
		{"script", "javascript:alert(1)", ""},
		{"without host", "https:///a.jpg", ""},
		{"not an address", "https://[::1", ""},
		{"empty", " ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := address(tt.in, base); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMediaType(t *testing.T) {
	tests := []struct{ given, addr, want string }{
		{"image/webp", "https://example.com/a.jpg", "image/webp"},
		{"", "https://example.com/a.JPEG?x=.png", "image/jpeg"},
		{"nonsense", "https://example.com/a.png#b", "image/png"},
		{"", "https://example.com/a", ""},
	}
	for _, tt := range tests {
		if got := mediaType(tt.given, tt.addr); got != tt.want {
			t.Errorf("mediaType(%q, %q) = %q, want %q", tt.given, tt.addr, got, tt.want)
		}
	}
}

func TestIDs(t *testing.T) {
	const tag = "tag:news.example.com,2026:"
	tests := []struct{ name, id, guid, want, atom string }{
		{"plain", "harbour-lights", "", tag + "harbour-lights", tag + "harbour-lights"},
		{"with a path", "a/b:c", "", tag + "a/b:c", tag + "a/b:c"},
		{"like a feed", "/feeds/all", "", tag + "%2Ffeeds/all", tag + "%2Ffeeds/all"},
		{"awkward", "ä %?#", "", tag + "%C3%A4%20%25%3F%23", tag + "%C3%A4%20%25%3F%23"},
		{"publisher's address", "x", "https://old.example.com/?p=17", "https://old.example.com/?p=17", "https://old.example.com/?p=17"},
		{"publisher's number", "x", "12345", "12345", tag + "/guid/12345"},
		{"publisher's with what XML forbids", "x", "a\x01b", "ab", tag + "/guid/ab"},
		{"publisher's is blank", "x", " \x01", tag + "x", tag + "x"},
	}
	r := testRenderer()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &gallery.Gallery{ID: tt.id, GUID: tt.guid}
			if got := r.ID(g); got != tt.want {
				t.Errorf("ID %q, want %q", got, tt.want)
			}
			if got := r.atomID(g); got != tt.atom {
				t.Errorf("Atom id %q, want %q", got, tt.atom)
			}
		})
	}
	if got := r.FeedID("all"); got != tag+"/feeds/all" {
		t.Errorf("FeedID %q", got)
	}
}

func TestLanguage(t *testing.T) {
	tests := []struct {
		in, want string
		rtl      bool
	}{
		{"en_GB", "en-GB", false}, {"ar", "ar", true}, {"he-IL", "he-IL", true}, {"ar-Latn", "ar-Latn", false},
		{"pa-Arab-PK", "pa-Arab-PK", true}, {"fa", "fa", true}, {"English (US)", "", false}, {"", "", false}, {"de-1996", "de-1996", false},
	}
	for _, tt := range tests {
		if got := language(tt.in); got != tt.want || rightToLeft(got) != tt.rtl {
			t.Errorf("language(%q) = %q, right to left %v", tt.in, got, rightToLeft(got))
		}
	}
}

func TestExcerptIsCutBetweenWords(t *testing.T) {
	word := strings.Repeat("ä", 99)
	tests := []struct{ name, in, want string }{
		{"short", "one two", "one two"},
		{"as long as allowed", word + " " + word + " " + word + "x", word + " " + word + " " + word + "x"},
		{"long", word + " " + word + " " + word + " x y", word + " " + word + " " + word + "…"},
		{"one long word", strings.Repeat("ä", 301), strings.Repeat("ä", 300) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := excerpt(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
