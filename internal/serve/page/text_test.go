package page

import "testing"

func TestClip(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"ab cd", 3, "ab…"}, {"äöüß", 3, "äöü…"}, {"äöü", 3, "äöü"},
	} {
		if got := clip(c.text, c.n); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

func TestSettled(t *testing.T) {
	for text, want := range map[string]string{
		"plain":             "plain",
		"a \u202Eb\u202C c": "a b c",
		"\u2066\u2067\u2068\u2069\u202A\u202B\u202D": "",
		"\u200Fשלום\u200E":                           "\u200Fשלום\u200E", // marks that turn nothing
	} {
		if got := settled(text); got != want {
			t.Errorf("settled(%q) = %q, want %q", text, got, want)
		}
	}
}
