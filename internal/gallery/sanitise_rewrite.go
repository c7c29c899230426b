package gallery

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// maxRewrites is how often a text may turn out to be markup that holds such a text.
const maxRewrites = 3

// rewrite returns an equivalent fragment of elements that [HTML] keeps. Blocks stay
// blocks. The children of a noscript replace it, for no script runs. A picture that
// waits for a script has its address, and is there once. Links and pictures have
// absolute addresses or none. Text that browsers do not show is gone, and so is what
// leads to a withheld address. lost are the addresses of pictures that cannot be shown.
func rewrite(fragment string, base *url.URL, withheld map[string]bool) (out string, lost []string) {
	if strings.Contains(fragment, cdata) { // left by a format of XML that carried it
		fragment = strings.NewReplacer(cdata, "", "]]>", "").Replace(fragment)
	}
	r := rewriter{base: base, withheld: withheld}
	r.out = make([]byte, 0, len(fragment)+len(fragment)/8)
	r.read(fragment, 0)
	return string(r.out), r.lost
}

const cdata = "<![CDATA["

type rewriter struct {
	out      []byte
	base     *url.URL
	withheld map[string]bool // addresses that may not be shown
	hidden   int             // open elements whose children are not shown
	noscript bool            // inside a noscript
	fallback int             // open elements whose text is a fallback
	linked   bool            // inside a link
	source   string          // address that a source gives the open picture
	dropped  bool            // the open picture has a source that is withheld
	last     picture         // the picture before, when there was no text since
	shown    map[string]bool // addresses of pictures, true for one in a noscript
	lost     []string        // addresses of pictures that cannot be shown
}

// read rewrites a fragment; depth is how many texts around it turned out to be markup.
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
			if isHidden(in) {
				r.hidden++
			}
		case html.SelfClosingTagToken:
			t := z.Token()
			in = t.Data
			around := r.fallback
			r.start(t)
			r.fallback = around
		case html.EndTagToken:
			in = ""
			name, _ := z.TagName()
			r.end(string(name))
		}
	}
}

// text writes a text of the element in. The text of a raw element may be markup.
func (r *rewriter) text(s, in string, depth int) {
	markup := isRaw(in) || r.noscript && hasTag(s) // some CMSs escape the children of a noscript
	switch {
	case r.hidden > 0, r.fallback > 0 && !r.linked, isRaw(in) && (depth == maxRewrites || shownAs(in) == "" && in != "noscript"):
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
	r.separate(t.Data)
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
		r.fallback++
	case "time":
		if machineTime.MatchString(strings.TrimSpace(attribute(t, "datetime"))) {
			r.out = appendTag(r.out, name, t.Attr)
		}
	case "img":
		r.picture(t)
	case "picture":
		r.source, r.dropped = "", false
	case "source":
		r.dropped = r.dropped || r.withholds(t)
		if r.source == "" {
			r.source = cmp.Or(r.largest(attribute(t, "srcset")), r.largest(attribute(t, "data-srcset")))
		}
	case "a":
		for i, a := range t.Attr {
			if a.Key == "href" {
				t.Attr[i].Val = cmp.Or(WebAddress(a.Val, r.base), mailAddress(a.Val))
				if r.withheld[t.Attr[i].Val] {
					t.Attr[i].Val = ""
				}
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
	case r.hidden > 0 && isHidden(tag):
		r.hidden--
		return
	case r.hidden > 0:
		return
	case tag == "picture":
		r.source, r.dropped = "", false
	case tag == "a":
		r.linked = false
	case isMedia(tag):
		r.fallback = max(r.fallback-1, 0)
	}
	r.separate(tag)
	if name := shownAs(tag); name != "" {
		r.out = append(append(append(r.out, "</"...), name...), '>')
	}
}

// separate keeps the words around a removed control or frame apart.
func (r *rewriter) separate(tag string) {
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

// machineTime matches a valid datetime (HTML, section 4.5.14): a year, month, week,
// day, time, offset or duration.
var machineTime = func() *regexp.Regexp {
	const month, day, zone = `(?:0[1-9]|1[0-2])`, `(?:0[1-9]|[12][0-9]|3[01])`, `(?:Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])`
	const clock = `(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,3})?)?`
	return regexp.MustCompile(`^(?:[0-9]{4}(?:-` + month + `|-W(?:0[1-9]|[1-4][0-9]|5[0-3]))?|` + month + `-` + day + `|` + clock + `|` + zone +
		`|[0-9]{4}-` + month + `-` + day + `(?:[T ]` + clock + zone + `?)?|P(?:[0-9]{1,9}D)?(?:T(?:[0-9]{1,9}H)?(?:[0-9]{1,9}M)?(?:[0-9]{1,9}S)?)?)$`)
}()
