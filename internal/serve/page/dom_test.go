package page_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// dom is a parsed page, or an element of one.
type dom struct{ *html.Node }

func parse(t testing.TB, source string) dom {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	return dom{root}
}

// all returns the elements of that name in d, in order, that have each of the
// attributes, which are written name=value.
func (d dom) all(tag string, attrs ...string) []dom {
	var found []dom
	for n := range d.Descendants() {
		if e := (dom{n}); n.Type == html.ElementNode && n.Data == tag && e.has(attrs) {
			found = append(found, e)
		}
	}
	return found
}

// one returns the only such element.
func (d dom) one(t testing.TB, tag string, attrs ...string) dom {
	t.Helper()
	found := d.all(tag, attrs...)
	if len(found) != 1 {
		t.Fatalf("%d elements %s %v, want one", len(found), tag, attrs)
	}
	return found[0]
}

func (d dom) has(attrs []string) bool {
	return !slices.ContainsFunc(attrs, func(a string) bool {
		name, value, _ := strings.Cut(a, "=")
		return !d.carries(name) || d.attr(name) != value
	})
}

func (d dom) carries(name string) bool {
	return slices.ContainsFunc(d.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func (d dom) attr(name string) string {
	for _, a := range d.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text returns the text in d on one line.
func (d dom) text() string {
	var b strings.Builder
	for n := range d.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// texts returns the text of each.
func texts(list []dom) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.text())
	}
	return out
}

// attrs returns that attribute of each.
func attrs(list []dom, name string) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.attr(name))
	}
	return out
}
