package ninjs

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// What is said of an event is bounded, in bytes and in number.
const (
	maxPlace    = 200
	maxQuoted   = 60
	maxProblems = 20
)

func problem(place, format string, args ...any) gallery.Problem {
	return gallery.Problem{Place: gallery.Clip(place, maxPlace), Reason: fmt.Sprintf(format, args...)}
}

func unknownStatus(place, status string) gallery.Problem {
	return problem(place, "%q is not known: write usable, withheld or canceled", gallery.Clip(status, maxQuoted))
}

func meaning(e *json.SemanticError) string {
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

func newPlaces(h *head) places {
	id := "/guid"
	if h.GUID == "" && h.URI != "" {
		id = "/uri"
	}
	_, created := h.created()
	return places{"/id": id, "/updated": created, "/version": "/version", "/language": "/language", "/reason": "/pubstatus"}
}

// locate makes the places of ps, which are in the gallery, places in the item:
// of what is nowhere else, that of what is around it.
func (at places) locate(ps gallery.Problems) gallery.Problems {
	for i := range ps {
		ps[i].Place = gallery.Clip(at.find(ps[i].Place), maxPlace)
	}
	return ps
}

func (at places) find(place string) string {
	for place != "" {
		if origin, known := at[place]; known {
			return origin
		}
		place = place[:max(strings.LastIndexByte(place, '/'), 0)]
	}
	return ""
}
