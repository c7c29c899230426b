package publish

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/go-json-experiment/json/jsontext"
)

// input is a text of JSON values, one after the other or in lists, but not in lists of
// lists.
type input struct {
	r    io.Reader
	err  error // of r, its end too
	d    *jsontext.Decoder
	held []byte             // read and not passed yet
	at   jsonfault.Position // of held

	inside bool // a list
	last   byte // token in that list: '[', ',' or 'v' for a value; 0 after a broken one
}

// brokenError is a part of an input that is not JSON.
type brokenError struct {
	at   jsonfault.Position
	text []byte // not JSON by itself
	why  string // where text is nil
}

func (b *brokenError) Error() string { return fmt.Sprintf("not valid JSON at %s: %s", b.at, b.why) }

// next returns the next value, or a [*brokenError] for what stood in its place, which
// is passed. It returns [io.EOF] itself only at the end.
func (in *input) next() (jsontext.Value, error) {
	for {
		b, err := in.peek()
		switch {
		case err == io.EOF && in.inside && in.last != 0:
			in.last = 0
			return nil, &brokenError{at: in.at, why: "the list ends too early"}
		case err != nil:
			return nil, err
		case b == '[' && (!in.inside || in.last == 0):
			in.inside, in.last = true, '['
		case b == ']' && in.inside && in.last != ',':
			in.inside = false
		case b == ']' && in.inside:
			in.inside = false
			at := in.at
			in.pass(1)
			return nil, &brokenError{at: at, why: "nothing follows the comma before this: leave it out"}
		case b == ',' && in.inside && in.last == 0:
		case b == ',' && in.inside && in.last == 'v':
			in.last = ','
		case in.inside && in.last == 'v':
			in.last = 0
			return nil, &brokenError{at: in.at, why: "a comma is missing before this element of the list"}
		default:
			return in.value()
		}
		in.pass(1)
	}
}

// value reads one. Its names and its UTF-8 are checked when the event is decoded.
func (in *input) value() (jsontext.Value, error) {
	in.d.Reset(&replay{in: in}, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	value, err := in.d.ReadValue()
	if err == nil {
		value = value.Clone()
		in.pass(int(in.d.InputOffset()))
		if in.last != 0 {
			in.last = 'v'
		}
		return value, nil
	}
	fault := len(in.held)
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		fault = min(fault, int(syntax.ByteOffset))
	} else if !errors.Is(in.err, io.EOF) {
		return nil, err
	}
	broken := &brokenError{at: in.at}
	broken.text = bytes.TrimRight(in.skip(fault), " \t\r\n")
	in.last = 0
	return nil, broken
}

// maxQuoted is how many bytes after a fault its reason may quote.
const maxQuoted = 1 << 10

// skip passes a broken value, up to the next line that may begin a value, and returns
// at least the text before the fault and maxQuoted bytes after it. A line that is
// indented deeper than the broken value, or that begins with the rest of an object, is
// part of that value.
func (in *input) skip(fault int) (text []byte) {
	indent, passed := in.at.Column, 0
	for len(in.held) > 0 || in.fill() == nil {
		line := in.held
		end := bytes.IndexByte(line, '\n') + 1
		if end > 0 {
			line = line[:end]
		}
		if passed <= fault+maxQuoted {
			text = append(text, line...)
		}
		passed += len(line)
		in.pass(len(line))
		if end > 0 && in.mayBegin(indent, passed > fault) {
			break
		}
	}
	return text
}

// mayBegin reports whether a value may begin with the line that is held, at that column
// or before. Before the fault only an object or a list may.
func (in *input) mayBegin(column int, beyond bool) bool {
	for n := 0; ; n++ {
		if n == len(in.held) && in.fill() != nil {
			return true // nothing follows
		}
		switch b := in.held[n]; {
		case b == ' ' || b == '\t':
			continue
		case b == '\n' || b == '\r' || b == '}' || b == ',' || n >= column:
			return false
		case b == ']':
			return in.inside
		default:
			return beyond || b == '{' || b == '['
		}
	}
}

// peek returns the first byte that is not white space.
func (in *input) peek() (byte, error) {
	for {
		blank := len(in.held) - len(bytes.TrimLeft(in.held, " \t\r\n"))
		in.pass(blank)
		if len(in.held) > 0 {
			return in.held[0], nil
		}
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
}

func (in *input) pass(n int) {
	in.at = in.at.After(in.held[:n])
	in.held = in.held[n:]
}

// fill reads more, and returns an error when there is no more.
func (in *input) fill() error {
	const most = 32 << 10
	for n := 0; n == 0; {
		if in.err != nil {
			return in.err
		}
		room := append(in.held, make([]byte, most)...)
		n, in.err = in.r.Read(room[len(in.held):])
		in.held = room[:len(in.held)+n]
	}
	return nil
}

// replay reads the input from what is held on, without passing it.
type replay struct {
	in   *input
	read int
}

func (r *replay) Read(p []byte) (int, error) {
	if r.read == len(r.in.held) {
		if err := r.in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.in.held[r.read:])
	r.read += n
	return n, nil
}
