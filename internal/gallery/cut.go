package gallery

import (
	"strings"
	"unicode/utf8"
)

const ellipsis = "…"

// Clip returns s for a record or a message that has room for n bytes (3 or more):
// UTF-8, and where it was longer, whole characters and an ellipsis.
func Clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	end := n - len(ellipsis)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

// Excerpt returns s for a reader, with n characters at most. Where it was longer it
// ends between two words, if there are any in the second half, and in an ellipsis,
// which is not counted.
func Excerpt(s string, n int) string {
	seen := 0
	for i := range s {
		if seen < n {
			seen++
			continue
		}
		if space := strings.LastIndexByte(s[:i], ' '); space > i/2 {
			i = space
		}
		return strings.TrimSpace(s[:i]) + ellipsis
	}
	return s
}
