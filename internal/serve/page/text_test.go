package page

import "testing"

func TestStripBidiRemovesWhatTurnsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":             "plain",
		"a \u202Eb\u202C c": "a b c",
		"\u2066\u2067\u2068\u2069\u202A\u202B\u202D": "",
		"\u200Fשלום\u200E":                           "\u200Fשלום\u200E", // marks that turn nothing
	} {
		if got := stripBidi(text); got != want {
			t.Errorf("stripBidi(%q) = %q, want %q", text, got, want)
		}
	}
}
