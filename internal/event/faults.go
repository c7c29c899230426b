package event

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A problem is bounded: names, values and nesting are the sender's.
const (
	maxPlace  = 200  // bytes
	maxReason = 1000 // bytes
	maxValue  = 60   // bytes of a value that is quoted
	maxNamed  = 20   // problems of an event
)

// instantForm tells how to write an instant.
const instantForm = "write it as 2026-11-20T09:00:00Z (RFC 3339)"

func refuse(place, format string, args ...any) error { return problemsOf(place, format, args...) }

func problemsOf(place, format string, args ...any) gallery.Problems {
	return gallery.Problems{{Place: gallery.Clip(place, maxPlace), Reason: fmt.Sprintf(format, args...)}}
}

// explain turns an error of decoding data, which is at place in the message, into
// what is wrong.
func explain(place string, data []byte, err error) error {
	p := jsonfault.Explain(data, err, unfit)
	return refuse(place+p.Place, "%s", p.Reason)
}

// located makes places in the content places in the message.
func (env envelope) located(ps gallery.Problems) gallery.Problems {
	for i := range ps {
		ps[i].Place = gallery.Clip(env.root+ps[i].Place, maxPlace)
		ps[i].Reason = gallery.Clip(ps[i].Reason, maxReason)
	}
	return ps
}

// unmarshal reads the event's data into v. Where a value does not fit it reads the
// others, and has validate say what else is wrong; covered reports whether a place is
// within a value that does not fit.
func (env envelope) unmarshal(v any, validate func(covered func(place string) bool) gallery.Problems) error {
	if env.null() {
		return refuse(env.root, "holds null where an object belongs")
	}
	if json.Unmarshal(env.Data, v) == nil { // instants of RFC 3339 need no other reader, which takes time
		return nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	err := json.Unmarshal(env.Data, v, instants)
	if err == nil {
		return nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	ps, whole := jsonfault.Collect(env.Data, v, maxNamed, unfit, instants)
	if len(ps) == 0 {
		return explain(env.root, env.Data, err)
	}
	if whole {
		faults := ps
		covered := func(place string) bool {
			return slices.ContainsFunc(faults, func(p gallery.Problem) bool { return jsonfault.Covers(p, place) })
		}
		for _, p := range validate(covered) {
			if !covered(p.Place) {
				ps = append(ps, p)
			}
		}
	}
	return env.located(ps[:min(len(ps), maxNamed)])
}

// unfit returns what was found and what belongs there.
func unfit(e *json.SemanticError) string {
	var text noInstant
	switch {
	case e.GoType == nil:
		return "does not fit"
	case errors.As(e.Err, &text):
		return fmt.Sprintf("%q is no instant: %s", gallery.Clip(string(text), maxValue), instantForm)
	case isWhole(e.GoType) && errors.Is(e.Err, strconv.ErrRange):
		return gallery.Clip(string(e.JSONValue), maxValue) + " is too large"
	case e.JSONKind == jsontext.KindNumber && isWhole(e.GoType):
		return gallery.Clip(string(e.JSONValue), maxValue) + " is no whole number that fits here: write it without point and exponent"
	}
	return jsonfault.Holds(e.JSONKind, wanted(e.GoType))
}

// instants reads strings as [gallery.ParseInstant] does.
var instants = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, t *time.Time) error {
	if dec.PeekKind() != jsontext.KindString {
		return errors.ErrUnsupported
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	text, ok := token.String(), false
	if *t, ok = gallery.ParseInstant(text); !ok {
		return noInstant(text)
	}
	return nil
}))

// noInstant is a string where an instant belongs.
type noInstant string

func (n noInstant) Error() string { return "no instant: " + strconv.Quote(string(n)) }

// wanted returns which kind of value a field takes.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return `an instant such as "2026-11-20T09:00:00Z"`
	case isWhole(t):
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Slice:
		return "an array"
	case t.Kind() == reflect.Struct:
		return "an object"
	}
	return "a string"
}

func isWhole(t reflect.Type) bool { return t.Kind() == reflect.Int || t.Kind() == reflect.Int64 }
