package jsonfault

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Covers reports whether place is that of p or within it.
func Covers(p gallery.Problem, place string) bool {
	rest, found := strings.CutPrefix(place, p.Place)
	return found && (rest == "" || rest[0] == '/')
}

// Collect reads data into v as [json.Unmarshal] does, and goes on after each value
// that does not fit where it stands: that stays zero and is a fault. It returns the
// first most faults, in their order; a text that is not JSON ends it with a last one.
// whole reports that all of data was read, so that v holds what data says but for the
// faults. The options are for values that hold no others. Collect is slower than
// Unmarshal: call it when that found a fault.
func Collect(data []byte, v any, most int, unfit func(*json.SemanticError) string, opts ...json.Options) (faults gallery.Problems, whole bool) {
	c := &collector{most: most, unfit: unfit, opts: opts}
	err := c.unmarshal(data, v, nil)
	if err != nil && len(c.faults) < most {
		c.faults = append(c.faults, Explain(data, err, unfit))
	}
	atRoot := func(p gallery.Problem) bool { return p.Place == "" }
	return c.faults, err == nil && !slices.ContainsFunc(c.faults, atRoot)
}

type collector struct {
	most   int
	unfit  func(*json.SemanticError) string
	opts   []json.Options
	faults gallery.Problems
}

// errEnough ends a reading that has found as many faults as it may.
var errEnough = errors.New("enough")

// unmarshal reads into v the value that stands at place; nil: it is the whole. Places
// are built only for faults: they are as long as the names in them, which are the
// sender's.
func (c *collector) unmarshal(data []byte, v any, place func() string) error {
	outermost := true
	return json.Unmarshal(data, v, json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v any) error {
		itself := outermost && place != nil // v reads itself
		outermost = false
		if itself || opens(dec.PeekKind(), v) {
			return errors.ErrUnsupported
		}
		value, err := dec.ReadValue()
		if err != nil {
			return err
		}
		return c.value(value, v, func() string {
			if place == nil {
				return string(dec.StackPointer())
			}
			return place() + string(dec.StackPointer())
		})
	})))
}

// opens reports whether the values within v are read one by one.
func opens(k jsontext.Kind, v any) bool {
	switch t := reflect.TypeOf(v).Elem(); {
	case t.Kind() == reflect.Pointer:
		return true
	case readsItself(v):
		return false
	case t.Kind() == reflect.Struct:
		return k == jsontext.KindBeginObject
	default:
		return t.Kind() == reflect.Slice && k == jsontext.KindBeginArray
	}
}

func readsItself(v any) bool {
	_, yes := v.(json.UnmarshalerFrom)
	return yes
}

// value reads a value without others in it, or one that reads them itself.
func (c *collector) value(data jsontext.Value, v any, place func() string) (err error) {
	if readsItself(v) {
		err = c.unmarshal(data, v, place)
	} else {
		err = json.Unmarshal(data, v, c.opts...)
	}
	if err == nil {
		return nil
	}
	if len(c.faults) < c.most {
		fault := Explain(data, err, c.unfit)
		fault.Place = place() + fault.Place
		c.faults = append(c.faults, fault)
		reflect.ValueOf(v).Elem().SetZero()
	}
	if len(c.faults) == c.most {
		return errEnough
	}
	return nil
}
