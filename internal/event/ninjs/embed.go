package ninjs

import (
	"regexp"
	"strings"
)

// embedMark is one end of the block that Superdesk writes into a body for a
// picture or a video among the associations.
var embedMark = regexp.MustCompile(`<!--\s*EMBED (START|END) (?:Image|Video)\s*\{\s*id:\s*["']([^"'<>]*)["']\s*\}\s*-->`)

// withoutEmbeds cuts out of body the blocks of the associations that has
// knows: those pictures are slides, or may not be shown. A block that does not
// end stays.
func withoutEmbeds(body string, has func(name string) bool) string {
	var b strings.Builder
	kept, start, open := 0, 0, ""
	for _, m := range embedMark.FindAllStringSubmatchIndex(body, -1) {
		name := body[m[4]:m[5]]
		switch {
		case body[m[2]:m[3]] == "START":
			start, open = m[0], name
		case open == name && has(name):
			b.WriteString(body[kept:start])
			kept, open = m[1], ""
		}
	}
	b.WriteString(body[kept:])
	return strings.TrimSpace(b.String())
}
