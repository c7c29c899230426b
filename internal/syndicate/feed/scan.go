package feed

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
)

// scanner walks through XML as this package writes it: elements, attributes in
// double quotes, text, CDATA sections and the usual declaration. It
// refuses everything else, so that what it accepts is well-formed, apart from
// characters that XML forbids. It is for checking at every change, and takes a
// tenth of the time of encoding/xml.
type scanner struct {
	doc      []byte
	prefixes []string // of namespaces; those that the document declares are added

	// ended hears of every element at its end, with what stands in it and
	// whether it has attributes.
	ended func(parent, name, content []byte, attributes bool)

	pos  int
	open []element
}

type element struct {
	name       []byte
	content    int // where it begins
	attributes bool
}

func (s *scanner) scan() error {
	for s.pos < len(s.doc) {
		if err := s.next(); err != nil {
			return fmt.Errorf("not well-formed after %d bytes: %w", s.pos, err)
		}
	}
	if len(s.open) > 0 {
		return fmt.Errorf("not well-formed: <%s> is not closed", s.open[len(s.open)-1].name)
	}
	return nil
}

func (s *scanner) next() error {
	rest := s.doc[s.pos:]
	switch {
	case rest[0] != '<':
		return s.text(rest)
	case bytes.HasPrefix(rest, []byte("</")):
		return s.endTag(rest)
	case bytes.HasPrefix(rest, []byte("<![CDATA[")) && len(s.open) > 0:
		return s.skipPast("]]>")
	case bytes.HasPrefix(rest, []byte(xml.Header)) && s.pos == 0:
		s.pos = len(xml.Header)
		return nil
	}
	return s.startTag(rest)
}

func (s *scanner) skipPast(end string) error {
	i := bytes.Index(s.doc[s.pos:], []byte(end))
	if i < 0 {
		return fmt.Errorf("no %s follows", end)
	}
	s.pos += i + len(end)
	return nil
}

func (s *scanner) text(rest []byte) error {
	n := bytes.IndexByte(rest, '<')
	if n < 0 {
		n = len(rest)
	}
	text := rest[:n]
	s.pos += n
	switch {
	case len(s.open) == 0 && len(bytes.TrimSpace(text)) > 0:
		return errors.New("text outside the element")
	case bytes.Contains(text, []byte("]]>")):
		return errors.New("]]> in text")
	}
	return references(text)
}

// references refuses an ampersand that begins none of the references that are
// written here.
func references(text []byte) error {
	known := []string{"amp;", "lt;", "gt;", "quot;", "apos;", "#34;", "#39;", "#x9;", "#xA;", "#xD;"}
	for {
		i := bytes.IndexByte(text, '&')
		if i < 0 {
			return nil
		}
		text = text[i+1:]
		if !slices.ContainsFunc(known, func(r string) bool { return bytes.HasPrefix(text, []byte(r)) }) {
			return errors.New("an ampersand that begins no reference")
		}
	}
}

func (s *scanner) startTag(rest []byte) error {
	name := rest[1 : 1+nameLength(rest[1:])]
	if len(name) == 0 {
		return errors.New("a tag without a name")
	}
	n, err := s.attributes(rest, 1+len(name))
	if err != nil {
		return err
	}
	if err := s.bound(name); err != nil {
		return err
	}
	s.pos += n
	e := element{name: name, content: s.pos, attributes: rest[1+len(name)] == ' '}
	if rest[n-2] == '/' {
		s.end(e, e.content)
		return nil
	}
	s.open = append(s.open, e)
	return nil
}

func (s *scanner) endTag(rest []byte) error {
	last := len(s.open) - 1
	if last < 0 {
		return errors.New("an end tag without a start")
	}
	e := s.open[last]
	tag := rest[2:]
	if !bytes.HasPrefix(tag, e.name) || len(tag) == len(e.name) || tag[len(e.name)] != '>' {
		return fmt.Errorf("<%s> is closed by another tag", e.name)
	}
	s.open = s.open[:last]
	s.end(e, s.pos)
	s.pos += len("</>") + len(e.name)
	return s.value(e.name, s.doc[e.content:s.pos-len("</>")-len(e.name)])
}

func (s *scanner) end(e element, at int) {
	var parent []byte
	if n := len(s.open); n > 0 {
		parent = s.open[n-1].name
	}
	s.ended(parent, e.name, s.doc[e.content:at], e.attributes)
}

// attributes returns the length of the start tag at the beginning of rest,
// whose attributes begin at i.
func (s *scanner) attributes(rest []byte, i int) (int, error) {
	var seen [16][]byte
	names := seen[:0]
	for {
		switch {
		case i < len(rest) && rest[i] == '>':
			return i + 1, nil
		case bytes.HasPrefix(rest[i:], []byte("/>")):
			return i + 2, nil
		case i == len(rest) || rest[i] != ' ':
			return 0, errors.New("a tag that does not end")
		}
		i++
		name := rest[i : i+nameLength(rest[i:])]
		i += len(name)
		if len(name) == 0 || !bytes.HasPrefix(rest[i:], []byte(`="`)) {
			return 0, errors.New("an attribute without a name or a value")
		}
		i += len(`="`)
		n := bytes.IndexByte(rest[i:], '"')
		if n < 0 {
			return 0, errors.New("an attribute that does not end")
		}
		if slices.ContainsFunc(names, func(other []byte) bool { return bytes.Equal(other, name) }) {
			return 0, fmt.Errorf("two attributes %s", name)
		}
		names = append(names, name)
		if err := s.attribute(name, rest[i:i+n]); err != nil {
			return 0, err
		}
		i += n + 1
	}
}

func (s *scanner) attribute(name, value []byte) error {
	if bytes.IndexByte(value, '<') >= 0 {
		return fmt.Errorf("a tag in the attribute %s", name)
	}
	if prefix, found := bytes.CutPrefix(name, []byte("xmlns:")); found {
		s.prefixes = append(s.prefixes, string(prefix))
		return nil
	}
	if err := s.bound(name); err != nil {
		return err
	}
	if err := s.value(name, value); err != nil {
		return err
	}
	return references(value)
}

// value refuses what can not be the value of an attribute or an element of that
// name.
func (s *scanner) value(name, value []byte) error {
	switch string(name) {
	case "href", "url", "link", "uri", "icon", "logo":
		if len(value) > 0 && !isAbsolute(value) {
			return fmt.Errorf("the %s %.80q is no absolute address", name, value)
		}
	}
	return nil
}

// bound refuses a name whose prefix stands for no namespace.
func (s *scanner) bound(name []byte) error {
	prefix, _, found := bytes.Cut(name, []byte(":"))
	if found && string(prefix) != "xml" && !slices.Contains(s.prefixes, string(prefix)) {
		return fmt.Errorf("the namespace of %s is not declared", name)
	}
	return nil
}

// nameLength is how many bytes at the beginning of b are a name.
func nameLength(b []byte) int {
	for i, c := range b {
		first := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !first && (i == 0 || c != ':' && c != '-' && c != '_' && c != '.' && (c < '0' || c > '9')) {
			return i
		}
	}
	return len(b)
}
