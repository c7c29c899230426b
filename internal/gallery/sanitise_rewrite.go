package gallery

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// maxRewrites is how deep text is read that is markup once more.
const maxRewrites = 3

// rewrite returns a fragment that says the same in elements that [HTML]
// keeps. Blocks are still blocks. The children of a noscript stand in its place,
// for no script runs. A picture that waits for a script has its address, and is
// there once. Links and pictures have absolute addresses or none. Text that
// browsers do not show is gone. Lost are the addresses of pictures that lead nowhere.
func rewrite(fragment string, base *url.URL) (out string, lost []string) {
	if strings.Contains(fragment, cdata) { // left by a format of XML that carried it
		fragment = strings.NewReplacer(cdata, "", "]]>", "").Replace(fragment)
	}
	r := rewriter{base: base}
	r.out = make([]byte, 0, len(fragment)+len(fragment)/8)
	r.read(fragment, 0)
	return string(r.out), r.lost
}

const cdata = "<![CDATA["

type rewriter struct {
	out      []byte
	base     *url.URL
	hidden   int             // elements around whose children are not shown
	noscript bool            // what is read stands in one
	instead  int             // elements around whose text stands for what a browser shows
	linked   bool            // what is read stands in a link
	offered  string          // the address that a source gives the picture around
	last     picture         // the one before, when there was no text since
	shown    map[string]bool // addresses of pictures, true of one in a noscript
	lost     []string        // addresses of pictures that lead nowhere
}

// read rewrites a fragment; depth is how often text around it turned out to be
// markup.
func (r *rewriter) read(fragment string, depth int) {
	in := "" // the element whose start tag came last
	for z := html.NewTokenizer(strings.NewReader(fragment)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			r.text(string(z.Text()), in, depth)
		case html.StartTagToken:
			t := z.Token()
			in = t.Data
			r.start(t)
			if isUnshown(in) {
				r.hidden++
			}
		case html.SelfClosingTagToken:
			t := z.Token()
			in = t.Data
			around := r.instead
			r.start(t)
			r.instead = around
		case html.EndTagToken:
			in = ""
			name, _ := z.TagName()
			r.end(string(name))
		}
	}
}

// text writes a text of the element in, which may be one of those that hold
// nothing but text, whatever stands in it.
func (r *rewriter) text(s, in string, depth int) {
	markup := isRaw(in) || r.noscript && hasTag(s) // CMSs are known to escape what is in a noscript
	switch {
	case r.hidden > 0, r.instead > 0 && !r.linked, isRaw(in) && (depth == maxRewrites || shownAs(in) == "" && in != "noscript"):
	case markup && depth < maxRewrites:
		around := r.noscript
		r.noscript = around || in == "noscript"
		r.read(s, depth+1)
		r.noscript = around
	default:
		if strings.TrimSpace(s) != "" {
			r.last = picture{}
		}
		r.out = appendEscaped(r.out, strings.ReplaceAll(Text(s), "\r", "\n"), inText)
	}
}

func (r *rewriter) start(t html.Token) {
	if r.hidden > 0 {
		return
	}
	r.apart(t.Data)
	for i := range t.Attr {
		switch a := &t.Attr[i]; a.Key {
		case "lang":
			a.Val = CanonicalLanguage(strings.TrimSpace(a.Val))
		case "dir":
			a.Val = strings.ToLower(a.Val)
			if t.Data == "bdo" && a.Val == "auto" {
				a.Val = ""
			}
		}
	}
	switch name := shownAs(t.Data); name {
	case "":
	case "audio", "canvas", "video":
		r.instead++
	case "time":
		if machineTime.MatchString(strings.TrimSpace(attribute(t, "datetime"))) {
			r.out = appendTag(r.out, name, t.Attr)
		}
	case "img":
		r.picture(t)
	case "picture":
		r.offered = ""
	case "source":
		if r.offered == "" {
			r.offered = cmp.Or(r.largest(attribute(t, "srcset")), r.largest(attribute(t, "data-srcset")))
		}
	case "a":
		for i, a := range t.Attr {
			if a.Key == "href" {
				t.Attr[i].Val = cmp.Or(WebAddress(a.Val, r.base), mailAddress(a.Val))
			}
		}
		r.linked = true
		fallthrough
	default:
		r.out = appendTag(r.out, name, t.Attr)
	}
}

