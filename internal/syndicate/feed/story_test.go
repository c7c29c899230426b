package feed

import (
	"strings"
	"testing"
)

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
