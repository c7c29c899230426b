package ninjs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What is said of an event is bounded, in bytes and in number.
const (
	maxPlace    = 200
	maxQuoted   = 60
	maxProblems = 20
)

// clip cuts s to at most that many bytes and makes it UTF-8.
func clip(s string, most int) string {
	if len(s) > most {
		s = s[:most-len("…")] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

func problem(place, format string, args ...any) gallery.Problem {
	return gallery.Problem{Place: clip(place, maxPlace), Reason: fmt.Sprintf(format, args...)}
}

func unknownStatus(place, status string) gallery.Problem {
	return problem(place, "%q is not known: write usable, withheld or canceled", clip(status, maxQuoted))
}

// explain turns an error of decoding data into a place and a reason for people
// who know JSON and not Go.
func explain(data []byte, err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return gallery.Problems{problem(string(semantic.JSONPointer), "%s", meaning(semantic))}
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return gallery.Problems{problem(string(syntax.JSONPointer), "not valid JSON at %s: %s",
			position(data, syntax.ByteOffset), malformed(data, syntax))}
	}
	return gallery.Problems{problem("", "not valid JSON: %v", err)}
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
	return "holds " + found(e.JSONKind) + " where " + belongs + " belongs"
}

func found(k jsontext.Kind) string {
	switch k {
	case jsontext.KindString:
		return "a string"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	case jsontext.KindTrue, jsontext.KindFalse, jsontext.KindNull:
		return k.String()
	}
	return "something"
}

// position returns the line and the column, counted in characters from 1.
func position(data []byte, offset int64) string {
	before := data[:min(int(offset), len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d", 1+bytes.Count(before, []byte("\n")), 1+utf8.RuneCount(before[start:]))
}

func malformed(data []byte, e *jsontext.SyntacticError) string {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return "it is empty"
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return "the object has this name twice"
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return clip(e.Err.Error(), 2*maxQuoted)
}

// places tell where in the item each place of the gallery comes from.
type places map[string]string

func newPlaces(h *head) places {
	id := "/guid"
	if h.GUID == "" && h.URI != "" {
		id = "/uri"
	}
	return places{"/id": id, "/updated": "/versioncreated", "/version": "/version", "/language": "/language", "/reason": "/pubstatus"}
}

// locate makes the places of ps, which are in the gallery, places in the item:
// of what is nowhere else, that of what is around it.
func (at places) locate(ps gallery.Problems) gallery.Problems {
	for i := range ps {
		ps[i].Place = clip(at.find(ps[i].Place), maxPlace)
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
