package gallery

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// picture is the place of a picture in the output.
type picture struct {
	start, end int
	address    string
	lazy       bool // waits for a script
}

// picture writes an img, unless it has no address or is there already: a noscript
// repeats what a script loads.
func (r *rewriter) picture(t html.Token) {
	address, lazy := r.addressOf(t)
	ofNoscript, shown := r.shown[address]
	before := r.last
	if src := attribute(t, "src"); address == "" && strings.Contains(src, "/") && !scripted.MatchString(src) && !placeholder.MatchString(src) {
		r.lost = append(r.lost, src)
	}
	switch {
	case address == "", r.dropped || r.withholds(t), r.noscript && isTracker(t), lazy && ofNoscript,
		r.noscript && shown && (!before.lazy || address != before.address):
		r.out = append(r.out, ' ')
		return
	case r.noscript && before.lazy: // nothing stands between the two
		delete(r.shown, before.address)
	default:
		before.start, before.end = len(r.out), len(r.out)
	}
	attrs := []html.Attribute{{Key: "src", Val: address}}
	if !slices.ContainsFunc(t.Attr, func(a html.Attribute) bool { return a.Key == "alt" }) {
		attrs = append(attrs, html.Attribute{Key: "alt"})
	}
	for _, a := range t.Attr {
		if a.Key != "src" {
			attrs = append(attrs, a)
		}
	}
	tag := appendTag(nil, "img", attrs)
	r.out = slices.Replace(r.out, before.start, before.end, tag...)
	r.last = picture{before.start, before.start + len(tag), address, lazy && !r.noscript}
	if r.shown == nil {
		r.shown = make(map[string]bool)
	}
	r.shown[address] = r.noscript
}

// withholds reports whether an attribute of t, or a part of a srcset, is an address that may
// not be shown.
func (r *rewriter) withholds(t html.Token) bool {
	return len(r.withheld) > 0 && slices.ContainsFunc(t.Attr, func(a html.Attribute) bool {
		parts := strings.FieldsFunc(a.Val, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
		return slices.ContainsFunc(append(parts, a.Val), func(s string) bool { return r.withheld[r.absolute(s)] })
	})
}

// addressOf returns the address of the picture that people see, "" where there is none,
// and whether it waits for a script: then src is a placeholder.
func (r *rewriter) addressOf(t html.Token) (address string, lazy bool) {
	for _, key := range []string{"data-src", "data-lazy-src", "data-original", "data-lazy", "data-cfsrc", "data-pagespeed-lazy-src"} {
		if address = r.absolute(attribute(t, key)); address != "" {
			return address, true
		}
	}
	for _, key := range []string{"data-srcset", "data-lazy-srcset"} {
		if address = r.largest(attribute(t, key)); address != "" {
			return address, true
		}
	}
	if address = r.absolute(attribute(t, "src")); address != "" {
		return address, false
	}
	if address = r.largest(attribute(t, "srcset")); address != "" {
		return address, false
	}
	return r.source, false
}

// absolute returns the address of a picture, "" where raw is none. Scripts and templates
// leave bare words, placeholders and the address of the page itself, which are none.
func (r *rewriter) absolute(raw string) string {
	if !strings.ContainsAny(raw, "./?") || strings.Trim(raw, "./?# ") == "" || placeholder.MatchString(raw) {
		return ""
	}
	return WebAddress(raw, r.base)
}

// scripted begins an address of no file, which a script replaces.
var scripted = regexp.MustCompile(`^\s*(?i:data|blob|about|javascript):`)

// placeholder is filled in by a template: {{ image.url }}, ${src}, {width}, <%= src %>.
var placeholder = regexp.MustCompile(`\{\{|\$\{|<%|(?i:%7B%7B)|\{[a-z_]+\}`)

// largest returns the address of the largest of the pictures in a srcset (HTML,
// section 4.8.4.3.9, "Parsing a srcset attribute"), "" where none has one.
func (r *rewriter) largest(srcset string) string {
	const space = " \t\n\f\r"
	found, most := "", -1.0
	for {
		srcset = strings.TrimLeft(srcset, space+",")
		if srcset == "" {
			return found
		}
		address, descriptor := srcset, ""
		if end := strings.IndexAny(srcset, space); end >= 0 {
			address = srcset[:end]
		}
		srcset = srcset[len(address):]
		if strings.HasSuffix(address, ",") {
			address = strings.TrimRight(address, ",")
		} else {
			descriptor, srcset, _ = strings.Cut(srcset, ",")
		}
		size := 1.0
		if d := strings.Fields(descriptor); len(d) > 0 {
			size, _ = strconv.ParseFloat(strings.TrimRight(d[0], "wx"), 64)
		}
		if address = r.absolute(address); address != "" && size > most {
			found, most = address, size
		}
	}
}

// isTracker reports whether the picture is invisible and counts readers.
func isTracker(t html.Token) bool {
	width, height := attribute(t, "width"), attribute(t, "height")
	return (width == "0" || width == "1") && (height == "0" || height == "1") ||
		strings.Contains(strings.ReplaceAll(attribute(t, "style"), " ", ""), "display:none")
}

// attribute returns the first value of that name, "" where there is none.
func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// mayHavePicture reports whether text may have an img or amp-img. Most has none, and need
// not be read as HTML.
func mayHavePicture(text string) bool {
	for _, tag, found := strings.Cut(text, "<"); found; _, tag, found = strings.Cut(tag, "<") {
		name := strings.ToLower(tag[:min(len(tag), len("amp-img"))])
		if strings.HasPrefix(strings.TrimPrefix(name, "amp-"), "img") {
			return true
		}
	}
	return false
}

// LostPictures names the pictures in the lead text and the captions of g that [HTML]
// leaves out, because their address cannot be used: at most twenty.
func (g *Gallery) LostPictures() Problems {
	var ps Problems
	find := func(place, text string) {
		_, lost := rewrite(text, Base(g.URL), nil)
		for _, address := range lost[:min(len(lost), maxProblems-len(ps))] {
			ps.addf(place, "the picture at %.80q is not shown: its address is not of the web, or relative to nothing", address)
		}
	}
	if mayHavePicture(g.Body) {
		find("/body", g.Body)
	}
	for i := range g.Slides {
		if caption := g.Slides[i].Caption; len(ps) < maxProblems && mayHavePicture(caption) {
			find(fmt.Sprintf("/slides/%d/caption", i), caption)
		}
	}
	return ps
}
