// Package jsonfault explains what is wrong with a JSON text to the person who wrote it.
// The text and the error of its decoder come in; a [gallery.Problem] goes out, with the
// place as a JSON pointer (line and column where the text is no JSON), the reason in
// plain words without names of Go types, and the name that was probably meant.
//
// Every answer is short, however long the names and values in the text are. Which
// fields exist, and what their values must be, is left to the caller.
package jsonfault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Explain turns an error of decoding data into what is wrong and where: a JSON
// pointer (RFC 6901), empty for the whole. unfit gives the reason for a value that does
// not fit where it stands.
func Explain(data []byte, err error, unfit func(*json.SemanticError) string) gallery.Problem {
	if misfit, ok := errors.AsType[*json.SemanticError](err); ok {
		return gallery.Problem{Place: string(misfit.JSONPointer), Reason: unfit(misfit)}
	}
	if _, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		p, _ := Syntax(data, Position{1, 1})
		return p
	}
	return gallery.Problem{Reason: fmt.Sprintf("not valid JSON: %v", err)}
}

// Syntax says why data, which stands at start in a longer text, is not JSON, as
// [Explain] does, and where; both are zero when it is JSON.
func Syntax(data []byte, start Position) (p gallery.Problem, at Position) {
	e := syntaxError(data)
	if e == nil {
		return p, at
	}
	at = start.After(data[:min(int(e.ByteOffset), len(data))])
	return gallery.Problem{Place: string(e.JSONPointer), Reason: fmt.Sprintf("not valid JSON at %s: %s", at, malformed(data, e))}, at
}

// syntaxError reads data token by token, which finds a fault where its author sees it,
// and for the rest as a whole: it may be empty, or more than one value.
func syntaxError(data []byte) *jsontext.SyntacticError {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	err := error(nil)
	for first := true; err == nil && (first || d.StackDepth() > 0); first = false {
		_, err = d.ReadToken()
	}
	e, found := errors.AsType[*jsontext.SyntacticError](err)
	if !found {
		e, _ = errors.AsType[*jsontext.SyntacticError](json.Unmarshal(data, new(jsontext.Value)))
	}
	return e
}

// Position is a place in a text. Lines and columns are counted from 1, columns
// in characters.
type Position struct{ Line, Column int }

// After is where what follows text stands, when text stands at p.
func (p Position) After(text []byte) Position {
	if end := bytes.LastIndexByte(text, '\n'); end >= 0 {
		return Position{p.Line + bytes.Count(text, []byte("\n")), 1 + utf8.RuneCount(text[end+1:])}
	}
	return Position{p.Line, p.Column + utf8.RuneCount(text)}
}

func (p Position) String() string { return fmt.Sprintf("line %d, column %d", p.Line, p.Column) }

var lastComma = regexp.MustCompile(`^,[ \t\r\n]*[}\]]`)

// malformed names the author's mistake, as far as it can be recognised.
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
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "it is UTF-16: write it in UTF-8"
	}
	rest := data[min(int(e.ByteOffset), len(data)):]
	first, _ := utf8.DecodeRune(rest)
	switch {
	case lastComma.Match(rest):
		return "nothing follows this comma: leave it out"
	case strings.ContainsRune("'‘’“”„", first):
		return fmt.Sprintf(`%q is no quotation mark of JSON: write "`, first)
	}
	return gallery.Clip(e.Err.Error(), 120) // which quotes the text
}

// Holds says that a value of one kind stands where another belongs.
func Holds(k jsontext.Kind, belongs string) string {
	found := "something"
	switch k {
	case jsontext.KindString:
		found = "a string"
	case jsontext.KindNumber:
		found = "a number"
	case jsontext.KindBeginObject:
		found = "an object"
	case jsontext.KindBeginArray:
		found = "an array"
	case jsontext.KindTrue, jsontext.KindFalse, jsontext.KindNull:
		found = k.String()
	}
	return "holds " + found + " where " + belongs + " belongs"
}
