package jsonfault

import (
	"errors"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Fault is one thing that is wrong with a JSON text.
type Fault struct {
	Place  string // a JSON pointer (RFC 6901), empty for the whole
	Reason string
}

// Covers reports whether place is what is wrong or within it.
func (f Fault) Covers(place string) bool {
	rest, found := strings.CutPrefix(place, f.Place)
	return found && (rest == "" || rest[0] == '/')
}

// Collect reads data into v as [json.Unmarshal] does, and goes on after each
// value that does not fit where it stands: that stays zero and is a fault, the
// first most of them, in their order. A text that is not JSON ends it with a
// last fault. It reports whether all of data was looked at, so that what v
// holds but for the faults is what data says. The options are for values that hold
// no others. It is slower than Unmarshal, for when that found a fault.
func Collect(data []byte, v any, most int, unfit func(*json.SemanticError) string, opts ...json.Options) (faults []Fault, whole bool) {
	c := &collector{most: most, unfit: unfit, opts: opts}
	err := c.unmarshal(data, v, nil)
	if err != nil && len(c.faults) < most {
		place, reason := Explain(data, err, unfit)
		c.faults = append(c.faults, Fault{place, reason})
	}
	whole = err == nil
	for _, f := range c.faults {
		whole = whole && f.Place != ""
	}
	return c.faults, whole
}

type collector struct {
	most   int
	unfit  func(*json.SemanticError) string
	opts   []json.Options
	faults []Fault
}

// errEnough ends a reading that has found as many faults as it may.
var errEnough = errors.New("enough")

// unmarshal reads into v the value that stands at place; nil: it is the whole. A
// place is made only where there is a fault: it is as long as the names in it, which
// are the sender's.
func (c *collector) unmarshal(data []byte, v any, place func() string) error {
	outermost := true
	return json.Unmarshal(data, v, json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, v any) error {
		itself := outermost && place != nil // it is what reads itself
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

// opens reports whether the values within are to be looked at one by one.
func opens(k jsontext.Kind, v any) bool {
	t := reflect.TypeOf(v).Elem()
	switch {
	case t.Kind() == reflect.Pointer:
		return true
	case readsItself(v):
		return false
	}
	return k == jsontext.KindBeginObject && t.Kind() == reflect.Struct || k == jsontext.KindBeginArray && t.Kind() == reflect.Slice
}

func readsItself(v any) bool {
	_, yes := v.(json.UnmarshalerFrom)
	return yes
}

// value reads one that has no others in it, or that reads them itself.
func (c *collector) value(data jsontext.Value, v any, place func() string) error {
	var err error
	if readsItself(v) {
		err = c.unmarshal(data, v, place)
	} else {
		err = json.Unmarshal(data, v, c.opts...)
	}
	if err == nil {
		return nil
	}
	if len(c.faults) < c.most {
		within, reason := Explain(data, err, c.unfit)
		c.faults = append(c.faults, Fault{place() + within, reason})
		reflect.ValueOf(v).Elem().SetZero()
	}
	if len(c.faults) == c.most {
		return errEnough
	}
	return nil
}
