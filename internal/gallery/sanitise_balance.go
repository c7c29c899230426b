package gallery

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	// maxDepth is how deep elements nest: deeper tags are dropped and their text kept.
	maxDepth = 64

	// inTable is how many elements a table may need around a text in it.
	inTable = 3

	linkRel = "nofollow noopener noreferrer"
)

// balance rewrites fragment, which has allowed elements and attributes only, so that its
// elements nest, each stays where an HTML parser puts it, and none closes an element
// outside. It takes time and memory in proportion to the fragment; the tree
// construction of HTML does not, because it repeats open formatting elements in each
// block.
func balance(fragment string) string {
	b := balancer{out: make([]byte, 0, len(fragment)+len(fragment)/4)}
	for z := html.NewTokenizer(strings.NewReader(fragment)); ; {
		switch z.Next() {
		case html.ErrorToken:
			b.closeTo(0)
			return string(b.out)
		case html.TextToken:
			b.text(strings.ReplaceAll(Text(string(z.Text())), "\r", "\n"))
		case html.StartTagToken, html.SelfClosingTagToken:
			b.start(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			b.end(string(name))
		}
	}
}

// balancer writes tags so that they nest. open is the stack of open elements.
type balancer struct {
	out  []byte
	open []element
}

// element is an open element: its tag in the fragment, and the one that is written.
type element struct{ tag, shown string }

func (b *balancer) text(s string) {
	if strings.TrimSpace(s) != "" {
		b.implyCell()
		b.implyItem("")
	}
	b.out = appendEscaped(b.out, s, inText)
}

func (b *balancer) start(t html.Token) {
	attrs, ok := attributes(t)
	if !ok {
		return
	}
	b.closeImplied(t.Data)
	shown := b.place(t.Data)
	if shown != t.Data {
		b.closeImplied(shown)
		attrs = slices.DeleteFunc(attrs, func(a html.Attribute) bool { return a.Key != "lang" && a.Key != "dir" })
	}
	if !isTablePart(shown) || shown == "table" {
		b.implyCell()
	}
	b.implyItem(shown)
	switch {
	case isVoid(shown):
		b.out = appendTag(b.out, shown, attrs)
	case shown == "a" && b.within("a"): // a link in a link
	case len(b.open) >= maxDepth, (shown == "table" || isList(shown)) && len(b.open) >= maxDepth-inTable:
		if isBlock(shown) {
			b.out = append(b.out, ' ')
		}
	default:
		b.push(element{t.Data, shown}, attrs)
	}
}

func (b *balancer) push(e element, attrs []html.Attribute) {
	b.out = appendTag(b.out, e.shown, attrs)
	b.open = append(b.open, e)
}

// place returns the tag to write for the start of tag: where it may not stand, a div or
// a span.
func (b *balancer) place(tag string) string {
	switch {
	case isTablePart(tag) && tag != "table":
		if !b.within("table") {
			return "div"
		}
		if isCell(tag) && b.top() != "tr" {
			b.push(element{"tr", "tr"}, nil)
		}
	case tag == "li" && b.top() != "ul" && b.top() != "ol", (tag == "dt" || tag == "dd") && !b.inTerms(), tag == "figcaption" && !b.within("figure"),
		isHeading(tag) && slices.ContainsFunc(b.open, func(e element) bool { return isHeading(e.shown) }):
		return "div"
	case (tag == "rt" || tag == "rp") && !b.within("ruby"):
		return "span"
	}
	return tag
}

// implyCell opens the cell that must stand around the next element or text of a table.
func (b *balancer) implyCell() {
	top := b.top()
	if top == "table" || isRowGroup(top) {
		b.push(element{"tr", "tr"}, nil)
		top = "tr"
	}
	if top == "tr" {
		b.push(element{"td", "td"}, nil)
	}
}

// implyItem opens the item that must stand around shown in a list.
func (b *balancer) implyItem(shown string) {
	switch top := b.top(); {
	case (top == "ul" || top == "ol") && shown != "li":
		b.push(element{"li", "li"}, nil)
	case top == "dl" && shown != "dt" && shown != "dd" && shown != "div":
		b.push(element{"dd", "dd"}, nil)
	}
}

// inTerms reports whether a dt or dd may stand here: in a dl, or in a div that groups
// them there.
func (b *balancer) inTerms() bool {
	n := len(b.open)
	return b.top() == "dl" || n > 1 && b.open[n-1].shown == "div" && b.open[n-2].shown == "dl"
}

func (b *balancer) top() string {
	if len(b.open) == 0 {
		return ""
	}
	return b.open[len(b.open)-1].shown
}

func (b *balancer) within(tags ...string) bool {
	return slices.ContainsFunc(b.open, func(e element) bool { return slices.Contains(tags, e.shown) })
}

func (b *balancer) end(tag string) {
	for i := len(b.open) - 1; i >= 0; i-- {
		open := b.open[i]
		if open.tag == tag {
			b.closeTo(i)
			return
		}
		if isCell(open.shown) && !isTablePart(tag) || isBlock(open.shown) && !isBlock(tag) {
			return
		}
	}
}

// closeImplied closes the elements that the start of tag ends implicitly: the paragraph
// before a block, the list item before the next one.
func (b *balancer) closeImplied(tag string) {
	cut := len(b.open)
	for i := len(b.open) - 1; i >= 0 && !contains(b.open[i].shown, tag); i-- {
		if ends(tag, b.open[i].shown) {
			cut = i
		}
	}
	b.closeTo(cut)
}

func (b *balancer) closeTo(depth int) {
	for i := len(b.open) - 1; i >= depth; i-- {
		b.out = append(append(append(b.out, "</"...), b.open[i].shown...), '>')
	}
	b.open = b.open[:depth]
}

// attributes returns the attributes to write for t; false when t is a link or a picture
// without an address.
func attributes(t html.Token) ([]html.Attribute, bool) {
	kept := t.Attr[:0]
	seen := func(key string) bool {
		return slices.ContainsFunc(kept, func(a html.Attribute) bool { return a.Key == key })
	}
	for _, a := range t.Attr {
		a.Val = unixLines(Text(a.Val))
		if !seen(a.Key) && (a.Val != "" || a.Key == "alt" || a.Key == "reversed") {
			kept = append(kept, a)
		}
	}
	switch t.Data {
	case "a":
		return append(kept, html.Attribute{Key: "rel", Val: linkRel}), seen("href")
	case "img":
		return append(kept, html.Attribute{Key: "loading", Val: "lazy"}), seen("src")
	}
	return kept, true
}
