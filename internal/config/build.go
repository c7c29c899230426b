package config

import (
	"fmt"
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// node builds the value at path; nil for one that has a problem.
func (b *builder) node(n ast.Node, path string) *node {
	switch n := n.(type) {
	case *ast.AnchorNode:
		built := b.node(n.Value, path)
		b.anchors[n.Name.GetToken().Value] = built
		return built
	case *ast.AliasNode:
		return b.alias(n, path)
	case *ast.TagNode:
		return b.node(n.Value, path)
	case *ast.SequenceNode:
		return b.list(n, path)
	case *ast.MappingNode:
		return b.mapping(n.Values, b.place(n.GetToken()), path)
	case *ast.MappingValueNode:
		return b.mapping([]*ast.MappingValueNode{n}, b.place(n.GetToken()), path)
	}
	return b.scalar(n)
}

func (b *builder) scalar(n ast.Node) *node {
	built := &node{kind: scalar, at: b.place(n.GetToken())}
	switch n := n.(type) {
	case *ast.NullNode:
		built.null = true
	case *ast.StringNode:
		built.text = n.Value
	case *ast.LiteralNode:
		built.text = n.Value.Value
	default:
		// Numbers, booleans and the like: the type of the key reads the text.
		built.text = n.GetToken().Value
	}
	return built
}

func (b *builder) alias(n *ast.AliasNode, path string) *node {
	name := n.Value.GetToken().Value
	if built, ok := b.anchors[name]; ok {
		return built
	}
	at := b.place(n.GetToken())
	b.problem(at, path, fmt.Sprintf("*%s has no anchor before it: write the value, or put &%[1]s before the value that it repeats", shown(name)))
	return nil
}

func (b *builder) list(n *ast.SequenceNode, path string) *node {
	built := &node{kind: list, at: b.place(n.GetToken())}
	for i, value := range n.Values {
		built.items = append(built.items, b.node(value, fmt.Sprintf("%s[%d]", path, i)))
	}
	return built
}

func (b *builder) mapping(values []*ast.MappingValueNode, at place, path string) *node {
	built := &node{kind: mapping, at: at}
	var merged []*node
	for _, pair := range values {
		key, where := pair.Key.GetToken().Value, b.place(pair.Key.GetToken())
		under := join(path, key)
		value := b.node(pair.Value, under)
		if pair.Key.IsMergeKey() {
			merged = append(merged, value)
			continue
		}
		if first, ok := built.entry(key); ok {
			b.problem(where, under, fmt.Sprintf("is a duplicate of line %d: keep one", first.at.line))
			continue
		}
		built.entries = append(built.entries, entry{key, where, value})
	}
	for _, value := range merged {
		b.merge(built, value, path)
	}
	// So that an editor shows the first key, not the colon after it.
	if len(built.entries) > 0 && built.entries[0].at.line == at.line && built.entries[0].at.column < at.column {
		built.at = built.entries[0].at
	}
	return built
}

// merge adds the keys of from that into does not have.
func (b *builder) merge(into, from *node, path string) {
	switch {
	case from == nil:
	case from.kind == mapping:
		for _, e := range from.entries {
			if _, ok := into.entry(e.key); !ok {
				into.entries = append(into.entries, e)
			}
		}
	case from.kind == list:
		for _, item := range from.items {
			b.merge(into, item, path)
		}
	default:
		b.problem(from.at, path, "<< takes a mapping: name one with *")
	}
}

func (b *builder) problem(at place, path, message string) {
	b.problems = append(b.problems, Problem{Source: at.source, Line: at.line, Column: at.column, Key: path, Message: message})
}

func (n *node) entry(key string) (entry, bool) {
	for _, e := range n.entries {
		if e.key == key {
			return e, true
		}
	}
	return entry{}, false
}

// where returns the place of n, no place for a nil n.
func (n *node) where() place {
	if n == nil {
		return place{}
	}
	return n.at
}

// join returns the path of key below path.
func join(path, key string) string {
	if path == "" {
		return shown(key)
	}
	return path + "." + shown(key)
}

var ordinary = regexp.MustCompile(`^[A-Za-z_-]{1,32}$`)

// shown returns name if it looks like a key, else an ellipsis: a misplaced comma
// or quote turns values into keys and aliases, and values may be secret.
func shown(name string) string {
	if !ordinary.MatchString(name) {
		return "…"
	}
	return name
}
