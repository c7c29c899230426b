package index

import (
	"maps"
	"slices"
)

// attach lets changes of the galleries that s may choose find it.
func (x *Index) attach(s *Selection) {
	for _, a := range s.required {
		n := x.names.at(a)
		n.selections = append(n.selections, s)
	}
	if len(s.required) == 0 {
		x.unfiltered = append(x.unfiltered, s)
	}
}

func (x *Index) detach(s *Selection) {
	without := func(all []*Selection) []*Selection {
		return slices.DeleteFunc(all, func(have *Selection) bool { return have == s })
	}
	for _, a := range s.required {
		n := x.names.at(a)
		n.selections = without(n.selections)
	}
	if len(s.required) == 0 {
		x.unfiltered = without(x.unfiltered)
	}
}

// affected returns the selections that the step from old to e may touch.
func (x *Index) affected(old, e *Entry) []*Selection {
	if old.leftAll() || e.leftAll() {
		return slices.Collect(maps.Keys(x.selections))
	}
	found := x.unfiltered[:len(x.unfiltered):len(x.unfiltered)]
	for _, of := range []*Entry{old, e} {
		for f := range of.facets {
			found = x.append(found, f)
		}
	}
	return found
}

// append adds those that choose by the name of f, each once.
func (x *Index) append(found []*Selection, f Facet) []*Selection {
	n := x.names.facets[f]
	if n == nil {
		return found
	}
	for _, s := range n.selections {
		if !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	return found
}
