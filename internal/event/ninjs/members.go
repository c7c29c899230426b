package ninjs

import (
	"fmt"
	"slices"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxMembers bounds associations and renditions: an empty one is two bytes in
// the event and a thousand in memory.
const maxMembers = 2 * gallery.MaxSlides

// members are named things: an object in 1.x, an array of objects with names
// in 2.x.
type members[T labelled] struct {
	list   []member[T] // as they stand in the item
	listed bool        // they were an array, whose order counts
}

type member[T labelled] struct {
	name  string
	token string // its reference token in a JSON pointer, with the slash
	value *T     // nil where there is null
}

type labelled interface{ label() string }

// UnmarshalJSONFrom reads either form, and null as none.
func (m *members[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*m = members[T]{}
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindNull:
		return dec.SkipValue()
	case jsontext.KindBeginObject:
		return m.each(dec, jsontext.KindEndObject, m.readNamed)
	case jsontext.KindBeginArray:
		m.listed = true
		return m.each(dec, jsontext.KindEndArray, m.readListed)
	default:
		return unfit(dec, kind, "an object or an array")
	}
}

func (m *members[T]) each(dec *jsontext.Decoder, end jsontext.Kind, read func(*jsontext.Decoder) error) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != end {
		if len(m.list) == maxMembers {
			return &misfit{fmt.Sprintf("has more than %d entries", maxMembers)}
		}
		if err := read(dec); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func (m *members[T]) readNamed(dec *jsontext.Decoder) error {
	name, err := dec.ReadToken()
	if err != nil {
		return err
	}
	e := member[T]{name: name.String()}
	e.token = string(jsontext.Pointer("").AppendToken(e.name))
	return m.read(dec, e)
}

func (m *members[T]) readListed(dec *jsontext.Decoder) error {
	e := member[T]{token: fmt.Sprintf("/%d", len(m.list))}
	if err := m.read(dec, e); err != nil {
		return err
	}
	if last := &m.list[len(m.list)-1]; last.value != nil {
		last.name = (*last.value).label()
	}
	return nil
}

func (m *members[T]) read(dec *jsontext.Decoder, e member[T]) error {
	if err := json.UnmarshalDecode(dec, &e.value); err != nil {
		return err
	}
	m.list = append(m.list, e)
	return nil
}

// has reports whether there is a member of that name, be it null: then the
// picture was taken out.
func (m *members[T]) has(name string) bool {
	return slices.ContainsFunc(m.list, func(e member[T]) bool { return e.name == name })
}

// lenient is a value that is read where it fits, and zero where it does not: of
// members that are of use only sometimes, and of any shape.
type lenient[T any] struct {
	value T
	unfit bool
}

// UnmarshalJSONFrom refuses only what is not JSON.
func (l *lenient[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*l = lenient[T]{}
	data, err := dec.ReadValue()
	if err == nil && json.Unmarshal(data, &l.value) != nil {
		*l = lenient[T]{unfit: true}
	}
	return err
}

func (lenient[T]) label() string { return "" }
