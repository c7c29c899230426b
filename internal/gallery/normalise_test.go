package gallery

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNormaliseResolvesAddresses(t *testing.T) {
	const base = "https://news.example.com/galleries/harbour?page=2"
	tests := []struct{ name, base, ref, want string }{
		{"absolute, kept as it was written", base, "HTTPS://IMG.example.com/a b.jpg", "HTTPS://IMG.example.com/a b.jpg"},
		{"beside the gallery", base, "1.jpg", "https://news.example.com/galleries/1.jpg"},
		{"from the root", base, "/i/1.jpg", "https://news.example.com/i/1.jpg"},
		{"above the root", base, "../../../1.jpg", "https://news.example.com/1.jpg"},
		{"of another host", base, "//img.example.com/1.jpg", "https://img.example.com/1.jpg"},
		{"of another host and port", base, "//img.example.com:8443/1.jpg", "https://img.example.com:8443/1.jpg"},
		{"only a query", base, "?slide=1", "https://news.example.com/galleries/harbour?slide=1"},
		{"with a colon in the path", base, "i/a:b.jpg", "https://news.example.com/galleries/i/a:b.jpg"},
		{"with a space inside", base, "my boat.jpg", "https://news.example.com/galleries/my%20boat.jpg"},
		{"with white space around", base, "\n /1.jpg\t", "https://news.example.com/1.jpg"},
		{"absolute with white space around", base, " https://img.example.com/1.jpg ", "https://img.example.com/1.jpg"},
		{"with white space before an empty fragment", base, "?q=\u00a0#", "https://news.example.com/galleries/harbour?q="},
		{"script, left for Validate", base, "javascript:alert(1)", "javascript:alert(1)"},
		{"with a bare percent sign", base, "/%zz", "https://news.example.com/%25zz"},
		{"with an escape beside a space", base, "a b%2Fc.jpg", "https://news.example.com/galleries/a%20b%2Fc.jpg"},
		{"with signs that were always escaped so", base, "boat (1).jpg", "https://news.example.com/galleries/boat%20%281%29.jpg"},
		{"with a line break", base, "i/\n1.jpg", "https://news.example.com/galleries/i/1.jpg"},
		{"with backslashes", base, `i\1.jpg`, "https://news.example.com/galleries/i/1.jpg"},
		{"no address, left for Validate", base, "//h:x/", "//h:x/"},
		{"empty", base, "", ""},
		{"without a base", "", "1.jpg", "1.jpg"},
		{"with a base that is relative", "/galleries/harbour", "1.jpg", "1.jpg"},
		{"with a base without host", "mailto:a@example.com", "1.jpg", "1.jpg"},
		{"with white space around the base", " https://news.example.com/ ", "1.jpg", "https://news.example.com/1.jpg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := Gallery{
				URL: tt.base, License: tt.ref, Authors: []Author{{URL: tt.ref}},
				Slides: []Slide{{Image: Image{URL: tt.ref, Thumbnail: tt.ref}}},
			}
			g.Normalise()
			image := g.Slides[0].Image
			if want := tt.want; g.License != want && (!LicenceInWords(tt.ref) || g.License != strings.TrimSpace(tt.ref)) {
				t.Errorf("the address of the license is %q, want %q", g.License, want)
			}
			for place, got := range map[string]string{
				"author": g.Authors[0].URL, "image": image.URL, "thumbnail": image.Thumbnail,
			} {
				if got != tt.want {
					t.Errorf("the address of the %s is %q, want %q", place, got, tt.want)
				}
			}
		})
	}
}

func TestNormaliseDefaultsUpdatedToPublished(t *testing.T) {
	g := Gallery{Published: day(3)}
	g.Normalise()
	if !g.Updated.Equal(day(3)) {
		t.Errorf("Updated = %v", g.Updated)
	}
	g = Gallery{Published: day(3), Updated: day(1)}
	g.Normalise()
	if !g.Updated.Equal(day(1)) {
		t.Errorf("a stated Updated became %v", g.Updated)
	}
}

func TestNormaliseWritesLanguageTagsWithHyphens(t *testing.T) {
	g := Gallery{Language: "zh_Hant_TW"}
	g.Normalise()
	if g.Language != "zh-Hant-TW" {
		t.Errorf("Language = %q", g.Language)
	}
}

func FuzzNormaliseIsIdempotent(f *testing.F) {
	f.Add("https://news.example.com/a/b", "../c?d#e", "en_GB", int64(0))
	f.Add("http://h", "//i:80/ #", "pt-BR", int64(1))
	f.Add("", "x:y", "", int64(1_700_000_000))
	f.Fuzz(func(t *testing.T, base, ref, language string, updated int64) {
		g := &Gallery{
			URL: base, License: ref, Language: language, Published: day(1), Authors: []Author{{URL: ref}},
			Slides: []Slide{{Image: Image{URL: ref, Thumbnail: ref + "s"}}},
		}
		if updated != 0 {
			g.Updated = time.Unix(updated%1e9, 0).UTC()
		}
		g.Normalise()
		once := *g
		once.Authors, once.Slides = append([]Author{}, g.Authors...), append([]Slide{}, g.Slides...)
		g.Normalise()
		if diff := cmp.Diff(&once, g); diff != "" {
			t.Errorf("the second time (-once +twice):\n%s", diff)
		}
	})
}
