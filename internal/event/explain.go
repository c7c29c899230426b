package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

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
	return gallery.Problems{{Place: clip(place, maxPlace), Reason: fmt.Sprintf(format, args...)}}
}

// clip cuts s to at most that many bytes and makes it UTF-8.
func clip(s string, most int) string {
	if len(s) > most {
		s = s[:most-len("…")] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// explain turns an error of decoding data, which is at place in the message,
// into the place and the reason for people who know JSON and not Go.
func explain(place string, data []byte, err error) error {
	var misfit *json.SemanticError
	if errors.As(err, &misfit) {
		return refuse(place+string(misfit.JSONPointer), "%s", unfit(misfit))
	}
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return refuse(place, "not valid JSON: %v", err)
	}
	return refuse(place+string(syntax.JSONPointer), "not valid JSON at %s: %s",
		position(data, int(syntax.ByteOffset)), malformed(data, syntax))
}

// position returns the line and the column, counted in characters from 1.
func position(data []byte, offset int) string {
	before := data[:min(offset, len(data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("line %d, column %d", 1+bytes.Count(before, []byte("\n")), 1+utf8.RuneCount(before[start:]))
}

// maxSyntax bounds the decoder's own words, which quote the event.
const maxSyntax = 120

func malformed(data []byte, e *jsontext.SyntacticError) string {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return "it is empty"
	case bytes.HasPrefix(data, []byte("\ufeff")):
		return "it begins with a byte order mark: leave that out"
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return "the object has this name twice"
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return clip(e.Err.Error(), maxSyntax)
}

// maxValue bounds a value that is quoted.
const maxValue = 60

// unfit says what was found and what belongs there.
func unfit(e *json.SemanticError) string {
	var instant *time.ParseError
	switch {
	case e.GoType == nil:
		return "does not fit"
	case errors.As(e.Err, &instant):
		return fmt.Sprintf("%q is no instant: %s", clip(instant.Value, maxValue), instantForm)
	case e.JSONKind == jsontext.KindNumber && isWhole(e.GoType):
		return clip(string(e.JSONValue), maxValue) + " is no whole number that fits here: write it without point and exponent"
	}
	return fmt.Sprintf("holds %s where %s belongs", found(e.JSONKind), wanted(e.GoType))
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
