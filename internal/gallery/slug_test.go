package gallery

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSlug(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"one word", "Travel", "travel"},
		{"words", "  Terrorism   confinement\tcenter ", "terrorism-confinement-center"},
		{"accents", "Émigré Ångström", "émigré-ångström"},
		{"accents apart", "E\u0301migre\u0301", "émigré"},
		{"sharp s", "STRAßE", "strasse"},
		{"final sigma", "ΣΊΣΥΦΟΣ", "σίσυφοσ"},
		{"Arabic", "أضواء الميناء", "أضواء-الميناء"},
		{"Chinese", "香港 2026", "香港-2026"},
		{"Hindi, with marks", "हिन्दी", "हिन्दी"},
		{"sign", "R&D", "r-d~dacc7c16cdbd7096"},
		{"hyphen", "r-d", "r-d~e851bd10401dcdde"},
		{"path", "../../etc/passwd", "etc-passwd~3754d6cb3a38e118"},
		{"NUL", "a\x00b", "ab"},
		{"only punctuation", "?!", "~545f940d19fadff4"},
		{"empty", "", "~e3b0c44298fc1c14"},
		{"blank", " \t", "~e3b0c44298fc1c14"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Slug(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSlugOfALongNameIsCutBetweenCharacters(t *testing.T) {
	tests := []struct{ name, in, readable string }{
		{"as long as allowed", strings.Repeat("é", 50), strings.Repeat("é", 50)},
		{"a byte too long", "a" + strings.Repeat("é", 50), "a" + strings.Repeat("é", 49)},
		{"cut after a hyphen", strings.Repeat("a", 99) + " b", strings.Repeat("a", 99)},
		{"very long", strings.Repeat("字 ", 5000), strings.Repeat("字-", 24) + "字"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			readable, hash, hashed := strings.Cut(Slug(tt.in), "~")
			if readable != tt.readable || hashed != (len(tt.in) > maxReadable) || hashed && len(hash) != 2*slugHash {
				t.Errorf("got %q and hash %q, want %q", readable, hash, tt.readable)
			}
		})
	}
}

// awkwardNames are names that look alike or are meant to do harm.
func awkwardNames() []string {
	return []string{
		"", " ", "a", "A", "a b", "a  b", "a-b", "a_b", "a/b", "a\\b", "..", ".", "%2e%2e", "%2F", "a\x00", "~", "a~b", "-", "--",
		"é", "e\u0301", "É", "ß", "ss", "SS", "ẞ", "ﬁ", "fi", "İ", "i̇", "ı", "I", "Σ", "σ", "ς", "ᾳ", "αι", "ΑΙ", "\u0345", "Ω", "Ω", "K", "K",
		"Å", "Å", "가", "\u1100\u1161", "ﷺ", "أ", "\u0627\u0654", "😀", "😀😀", "字", "1", "١", "\u200f", "\u00a0", "a\u00a0b", "\xff", "\ufffe",
		strings.Repeat("x", 100), strings.Repeat("x", 101), strings.Repeat("x", 102), "x" + strings.Repeat(" y", 60), "ǰ", "ŉ", "ΐ", "Ǆ", "ǅ",
	}
}

func TestSlugsAreEqualWhereFoldsAre(t *testing.T) {
	for _, a := range awkwardNames() {
		for _, b := range awkwardNames() {
			checkSlugs(t, a, b)
		}
	}
}

func FuzzSlug(f *testing.F) {
	names := awkwardNames()
	for i, name := range names {
		f.Add(name, names[(i+1)%len(names)])
	}
	f.Fuzz(checkSlugs)
}

func checkSlugs(t *testing.T, a, b string) {
	t.Helper()
	if (Slug(a) == Slug(b)) != (Fold(a) == Fold(b)) {
		t.Errorf("slugs %q and %q of the folds %q and %q", Slug(a), Slug(b), Fold(a), Fold(b))
	}
	if folded := Fold(a); Fold(folded) != folded || Slug(folded) != Slug(a) {
		t.Errorf("folds %q and then %q of %q", folded, Fold(folded), a)
	}
	shape := regexp.MustCompile(`^[\pL\pM\p{Nd}]*(-[\pL\pM\p{Nd}]+)*(~[0-9a-f]{16})?$`)
	if s := Slug(a); s == "" || len(s) > 117 || !utf8.ValidString(s) || !shape.MatchString(s) {
		t.Errorf("slug %q of %q", s, a)
	}
}