func (r *rewriter) end(tag string) {
	switch {
	case r.hidden > 0 && isUnshown(tag):
		r.hidden--
		return
	case r.hidden > 0:
		return
	case tag == "picture":
		r.offered = ""
	case tag == "a":
		r.linked = false
	case isMedia(tag):
		r.instead = max(r.instead-1, 0)
	}
	r.apart(tag)
	if name := shownAs(tag); name != "" {
		r.out = append(append(append(r.out, "</"...), name...), '>')
	}
}

// apart keeps the words around a control or a frame apart, which is gone.
func (r *rewriter) apart(tag string) {
	switch tag {
	case "audio", "button", "canvas", "embed", "iframe", "input", "math", "meter", "object", "progress", "svg", "textarea", "video":
		r.out = append(r.out, ' ')
	}
}

// appendTag appends a start tag to b.
func appendTag(b []byte, name string, attrs []html.Attribute) []byte {
	b = append(append(b, '<'), name...)
	for _, a := range attrs {
		b = append(append(append(b, ' '), a.Key...), `="`...)
		b = append(appendEscaped(b, a.Val, inAttribute), '"')
	}
	return append(b, '>')
}

// machineTime is what datetime may be (HTML, section 4.5.14): a year, month, week,
// day, time, offset or duration.
var machineTime = func() *regexp.Regexp {
	const month, day, zone = `(?:0[1-9]|1[0-2])`, `(?:0[1-9]|[12][0-9]|3[01])`, `(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])`
	const clock = `(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,3})?)?`
	return regexp.MustCompile(`^(?:[0-9]{4}(?:-` + month + `|-W(?:0[1-9]|[1-4][0-9]|5[0-3]))?|` + month + `-` + day + `|` + clock + `|` + zone +
		`|[0-9]{4}-` + month + `-` + day + `(?:[T ]` + clock + zone + `?)?|P(?:[0-9]{1,9}D)?(?:T(?:[0-9]{1,9}H)?(?:[0-9]{1,9}M)?(?:[0-9]{1,9}S)?)?)$`)
}()

// isUnshown reports whether no browser shows what is in the element: the children
// of an object are for those that do not know its type, those of a template for a
// script, and those of a datalist are proposed where one types.
func isUnshown(tag string) bool { return tag == "object" || tag == "template" || tag == "datalist" }

// isMedia reports whether the text in the element is for browsers that do not know
// it. Links in it lead to what it shows.
func isMedia(tag string) bool { return tag == "audio" || tag == "canvas" || tag == "video" }

// isRaw reports whether an HTML parser takes what is in the element for text.
func isRaw(tag string) bool {
	switch tag {
	case "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp":
		return true
	}
	return false
}

// shownAs names the element that is shown for one, "" where only its children are
// shown, or nothing.
func shownAs(tag string) string {
	switch tag {
	case "h1":
		return "h2" // the first heading is the title of the item
	case "image", "amp-img":
		return "img" // as browsers take it, and AMP's script
	case "acronym":
		return "abbr"
	case "strike":
		return "s"
	case "tt":
		return "code"
	case "menu", "dir":
		return "ul"
	case "listing", "plaintext", "xmp":
		return "pre"
	case "address", "article", "aside", "body", "center", "details", "dialog", "fieldset", "footer", "form", "header", "hgroup", "html", "legend",
		"main", "marquee", "nav", "optgroup", "option", "search", "section", "select", "summary":
		return "div"
	}
	if isRaw(tag) || isUnshown(tag) {
		return ""
	}
	return tag
}
