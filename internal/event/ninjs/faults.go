package ninjs

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// A problem is bounded: names and values are the sender's.
const (
	maxPlace    = 200 // bytes
	maxQuoted   = 60  // bytes of a value that is quoted
	maxProblems = 20
)

func problem(place, format string, args ...any) gallery.Problem {
	return gallery.Problem{Place: gallery.Clip(place, maxPlace), Reason: fmt.Sprintf(format, args...)}
}

// unfit says why a value does not fit where it stands.
func unfit(e *json.SemanticError) string {
	var m *misfit
	if errors.As(e.Err, &m) {
		return m.reason
	}
	belongs := "a string"
	if e.GoType != nil {
		switch e.GoType.Kind() {
		case reflect.Slice:
			belongs = "an array"
		case reflect.Struct:
			belongs = "an object"
		}
	}
	return jsonfault.Holds(e.JSONKind, belongs)
}

// places tell where in the item each place of the gallery comes from.
type places map[string]string

// places returns those of what a take-down has.
func (h *head) places() places {
	id := "/guid"
	if h.GUID == "" && h.URI != "" {
		id = "/uri"
	}
	return places{"/id": id, "/version": "/version", "/language": "/language", "/reason": "/pubstatus"}
}

// locate makes the places of ps, which are in the gallery, places in the item: a place
// that has none there has that of what is around it.
func (at places) locate(ps gallery.Problems) gallery.Problems {
	for i := range ps {
		origin, place := "", ps[i].Place
		for known := false; !known && place != ""; place = place[:max(strings.LastIndexByte(place, '/'), 0)] {
			origin, known = at[place]
		}
		ps[i].Place = gallery.Clip(origin, maxPlace)
	}
	return ps
}

// decodeFaulty reads an item in which something does not fit where it stands, as err
// says, and names all that is wrong with it. A take-down is acted upon if its id can be
// read: one that is refused leaves on show what must not be.
func decodeFaulty(data []byte, o Options, err error) (*Item, error) {
	var h head
	faults, whole := jsonfault.Collect(data, &h, maxProblems, unfit)
	status, unknown := h.status("")
	switch {
	case o.TakeDown || status != usable:
		if o.TakeDown {
			status = ""
		}
		if whole {
			faults = slices.DeleteFunc(faults, func(p gallery.Problem) bool { return strings.EqualFold(p.Place, "/pubstatus") })
		}
		i, others := h.takeDown(status)
		if others != nil || !whole {
			return nil, join(faults, whole, others)
		}
		if len(faults) > 0 {
			i.LeftOut = join(faults, whole, i.LeftOut)
		}
		return i, nil
	case unknown != nil: // the rest of a take-down may be in any state
		return nil, join(faults, whole, unknown)
	}
	var w item
	if faults, whole = jsonfault.Collect(data, &w, maxProblems, unfit); len(faults) == 0 {
		p := jsonfault.Explain(data, err, unfit)
		return nil, gallery.Problems{problem(p.Place, "%s", p.Reason)}
	}
	w.assume(faults)
	_, _, others := w.gallery(o)
	return nil, join(faults, whole, others)
}

// join adds to faults what else is wrong, if the whole item was read: not what is
// wrong because of a fault, at its place or around it, nor a missing picture where a
// rendition is faulty.
func join(faults gallery.Problems, whole bool, others error) gallery.Problems {
	for i := range faults {
		faults[i].Place = gallery.Clip(faults[i].Place, maxPlace)
	}
	ps := faults
	if more, ok := errors.AsType[gallery.Problems](others); ok && whole {
		for _, p := range more {
			if !slices.ContainsFunc(faults, func(f gallery.Problem) bool {
				return jsonfault.Covers(f, p.Place) || strings.HasSuffix(p.Place, "/renditions") && jsonfault.Covers(p, f.Place)
			}) {
				ps = append(ps, p)
			}
		}
	}
	return ps[:min(len(ps), maxProblems)]
}

// assume fills in members that do not fit and that others are derived from, so that
// the derived ones are no problems.
func (w *item) assume(faults gallery.Problems) {
	for _, f := range faults {
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
