package gallery

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// allowed are the elements and attributes that [HTML] lets through.
var allowed = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(
		"p", "br", "wbr", "hr", "div", "span", "h2", "h3", "h4", "h5", "h6",
		"em", "strong", "b", "i", "u", "s", "sub", "sup", "small", "mark", "del", "ins", "bdi", "bdo", "abbr", "dfn",
		"ruby", "rt", "rp", "q", "cite", "code", "kbd", "samp", "var", "pre", "blockquote", "time",
		"ul", "ol", "li", "dl", "dt", "dd", "figure", "figcaption",
		"table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th",
	)
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src", "alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(regexp.MustCompile(`^[0-9]{1,5}$`)).OnElements("img")
	p.AllowAttrs("datetime").OnElements("time")
	p.AllowAttrs("title").OnElements("abbr", "dfn")
	p.AllowAttrs("start").Matching(regexp.MustCompile(`^-?[0-9]{1,6}$`)).OnElements("ol")
	p.AllowAttrs("reversed").OnElements("ol")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^[1aAiI]$`)).OnElements("ol")
	p.AllowAttrs("value").Matching(regexp.MustCompile(`^-?[0-9]{1,6}$`)).OnElements("li")
	p.AllowAttrs("scope").Matching(regexp.MustCompile(`^(row|col|rowgroup|colgroup)$`)).OnElements("th")
	p.AllowAttrs("colspan").Matching(regexp.MustCompile(`^[1-9][0-9]{0,2}$`)).OnElements("td", "th")
	p.AllowAttrs("rowspan").Matching(regexp.MustCompile(`^(0|[1-9][0-9]{0,2})$`)).OnElements("td", "th")
	p.AllowAttrs("lang").Globally()
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(ltr|rtl|auto)$`)).Globally()
	p.RequireParseableURLs(true)
	p.AllowURLSchemes("http", "https", "mailto")
	return p
})

// HTML returns s, a caption or a lead text in HTML or plain text, as an HTML fragment
// that is safe inside another element: every element is closed, and no end tag closes
// an element outside.
//
// It keeps text markup, lists, simple tables, quotations, figures, pictures and links,
// with the language and direction of the text. It removes scripts, frames, styles and
// names. Other blocks become a div, noscript becomes its children, and a picture that
// waits for a script gets the address that the script would give it.
//
// Links and pictures lead to http or https, links also to mail. Their addresses are
// absolute and in ASCII: relative ones are resolved against base, and removed where
// that is nil. Links ask search engines not to follow them and send no referrer.
// Pictures keep alt, width and height and are loaded when they come into view.
//
// In text without tags a line break becomes <br>. HTML(HTML(s)) equals HTML(s).
func HTML(s string, base *url.URL) string { return htmlWithout(nil, s, base) }

// HTMLWithout is [HTML] without the pictures at these addresses, and without links to them.
func HTMLWithout(s string, base *url.URL, addresses []string) string {
	withheld := make(map[string]bool, len(addresses))
	for _, address := range addresses {
		withheld[WebAddress(address, base)] = true
	}
	delete(withheld, "")
	return htmlWithout(withheld, s, base)
}

// htmlWithout is [HTML] without pictures at these addresses, and without links to them.
func htmlWithout(withheld map[string]bool, s string, base *url.URL) string {
	s = unixLines(Text(s))
	if !hasTag(s) {
		return textHTML(s)
	}
	rewritten, _ := rewrite(s, base, withheld)
	out := strings.TrimSpace(balance(allowed().Sanitize(rewritten)))
	if !hasTag(out) {
		// Without tags it reads as plain text, where a line break counts.
		return strings.ReplaceAll(out, "\n", " ")
	}
	return out
}

// hasTag reports whether an HTML parser would see a tag or a comment in s.
func hasTag(s string) bool {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 || i == len(s)-1 {
			return false
		}
		s = s[i+1:]
		if c := s[0] | 0x20; 'a' <= c && c <= 'z' || s[0] == '/' || s[0] == '!' || s[0] == '?' {
			return true
		}
	}
}

// textHTML returns text, in which entities may stand, as HTML.
func textHTML(s string) string {
	if strings.IndexByte(s, '&') >= 0 {
		s = unixLines(Text(html.UnescapeString(s)))
	}
	s = strings.TrimSpace(s)
	if !strings.ContainsAny(s, "&<>\n") {
		return s
	}
	b := appendEscaped(make([]byte, 0, len(s)+len(s)/8), s, inText)
	return strings.ReplaceAll(string(b), "\n", "<br>")
}

// Characters that are escaped.
const (
	inText      = "&<>"
	inAttribute = `&<>"`
)

// appendEscaped appends s to b with entities for the special characters.
func appendEscaped(b []byte, s, special string) []byte {
	for {
		i := strings.IndexAny(s, special)
		if i < 0 {
			return append(b, s...)
		}
		b = append(b, s[:i]...)
		switch s[i] {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		default:
			b = append(b, "&#34;"...)
		}
		s = s[i+1:]
	}
}

// unixLines makes every line break of s a single line feed.
func unixLines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}
