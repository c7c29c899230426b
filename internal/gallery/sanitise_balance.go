package gallery

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	// maxDepth is how deep elements nest in what is shown: tags below it are
	// dropped and their text kept.
	maxDepth = 64

	linkRel = "nofollow noopener noreferrer"
)

// balance rewrites fragment, in which only allowed elements and attributes
// are left, so that its elements nest and none reaches outside it. It takes
// time and memory in proportion to the fragment; the tree construction of
// HTML does not, because it repeats open formatting elements in each block.
func balance(fragment string, base *url.URL) string {
	b := balancer{base: base}
	b.out.Grow(len(fragment) + len(fragment)/4)
	for z := html.NewTokenizer(strings.NewReader(fragment)); ; {
		switch z.Next() {
		case html.ErrorToken:
			b.closeTo(0)
			return b.out.String()
		case html.TextToken:
			writeText(&b.out, strings.ReplaceAll(Text(string(z.Text())), "\r", "\n"))
		case html.StartTagToken, html.SelfClosingTagToken:
			b.start(z.Token())
		case html.EndTagToken:
			name, _ := z.TagName()
			b.end(string(name))
		}
	}
}

// balancer writes tags so that they nest; open is the stack of elements that
// are not closed yet.
type balancer struct {
	out  strings.Builder
	open []string
	base *url.URL
}

func (b *balancer) start(t html.Token) {
	attrs, ok := b.attributes(t)
	if !ok {
		return
	}
	b.closeImplied(t.Data)
	if isVoid(t.Data) {
		b.tag(t.Data, attrs)
		return
	}
	if len(b.open) >= maxDepth || b.misplaced(t.Data) {
		return
	}
	b.tag(t.Data, attrs)
	b.open = append(b.open, t.Data)
}

// misplaced reports whether tag may not stand inside what is open: a link in
// a link, a heading in a heading.
func (b *balancer) misplaced(tag string) bool {
	switch {
	case tag == "a":
		return slices.Contains(b.open, tag)
	case isHeading(tag):
		return slices.ContainsFunc(b.open, isHeading)
	}
	return false
}

func (b *balancer) end(tag string) {
	for i := len(b.open) - 1; i >= 0; i-- {
		open := b.open[i]
		if open == tag {
			b.closeTo(i)
			return
		}
		if isCell(open) && !isTablePart(tag) || isBlock(open) && !isBlock(tag) {
			return
		}
	}
}

// closeImplied closes what the start of tag closes without saying so: the
// paragraph before a block, the list item before the next one.
func (b *balancer) closeImplied(tag string) {
	cut := len(b.open)
	for i := len(b.open) - 1; i >= 0 && !shields(b.open[i], tag); i-- {
		if ends(tag, b.open[i]) {
			cut = i
		}
	}
	b.closeTo(cut)
}

func (b *balancer) closeTo(depth int) {
	for i := len(b.open) - 1; i >= depth; i-- {
		b.out.WriteString("</")
		b.out.WriteString(b.open[i])
		b.out.WriteByte('>')
	}
	b.open = b.open[:depth]
}

func (b *balancer) tag(name string, attrs []html.Attribute) {
	b.out.WriteByte('<')
	b.out.WriteString(name)
	for _, a := range attrs {
		b.out.WriteByte(' ')
		b.out.WriteString(a.Key)
		b.out.WriteString(`="`)
		writeEscaped(&b.out, a.Val, inAttribute)
		b.out.WriteByte('"')
	}
	b.out.WriteByte('>')
}

// attributes returns what t carries when it is shown; false when t is a link
// or a picture that leads nowhere.
func (b *balancer) attributes(t html.Token) ([]html.Attribute, bool) {
	kept := t.Attr[:0]
	seen := func(key string) bool {
		return slices.ContainsFunc(kept, func(a html.Attribute) bool { return a.Key == key })
	}
	for _, a := range t.Attr {
		if a.Key == "href" || a.Key == "src" {
			a.Val = follow(a.Val, b.base, a.Key == "href")
		}
		a.Val = unixLines(Text(a.Val))
		if !seen(a.Key) && (a.Val != "" || a.Key == "alt") {
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

// follow returns raw as an absolute address in ASCII, "" when it is none that
// may be followed.
func follow(raw string, base *url.URL, mail bool) string {
	if address := WebAddress(raw, base); address != "" || !mail {
		return address
	}
	return mailAddress(raw)
}
