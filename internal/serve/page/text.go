package page

import (
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// How many characters of a text stand where it is only quoted.
const (
	maxHeadline    = 160
	maxBlurb       = 200
	maxDescription = 300
	maxQuoted      = 400 // of a caption, in data for programs
)

// Inline returns at most n characters of s on one line, without bidirectional controls.
func Inline(s string, n int) string { return gallery.Excerpt(stripBidi(gallery.Line(s)), n) }

// stripBidi returns s without the characters that turn the direction of what
// follows (Unicode §23.2): in a title or an attribute nothing else would end
// their effect.
func stripBidi(s string) string {
	return strings.Map(func(r rune) rune {
		if '\u202A' <= r && r <= '\u202E' || '\u2066' <= r && r <= '\u2069' {
			return -1
		}
		return r
	}, s)
}

func first[T any](list []T, n int) []T { return list[:min(len(list), n)] }
