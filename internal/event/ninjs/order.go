package ninjs

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// picture is a content that becomes a slide, with its place in the item.
type picture struct {
	*content
	name, place string
}

// inOrder returns the associations that are no other stories: featuremedia, which is the
// cover, first; then those of an array in its order. Members of an object are ordered by
// group, which is the name without the number at its end, in the order in which each
// group begins; within a group by Superdesk's order, then by that number.
func inOrder(associations members[content]) []picture {
	type ranked struct {
		picture
		group         int
		order, number int64
	}
	var all []ranked
	groups := make(map[string]int)
	for _, m := range associations.list {
		if m.value == nil || m.value.kind() == story {
			continue
		}
		r := ranked{picture: picture{content: m.value, name: m.name, place: "/associations" + m.token}}
		group, number := splitName(m.name)
		switch {
		case isCover(m.name):
			r.group = -1
		case !associations.listed:
			if _, known := groups[group]; !known {
				groups[group] = len(groups)
			}
			r.group, r.order, r.number = groups[group], int64(m.value.Order), number
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.order, b.order), cmp.Compare(a.number, b.number))
	})
	out := make([]picture, len(all))
	for i := range all {
		out[i] = all[i].picture
	}
	return out
}

func isCover(name string) bool { return strings.EqualFold(name, "featuremedia") }

// splitName cuts the number off the end of a name such as slideshow--12.
func splitName(name string) (group string, number int64) {
	group = strings.TrimRight(name, "0123456789")
	number, err := strconv.ParseInt("0"+name[len(group):], 10, 64)
	if err != nil {
		return group, math.MaxInt64
	}
	return group, number
}

// extras returns the pictures of the slideshows among the extra_items, in order.
func (w *item) extras() []picture {
	var out []picture
	for _, field := range w.ExtraItems.value.list {
		if field.value == nil || !strings.EqualFold(field.value.value.Type, "media") {
			continue
		}
		for _, m := range field.value.value.Items.list {
			if m.value != nil && m.value.kind() != story {
				out = append(out, picture{content: m.value, name: field.name + m.token, place: "/extra_items" + field.token + "/items" + m.token})
			}
		}
	}
	return out
}
