package feed

import (
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// language returns tag in the form of BCP 47, "" when it is no language tag:
// one that a validator refuses would make the document invalid.
func language(tag string) string {
	tag = strings.ReplaceAll(strings.TrimSpace(gallery.Text(tag)), "_", "-")
	for i, sub := range strings.Split(tag, "-") {
		if !subtag(sub, i > 0) {
			return ""
		}
	}
	return tag
}

func subtag(s string, digits bool) bool {
	for _, c := range s {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (!digits || c < '0' || c > '9') {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 8
}
