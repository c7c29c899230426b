package gallery

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Text returns s without the characters that XML 1.0 §2.2 or HTML forbid (most
// control characters, non-characters) and without bytes that are not UTF-8.
// U+0080 to U+009F become what they are in windows-1252, as in HTML's character
// references. Everything else is kept as it is.
func Text(s string) string {
	if s = permitted(s); strings.IndexByte(s, 0xC2) >= 0 {
		s = windows1252.Replace(s)
	}
	return s
}

// windows1252 replaces control characters by those that windows-1252 has in their place.
var windows1252 = strings.NewReplacer(func() (pairs []string) {
	for r := rune(0x80); r < 0xA0; r++ {
		meant := html.UnescapeString("&#" + strconv.Itoa(int(r)) + ";")
		if meant == string(r) {
			meant = ""
		}
		pairs = append(pairs, string(r), meant)
	}
	return pairs
}()...)

// permitted returns s without what [forbidden] finds.
func permitted(s string) string {
	i := forbidden(s)
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		_, size := utf8.DecodeRuneInString(s[i:])
		s = s[i+size:]
		i = forbidden(s)
	}
	b.WriteString(s)
	return b.String()
}

// forbidden returns the index of the first character of s that XML or HTML forbid and
// that has no meaning in windows-1252, or -1.
func forbidden(s string) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7F {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r&0xFFFE == 0xFFFE || 0xFDD0 <= r && r <= 0xFDEF {
			return i
		}
		i += size
	}
	return -1
}

// PlainText returns the text of what [HTML] returned, on one line: tags
// are gone, entities decoded, white space is folded into single spaces, and
// blocks are kept apart by one. It has no characters that XML forbids.
func PlainText(fragment string) string {
	switch {
	case strings.IndexByte(fragment, '<') < 0 && strings.IndexByte(fragment, '&') < 0:
		return Line(fragment)
	case strings.IndexByte(fragment, '<') < 0:
		return Line(html.UnescapeString(fragment))
	}
	var b strings.Builder
	b.Grow(len(fragment))
	for z := html.NewTokenizer(strings.NewReader(fragment)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return Line(b.String())
		case html.TextToken:
			b.Write(z.Text())
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "br" || string(name) == "img" || isBlock(string(name)) {
				b.WriteByte(' ')
			}
		}
	}
}

// Line returns s as one line: without what [Text] removes, and with white
// space folded into single spaces, none at the ends.
func Line(s string) string {
	s = Text(s)
	if isLine(s) {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// Lines returns each of list as a [Line], without empty ones and repetitions.
func Lines(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s = Line(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// isLine reports whether folding white space leaves s as it is.
func isLine(s string) bool {
	space := true // the character before is one, or there is none
	for _, c := range s {
		if c == ' ' && space || c != ' ' && unicode.IsSpace(c) {
			return false
		}
		space = c == ' '
	}
	return !space || s == ""
}
