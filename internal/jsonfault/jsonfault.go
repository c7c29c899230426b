// Package jsonfault says where a JSON text is wrong, and why, to people who know
// JSON and not Go. What it says is bounded: names and values are the sender's.
package jsonfault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxSyntax bounds the decoder's own words, which quote the text.
const maxSyntax = 120

// Explain turns an error of decoding data into a place, which is a JSON pointer
// (RFC 6901) and empty for the whole, and the reason. Of a value that does not
// fit where it stands unfit says why.
func Explain(data []byte, err error, unfit func(*json.SemanticError) string) (place, reason string) {
	if misfit, ok := errors.AsType[*json.SemanticError](err); ok {
		return string(misfit.JSONPointer), unfit(misfit)
	}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return string(syntax.JSONPointer), fmt.Sprintf("not valid JSON at %s: %s", position(data, syntax.ByteOffset), malformed(data, syntax))
	}
	return "", fmt.Sprintf("not valid JSON: %v", err)
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
	case bytes.HasPrefix(data, []byte("\ufeff")):
		return "it begins with a byte order mark: leave that out"
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return "the object has this name twice"
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return Clip(e.Err.Error(), maxSyntax)
}

// Holds says that a value of one kind stands where another belongs.
func Holds(k jsontext.Kind, belongs string) string {
	return "holds " + kind(k) + " where " + belongs + " belongs"
}

func kind(k jsontext.Kind) string {
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

// Clip cuts s to at most that many bytes and makes it UTF-8.
func Clip(s string, most int) string {
	if len(s) > most {
		s = s[:most-len("…")] + "…"
	}
	return strings.ToValidUTF8(s, "")
}
