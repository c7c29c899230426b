package event

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Unknown returns the fields of the content of m, in our own form, that the contract
// does not know: no faults, but perhaps typing errors. It names at most twenty, and none
// of a message that is no event.
func Unknown(m Message) gallery.Problems {
	env, err := open(m)
	if err != nil || ninjs.Recognise(env.Data) {
		return nil
	}
	// A take-down may hold the whole gallery; only a few of its fields count.
	s := unknownFields{d: jsontext.NewDecoder(bytes.NewReader(env.Data)), down: true}
	switch kind, err := env.kind(m.Subject); {
	case err != nil:
		return nil
	case kind == Published:
		s.down = false
	}
	if s.value(reflect.TypeFor[gallery.Gallery]()) != nil {
		return nil
	}
	return env.located(s.found)
}

// OnlyTakesDown reports whether data is bare content with an id and other fields of a
// take-down only: as a publication it is refused.
func OnlyTakesDown(data []byte) bool {
	var members map[string]jsontext.Value
	if json.Unmarshal(data, &members) != nil || members["id"] == nil {
		return false
	}
	for name := range members {
		if _, known := fieldOf(reflect.TypeFor[TakeDown](), name); !known {
			return false
		}
	}
	return true
}

// unknownFields collects members that no field is for.
type unknownFields struct {
	d     *jsontext.Decoder
	down  bool // a take-down
	found gallery.Problems
}

// value reads one that should fit t, and skips one that does not.
func (s *unknownFields) value(t reflect.Type) error {
	kind := s.d.PeekKind()
	switch {
	case kind == jsontext.KindBeginObject && t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
		return s.within(jsontext.KindEndObject, func() error { return s.member(t) })
	case kind == jsontext.KindBeginArray && t.Kind() == reflect.Slice:
		return s.within(jsontext.KindEndArray, func() error { return s.value(t.Elem()) })
	}
	return s.d.SkipValue()
}

// within reads an object or an array with both its ends.
func (s *unknownFields) within(end jsontext.Kind, read func() error) error {
	if _, err := s.d.ReadToken(); err != nil {
		return err
	}
	for s.d.PeekKind() != end {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := s.d.ReadToken()
	return err
}

func (s *unknownFields) member(t reflect.Type) error {
	token, err := s.d.ReadToken()
	if err != nil {
		return err
	}
	name := token.String()
	f, known := fieldOf(t, name)
	if !known && s.down {
		f, known = fieldOf(reflect.TypeFor[TakeDown](), name)
	}
	if known {
		return s.value(f.Type)
	}
	names := namesOf(t)
	if s.down {
		names = append(names, namesOf(reflect.TypeFor[TakeDown]())...)
	}
	if len(s.found) < maxNamed {
		reason := "unknown field: it is kept and shown nowhere"
		if meant, ok := jsonfault.Nearest(names, gallery.Clip(name, maxValue)); ok {
			reason = "unknown field: did you mean " + meant + "? It is kept and shown nowhere"
		}
		s.found = append(s.found, gallery.Problem{Place: string(s.d.StackPointer()), Reason: reason})
	}
	return s.d.SkipValue()
}

func fieldOf(t reflect.Type, name string) (f reflect.StructField, known bool) {
	i := slices.Index(namesOf(t), name)
	if i < 0 {
		return f, false
	}
	return t.Field(i), true
}

func namesOf(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}
