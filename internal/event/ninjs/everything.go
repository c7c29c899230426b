package ninjs

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// everything says all that is wrong with an item in which something does not
// fit where it stands, as the error of reading it says.
func everything(data []byte, o Options, err error) error {
	var h head
	found, whole := jsonfault.Collect(data, &h, maxProblems, meaning)
	status, place, known := h.status()
	if !known { // of one that may be meant as a take-down the rest does not count
		return join(found, whole, gallery.Problems{unknownStatus(place, cmp.Or(h.PubStatus, h.PubStatus3))})
	}
	if status != usable {
		_, others := takeDown(&h, status)
		return join(found, whole, others)
	}
	var w item
	if found, whole = jsonfault.Collect(data, &w, maxProblems, meaning); len(found) == 0 {
		place, reason := jsonfault.Explain(data, err, meaning)
		return gallery.Problems{problem(place, "%s", reason)}
	}
	w.assume(found)
	_, _, others := w.gallery(o)
	return join(found, whole, others)
}

// join adds to what was found what else is wrong, if the whole item was looked
// at.
func join(found []jsonfault.Fault, whole bool, others error) error {
	var ps, more gallery.Problems
	for _, f := range found {
		ps = append(ps, problem(f.Place, "%s", f.Reason))
	}
	if whole && errors.As(others, &more) {
		ps = append(ps, slices.DeleteFunc(more, func(p gallery.Problem) bool { return follows(p, found) })...)
	}
	return ps[:min(len(ps), maxProblems)]
}

// follows reports whether p is so because of what was found: at its place, around
// it or, where there is no picture, among those that there could be.
func follows(p gallery.Problem, found []jsonfault.Fault) bool {
	return slices.ContainsFunc(found, func(f jsonfault.Fault) bool {
		return f.Covers(p.Place) || strings.HasSuffix(p.Place, "/renditions") && jsonfault.Fault{Place: p.Place}.Covers(f.Place)
	})
}

// assume fills in what other members would be derived from, or would stand in
// for, so that nothing is said of these.
func (w *item) assume(found []jsonfault.Fault) {
	for _, f := range found {
		switch name, _, _ := strings.Cut(strings.TrimPrefix(f.Place, "/"), "/"); name {
		case "url":
			w.URL = "https://example.invalid/"
		case "uri":
			w.GUID = cmp.Or(w.GUID, "-")
		case "headline", "headline_main", "headlines", "title", "name":
			w.Headline = cmp.Or(w.Headline, "-")
		case "firstpublished", "firstcreated", "contentcreated", "versioncreated", "firstCreated", "contentCreated", "versionCreated":
			if w.VersionCreated.IsZero() {
				w.VersionCreated.Time = time.Unix(0, 0)
			}
		}
	}
}
