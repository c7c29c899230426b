package webhook

import (
	"slices"

	"github.com/gallerywire/gallerywire/internal/event"
)

// maxMerged is how many bytes of ids one update takes over from those before it, as many as
// package notice names in one. A target that missed more finds the rest in the feed.
const maxMerged = 256 << 10

// merge returns an update with the changes of old and then of newer, for a receiver
// that may have got old or not, because a response can be lost. Where both name a gallery
// the newer one counts, so that what was added and then removed is removed; but
// what was added and then changed is still added.
func merge(old, newer event.Update) event.Update {
	named := map[string]bool{}
	for _, ids := range [][]string{newer.Added, newer.Edited, newer.Removed} {
		for _, id := range ids {
			named[id] = true
		}
	}
	left := maxMerged
	unnamed := func(ids []string) []string {
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
			if named[id] || left < len(id) {
				return true
			}
			left -= len(id)
			return false
		})
	}
	// Removals first: that a gallery must go matters most.
	removed, added, edited := unnamed(old.Removed), unnamed(old.Added), unnamed(old.Edited)
	u := newer
	u.Removed = slices.Concat(newer.Removed, removed)
	still := slices.DeleteFunc(slices.Clone(newer.Edited), func(id string) bool { return !slices.Contains(old.Added, id) })
	u.Added = slices.Concat(newer.Added, still, added)
	u.Edited = slices.DeleteFunc(slices.Concat(newer.Edited, edited), func(id string) bool { return slices.Contains(still, id) })
	return u
}
