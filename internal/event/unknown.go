package event

import (
	"bytes"
	"reflect"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/jsonfault"
	"github.com/gallerywire/gallerywire/internal/ninjs"
	"github.com/gallerywire/gallerywire/internal/spelling"
	"github.com/go-json-experiment/json/jsontext"
)

// Unknown returns the fields of the content of m, in our own form, that the
// contract does not know: no fault, but perhaps a slip of the hand. It names at
// most twenty, and none of what is no event.
func Unknown(m Message) gallery.Problems {
	env, err := open(m)
	if err != nil || ninjs.Recognise(env.Data) {
		return nil
	}
	t := reflect.TypeFor[gallery.Gallery]()
	if kind, err := env.kind(m.Subject); err != nil || kind == Unpublished {
		t = reflect.TypeFor[TakeDown]()
	}
	s := stranger{d: jsontext.NewDecoder(bytes.NewReader(env.Data))}
	if s.value(t) != nil {
		return nil
	}
	return env.locate(s.found)
}

// stranger looks for members that no field is for.
type stranger struct {
	d     *jsontext.Decoder
	found gallery.Problems
}

// value reads one that should fit t. What does not fit is for others to tell.
func (s *stranger) value(t reflect.Type) error {
	kind := s.d.PeekKind()
	switch {
	case kind == jsontext.KindBeginObject && t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]():
		return s.within(jsontext.KindEndObject, func() error { return s.member(t) })
	case kind == jsontext.KindBeginArray && t.Kind() == reflect.Slice:
		return s.within(jsontext.KindEndArray, func() error { return s.value(t.Elem()) })
	}
	return s.d.SkipValue()
}

// within reads what an object or an array holds, and both its ends.
func (s *stranger) within(end jsontext.Kind, read func() error) error {
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

func (s *stranger) member(t reflect.Type) error {
	token, err := s.d.ReadToken()
	if err != nil {
		return err
	}
	name := token.String()
	names := make([]string, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		names[i], _, _ = strings.Cut(f.Tag.Get("json"), ",")
		if names[i] == name {
			return s.value(f.Type)
		}
	}
	s.note(names, name)
	return s.d.SkipValue()
}

func (s *stranger) note(names []string, name string) {
	if len(s.found) == maxNamed {
		return
	}
	reason := "unknown field: it is kept and shown nowhere"
	if meant, ok := spelling.Nearest(names, jsonfault.Clip(name, maxValue)); ok {
		reason = "unknown field: did you mean " + meant + "? It is kept and shown nowhere"
	}
	s.found = append(s.found, gallery.Problem{Place: string(s.d.StackPointer()), Reason: reason})
}
