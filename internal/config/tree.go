package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits far above any configuration: the time and the stack of the YAML parser grow
// with both.
const (
	maxSource = 256 << 10
	maxDepth  = 32
)

// node is a YAML value: a scalar's text, a mapping or a list, with aliases and merge
// keys replaced.
type node struct {
	kind    kind
	null    bool
	text    string
	entries []entry
	items   []*node
	at      place
}

type kind string

const (
	scalar  kind = "single value"
	mapping kind = "mapping"
	list    kind = "list"
)

type entry struct {
	key   string
	at    place
	value *node
}

// parse reads text as one YAML document, the value of the key at path. It returns nil
// for an empty document, and, with problems, the part that it could read.
func parse(source string, text []byte, path string) (root *node, problems Problems) {
	b := builder{source: source, anchors: map[string]*node{}}
	// The parser panics on some texts.
	defer func() {
		if r := recover(); r != nil {
			root, problems = nil, Problems{{Source: source, Key: path, Message: fmt.Sprintf("cannot be read as YAML (%v): simplify it", r)}}
		}
	}()
	body, err := b.document(strings.TrimPrefix(string(text), "\ufeff"))
	if err != nil {
		return nil, Problems{b.syntaxProblem(err, path)}
	}
	if body == nil {
		return nil, nil
	}
	root = b.node(body, path)
	return root, b.problems
}

// builder turns the parser's tree into ours, in the order of the text, so that an
// alias finds the last anchor before it and never one that contains it.
type builder struct {
	source   string
	anchors  map[string]*node
	problems Problems
}

// document returns the only document's body, nil if it is empty.
func (b *builder) document(text string) (ast.Node, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(text)
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if body != nil {
			return nil, errManyDocuments(doc.Body.GetToken())
		}
		body = doc.Body
	}
	return body, nil
}

func checkText(text string) error {
	if len(text) > maxSource {
		return fmt.Errorf("is larger than %s: remove everything that is not configuration", Size(maxSource))
	}
	at := token.Position{Line: 1, Column: 1}
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError && size == 1 {
			return &yaml.SyntaxError{Message: "is not UTF-8: save it as UTF-8", Token: &token.Token{Position: &at}}
		}
		at.Column++
		if r == '\n' {
			at.Line, at.Column = at.Line+1, 1
		}
		rest = rest[size:]
	}
	return nil
}

// checkTokens rejects what slows the parser down, overflows its stack, or is lost: the
// parser drops a document that follows an empty one.
func checkTokens(tokens token.Tokens) error {
	brackets, dashes, headers := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets = max(brackets-1, 0)
		case token.DocumentHeaderType:
			headers++
		}
		dashes++
		entry := token.SequenceEntryType // "- - x" is nested
		if t.Type != entry || t.Prev == nil || t.Prev.Type != entry || t.Prev.Position.Line != t.Position.Line {
			dashes = 0
		}
		if brackets+dashes > maxDepth {
			return &yaml.SyntaxError{Message: "nested too deeply: no key needs that", Token: t}
		}
		if headers > 1 {
			return errManyDocuments(t)
		}
	}
	return nil
}

func errManyDocuments(t *token.Token) error {
	return &yaml.SyntaxError{Message: "a second document: keep one", Token: t}
}

// syntaxProblem returns the parser's error with a remedy, without its excerpt, which may
// contain a secret.
func (b *builder) syntaxProblem(err error, path string) Problem {
	var at yaml.Error
	if !errors.As(err, &at) {
		return Problem{Source: b.source, Key: path, Message: err.Error()}
	}
	message := at.GetMessage()
	switch { // common mistakes, and the one message that quotes a whole value
	case strings.Contains(message, "\t"):
		message = "a tab: indent with spaces"
	case strings.Contains(message, "reserved character"):
		message += ": put the value in quotes"
	case strings.HasPrefix(message, "invalid header option"):
		message = "cannot begin a text of several lines: put the value in quotes"
	}
	where := b.place(at.GetToken())
	return Problem{Source: where.source, Line: where.line, Column: where.column, Key: path, Message: message}
}

func (b *builder) place(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{source: b.source}
	}
	return place{b.source, t.Position.Line, t.Position.Column}
}
