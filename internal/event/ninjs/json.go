package ninjs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// misfit is why a value does not fit where it stands.
type misfit struct{ reason string }

// Error is the reason.
func (m *misfit) Error() string { return m.reason }

// instant is a date and time in UTC, zero where it is null or empty.
type instant struct{ time.Time }

// UnmarshalJSONFrom reads what [gallery.ParseInstant] does.
func (t *instant) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var s string
	if err := json.UnmarshalDecode(dec, &s); err != nil {
		return err
	}
	if s = strings.TrimSpace(s); s == "" {
		t.Time = time.Time{}
		return nil
	}
	if at, ok := gallery.ParseInstant(s); ok {
		t.Time = at.UTC()
		return nil
	}
	return &misfit{strconv.Quote(gallery.Clip(s, maxQuoted)) + " is no instant: write it as 2026-11-20T09:00:00Z or 2026-11-20T09:00:00+0000"}
}

// whole is a whole number, which some providers write as a string. Null and any other
// number or string are 0: no member that is read so is needed.
type whole int64

// UnmarshalJSONFrom reads a number or a string.
func (n *whole) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindNull:
		*n = 0
		return dec.SkipValue()
	case jsontext.KindNumber, jsontext.KindString:
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		s := strings.TrimSpace(token.String())
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil { // a point or an exponent may make a whole number all the same
			if f, err := strconv.ParseFloat(s, 64); err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
				i = int64(f)
			} else {
				i = 0
			}
		}
		*n = whole(i)
		return nil
	default:
		return skipMisfit(dec, kind, "a number")
	}
}

// skipMisfit skips a value of the wrong kind and returns the misfit.
func skipMisfit(dec *jsontext.Decoder, kind jsontext.Kind, belongs string) error {
	if err := dec.SkipValue(); err != nil {
		return err
	}
	return &misfit{jsonfault.Holds(kind, belongs)}
}

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
	end := jsontext.KindEndObject
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindNull:
		return dec.SkipValue()
	case jsontext.KindBeginObject:
	case jsontext.KindBeginArray:
		m.listed, end = true, jsontext.KindEndArray
	default:
		return skipMisfit(dec, kind, "an object or an array")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != end {
		if len(m.list) == maxMembers {
			return &misfit{fmt.Sprintf("has more than %d entries", maxMembers)}
		}
		if err := m.read(dec); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func (m *members[T]) read(dec *jsontext.Decoder) error {
	e := member[T]{token: fmt.Sprintf("/%d", len(m.list))}
	if !m.listed {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		e.name = name.String()
		e.token = string(jsontext.Pointer("").AppendToken(e.name))
	}
	if err := json.UnmarshalDecode(dec, &e.value); err != nil {
		return err
	}
	if m.listed && e.value != nil {
		e.name = (*e.value).label()
	}
	m.list = append(m.list, e)
	return nil
}

// has reports whether there is a member of that name, be it null, as for a picture that
// was removed.
func (m *members[T]) has(name string) bool {
	return slices.ContainsFunc(m.list, func(e member[T]) bool { return e.name == name })
}

// lenient is zero where the value does not fit: for members that may have any shape.
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
