package feed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// required names the elements that must be there and not empty.
type required struct {
	parent   string
	names    []string
	prefixes []string // of namespaces that are declared around it
}

// faultOf returns what keeps an item in that format from being published, ""
// when nothing does: it is too long, malformed, lacks a required element or
// holds an address that is not absolute.
func faultOf(f Format, body []byte, limit int) string {
	if len(body) > limit {
		return fmt.Sprintf("%d bytes, at most %d are allowed", len(body), limit)
	}
	switch f {
	case Atom:
		return xmlFault(body, required{parent: "entry", names: []string{"id", "title", "updated", "link"}})
	case JSON:
		return jsonFault(body, "id", "url", "date_published", "content_html content_text")
	}
	return xmlFault(body, required{
		parent:   "item",
		names:    []string{"title", "link", "description", "guid", "pubDate"},
		prefixes: []string{"atom", "content", "dc", "media"},
	})
}

// headFault is faultOf for a document without its items.
func (d *Document) headFault() string {
	head := slices.Concat(d.frame.head, d.frame.tail)
	switch d.Format {
	case Atom:
		return xmlFault(head, required{parent: "feed", names: []string{"id", "title", "updated", "author"}})
	case JSON:
		return jsonFault(head, "version", "title", "items")
	}
	return xmlFault(head, required{parent: "channel", names: []string{"title", "link", "description"}})
}

// xmlFault returns what is wrong with XML that this package wrote.
func xmlFault(b []byte, need required) string {
	if hasForbidden(b) {
		return "holds characters that XML forbids"
	}
	missing := slices.Clone(need.names)
	s := scanner{doc: b, prefixes: need.prefixes}
	s.ended = func(parent, name, content []byte, attributes bool) {
		if string(parent) == need.parent && (len(content) > 0 || attributes) {
			missing = slices.DeleteFunc(missing, func(n string) bool { return n == string(name) })
		}
	}
	if err := s.scan(); err != nil {
		return err.Error()
	}
	if len(missing) > 0 {
		return "lacks " + strings.Join(missing, ", ")
	}
	return ""
}

// hasForbidden reports whether b holds what XML 1.0 §2.2 forbids. It is
// [gallery.Text] for looking only, at a fraction of the time.
func hasForbidden(b []byte) bool {
	if !utf8.Valid(b) || bytes.Contains(b, []byte("\uFFFE")) || bytes.Contains(b, []byte("\uFFFF")) {
		return true
	}
	for ; len(b) >= 8; b = b[8:] {
		if mayHoldControl(binary.LittleEndian.Uint64(b)) && slices.ContainsFunc(b[:8], isForbiddenControl) {
			return true
		}
	}
	return slices.ContainsFunc(b, isForbiddenControl)
}

// mayHoldControl reports whether one of eight bytes is below a space. It may be
// wrong about bytes beyond such a one, and so only about whether to look closer.
func mayHoldControl(eight uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	return (eight-' '*ones)&^eight&tops != 0
}

func isForbiddenControl(c byte) bool { return c < ' ' && c != '\t' && c != '\n' && c != '\r' }
