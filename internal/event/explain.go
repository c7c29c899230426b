package event

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// What is said of an event is bounded, in bytes: names, values and nesting are
// the sender's.
const (
	maxPlace  = 200
	maxReason = 1000
)

// instantForm tells how an instant is written.
const instantForm = "write it as 2026-11-20T09:00:00Z (RFC 3339)"

func refuse(place, format string, args ...any) error {
	return gallery.Problems{{Place: gallery.Clip(place, maxPlace), Reason: fmt.Sprintf(format, args...)}}
}

// explain turns an error of decoding data, which is at place in the message,
// into the place and the reason for people who know JSON and not Go.
func explain(place string, data []byte, err error) error {
	within, reason := jsonfault.Explain(data, err, unfit)
	return refuse(place+within, "%s", reason)
}

// maxValue bounds a value that is quoted.
const maxValue = 60

// unfit says what was found and what belongs there.
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

func wanted(t reflect.Type) string {
	switch {
	case isInstant(t):
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

func isInstant(t reflect.Type) bool { return t == reflect.TypeFor[time.Time]() }

func isWhole(t reflect.Type) bool { return t.Kind() == reflect.Int || t.Kind() == reflect.Int64 }
