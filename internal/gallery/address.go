package gallery

import (
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// WebAddress returns raw as an absolute http or https address of RFC 3986, in ASCII: an
// international host name in its ASCII form, without white space around it and line
// breaks in it, and with characters that are not allowed percent-encoded. The rest is
// kept as it is written. It returns "" when raw is no such address. A relative one is
// resolved against base, which may be nil. WebAddress of its result is the same.
func WebAddress(raw string, base *url.URL) string {
	if plain(raw) {
		return raw
	}
	raw = correct(raw)
	u, err := url.Parse(raw)
	if err != nil || raw == "" {
		return ""
	}
	if !u.IsAbs() && base != nil {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || !asciiHost(u) {
		return ""
	}
	return correct(u.String()) // what comes from base was not corrected
}

// plain reports whether s is an http or https address as WebAddress returns it, without a
// port or a fragment. Most addresses are, and need no parsing.
func plain(s string) bool {
	scheme, rest, _ := strings.Cut(s, "://")
	host, path, _ := strings.Cut(rest, "/")
	return (scheme == "http" || scheme == "https") &&
		host != "" && !strings.Contains(host, "%") && encode(host, "") == host && encode(path, ":@/?") == path
}

// mailAddress returns raw in ASCII when it is a mailto address, else "".
func mailAddress(raw string) string {
	scheme, rest, _ := strings.Cut(oneLine.Replace(trim(permitted(raw))), ":")
	if !strings.EqualFold(scheme, "mailto") || rest == "" {
		return ""
	}
	return "mailto:" + encode(rest, ":@/?")
}

// EmailAddress returns raw as an address for mail in ASCII, which is all that Atom and
// RSS can state (RFC 5322 §3.4.1): an international host name in its ASCII form. It
// returns "" when raw is anything else, or when the part before the @ is not ASCII.
func EmailAddress(raw string) string {
	raw = Line(raw)
	if a, err := mail.ParseAddress(raw); err != nil || a.Name != "" || a.Address != raw {
		return ""
	}
	if isASCII(raw) {
		return raw
	}
	at := strings.LastIndexByte(raw, '@') + 1
	host, err := idna.Lookup.ToASCII(raw[at:])
	if err != nil || !isASCII(raw[:at]) {
		return ""
	}
	return raw[:at] + host
}

// Base parses the address that relative ones resolve against; nil where s is none.
func Base(s string) *url.URL {
	u, err := url.Parse(correct(s))
	if err != nil || !u.IsAbs() || u.Host == "" {
		return nil
	}
	return u
}

// resolve makes ref absolute (RFC 3986 §5), without the white space around it. An
// absolute one is kept as it is written.
func resolve(base *url.URL, ref string) string {
	ref = trim(ref)
	if base == nil || ref == "" || hasScheme(ref) {
		return ref
	}
	corrected := correct(ref)
	u, err := base.Parse(ref)
	if err != nil || ref != corrected && strings.ContainsAny(ref, `%\`) { // where net/url would decode what it encodes
		if u, err = base.Parse(corrected); err != nil {
			return ref
		}
	}
	return strings.TrimSpace(u.String()) // an empty fragment, left out, may have hidden some
}

func hasScheme(s string) bool {
	scheme, _, found := strings.Cut(s, ":")
	return found && scheme != "" && !strings.ContainsAny(scheme, "/?#")
}

// trim removes the white space around s, and the invisible characters that are copied
// with it: marks of byte order and of direction, and other format characters.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// correct returns an address as the URL standard's parser reads it
// (https://url.spec.whatwg.org/#url-parsing): without line breaks and tabs, with
// slashes for backslashes before a query, and with a host after the scheme however
// many slashes are between them. Characters that RFC 3986 does not allow are
// percent-encoded. Whole escapes are kept, so that a signed query keeps its meaning, but
// not in the host. The rest of the host, and other addresses, are for net/url.
func correct(raw string) string {
	s, scheme := trim(permitted(raw)), ""
	if hasScheme(s) {
		i := strings.IndexByte(s, ':') + 1
		if scheme, s = s[:i], s[i:]; !strings.EqualFold(scheme, "http:") && !strings.EqualFold(scheme, "https:") {
			return scheme + s
		}
	}
	s, fragment, hasFragment := strings.Cut(oneLine.Replace(s), "#")
	s, query, hasQuery := strings.Cut(s, "?")
	s = strings.ReplaceAll(s, `\`, "/")
	authority := ""
	if scheme != "" || strings.HasPrefix(s, "//") {
		s = strings.TrimLeft(s, "/")
		host := strings.IndexByte(s+"/", '/')
		authority, s = "//"+s[:host], s[host:]
		if decoded, err := url.PathUnescape(authority); err == nil && !strings.ContainsAny(decoded[2:], `/\?#@:[]% `) {
			authority = decoded
		}
	}
	s = scheme + authority + encode(s, ":@/")
	if hasQuery {
		s += "?" + encode(query, ":@/?")
	}
	if hasFragment {
		s += "#" + encode(fragment, ":@/?")
	}
	return s
}

// oneLine joins the lines of a long address.
var oneLine = strings.NewReplacer("\t", "", "\n", "", "\r", "")

// encode percent-encodes a part of an address: all but unreserved characters,
// sub-delims, whole escapes and the characters in allowed.
func encode(s, allowed string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	kept := 0 // from where s is not written yet
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' ||
			strings.IndexByte("-._~!$&'()*+,;=", c) >= 0 || strings.IndexByte(allowed, c) >= 0 ||
			c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			continue
		}
		b.WriteString(s[kept:i])
		b.Write([]byte{'%', hex[c>>4], hex[c&0xF]}) // with package fmt, b would be allocated for each address that is right, too
		kept = i + 1
	}
	if kept == 0 {
		return s
	}
	b.WriteString(s[kept:])
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// registeredName is a host in ASCII that is no IPv6 address (RFC 3986 §3.2.2).
var registeredName = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+,;=-]+$`)

// anyName allows names that are in use and not in IDNA 2008, such as those with emoji or
// "_", as the URL standard does.
var anyName = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.StrictDomainName(false), idna.ValidateLabels(false))

// asciiHost replaces an international host name by its ASCII form; false when RFC 3986
// does not allow the host.
func asciiHost(u *url.URL) bool {
	name := u.Hostname()
	if port, err := strconv.Atoi(u.Port()); err == nil && port > math.MaxUint16 {
		return false
	}
	if isASCII(name) {
		return registeredName.MatchString(name) || strings.HasPrefix(u.Host, "[") && !strings.Contains(name, "%")
	}
	host, err := idna.Lookup.ToASCII(name)
	if err != nil {
		host, err = anyName.ToASCII(name)
	}
	if err != nil || !registeredName.MatchString(host) {
		return false
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	u.Host = host
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hostFirst is an address that people write without its scheme.
var hostFirst = regexp.MustCompile(`^(?i:www\.|(?:[a-z0-9-]+\.)+[a-z]{2,}/)`)

// withScheme is s, an address of a page, with https where it begins with a host.
func withScheme(s string) string {
	if s = trim(s); hostFirst.MatchString(s) {
		return "https://" + s
	}
	return s
}

var fileName = regexp.MustCompile(`\.[A-Za-z]{2,5}$`)

// LicenceInWords reports whether a licence is words, such as "CC BY-SA 4.0", and no
// address. A single word counts, unless it is a path or the name of a file.
func LicenceInWords(s string) bool {
	s = strings.ToLower(strings.TrimSpace(s))
	switch {
	case strings.HasPrefix(s, "http:"), strings.HasPrefix(s, "https:"):
		return false
	case strings.ContainsFunc(s, unicode.IsSpace):
		return true
	}
	return s != "" && !hasScheme(s) && !strings.ContainsAny(s, "/?#") && !fileName.MatchString(s)
}

// needsBase is the remedy for an address that was not resolved.
const needsBase = "make it absolute, or give the gallery a url to resolve it against"

// address refuses an address that is not absolute http or https once it is corrected.
// remedy is for a relative one.
func (ps *Problems) address(place, s, remedy string) {
	if len(s) > MaxURL {
		ps.text(place, s, MaxURL)
		return
	}
	if s == "" || plain(s) {
		return
	}
	u, err := url.Parse(correct(s))
	switch {
	case err != nil:
		ps.addf(place, "is not a valid address (RFC 3986)")
	case u.Scheme == "":
		ps.addf(place, "is relative: %s", remedy)
	case u.Scheme != "http" && u.Scheme != "https":
		ps.addf(place, "begins with %.20q: only http and https addresses are allowed", u.Scheme+":")
	case u.Hostname() == "":
		ps.addf(place, "has no host")
	case u.User != nil:
		ps.addf(place, "holds a user name or password, which everybody would see: leave it out")
	case !asciiHost(u):
		ps.addf(place, "has the host %.80q, which is none (RFC 3986)", u.Host)
	}
}
