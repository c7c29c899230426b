// Package jsonfault says where a JSON text is wrong, why, and which name was
// meant, to people who know JSON and not Go. What it says is bounded: names and
// values are the sender's.
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
		return string(syntax.JSONPointer), notJSON(Position{1, 1}.After(data[:min(int(syntax.ByteOffset), len(data))]), malformed(data, syntax))
	}
	return "", fmt.Sprintf("not valid JSON: %v", err)
}

// Move turns a reason that Explain gave of a text into that of the same text
// where it begins at start, in a longer one, and says where it is not JSON; where
// is zero when the reason is another one.
func Move(reason string, start Position) (moved string, where Position) {
	var at Position
	if _, err := fmt.Sscanf(reason, "not valid JSON at line %d, column %d:", &at.Line, &at.Column); err != nil {
		return reason, where
	}
	if at.Line == 1 {
		at.Column += start.Column - 1
	}
	at.Line += start.Line - 1
	_, why, _ := strings.Cut(reason, ": ")
	return notJSON(at, why), at
}

func notJSON(at Position, why string) string { return fmt.Sprintf("not valid JSON at %s: %s", at, why) }

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
	return gallery.Clip(e.Err.Error(), maxSyntax)
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
