package feed

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// node is an element as a parser that nobody here wrote reads it. Its name has
// the usual prefix of its namespace.
type node struct {
	name     string
	attrs    map[string]string
	children []*node
	text     string
}

// parseXML reads b. It accepts only a well-formed document with one root, without
// entities of its own and without instructions, in namespaces that are known here.
func parseXML(t testing.TB, b []byte) *node {
	t.Helper()
	root := new(node)
	open := []*node{root}
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if strings.TrimSpace(root.text) != "" {
				t.Errorf("%q around the root", root.text)
			}
			return only(t, root.children)
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, b)
		}
		parent := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := newNode(t, token)
			parent.children = append(parent.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			parent.text += string(token)
		case xml.ProcInst:
			if token.Target != "xml" || d.InputOffset() > int64(len(xml.Header)) {
				t.Errorf("the instruction %s", token.Target)
			}
		case xml.Directive, xml.Comment:
			t.Errorf("a %T", token)
		}
	}
}

func newNode(t testing.TB, e xml.StartElement) *node {
	t.Helper()
	n := &node{name: prefixed(t, e.Name), attrs: map[string]string{}}
	for _, a := range e.Attr {
		if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
			continue
		}
		name := prefixed(t, a.Name)
		if _, twice := n.attrs[name]; twice {
			t.Errorf("<%s> has two attributes %s", n.name, name)
		}
		n.attrs[name] = a.Value
	}
	return n
}

func prefixed(t testing.TB, n xml.Name) string {
	t.Helper()
	prefixes := map[string]string{
		"": "", atomNamespace: "atom:", historyNamespace: "fh:", deletedNamespace: "at:",
		"http://search.yahoo.com/mrss/": "media:", "http://purl.org/dc/elements/1.1/": "dc:",
		"http://purl.org/rss/1.0/modules/content/": "content:", "http://www.w3.org/XML/1998/namespace": "xml:",
	}
	prefix, known := prefixes[n.Space]
	if !known {
		t.Errorf("unknown namespace %q", n.Space)
	}
	return prefix + n.Local
}

// all returns the children with that name.
func (n *node) all(name string) []*node {
	return slices.DeleteFunc(slices.Clone(n.children), func(c *node) bool { return c.name != name })
}

// textOf returns the text of the first child with that name, "" without one.
func (n *node) textOf(name string) string {
	if list := n.all(name); len(list) > 0 {
		return list[0].text
	}
	return ""
}

// place returns the index of the first child with that name, or -1.
func (n *node) place(name string) int {
	return slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
}

// each calls f for n and everything in it.
func (n *node) each(f func(*node)) {
	f(n)
	for _, c := range n.children {
		c.each(f)
	}
}
