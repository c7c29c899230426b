package gallery

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// WebAddress returns raw as an absolute http or https address of RFC 3986, in
// ASCII: an international host name in its ASCII form, white space around it and
// line breaks in it taken away, and what may not stand where it does
// percent-encoded. What is right already is not spelt anew. It returns "" when
// raw is no such address. A relative one is resolved against base, which may be
// nil. WebAddress of its result is the same.
func WebAddress(raw string, base *url.URL) string {
	raw = mend(raw)
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
	return mend(u.String()) // what comes from base was not mended
}

// mailAddress returns raw in ASCII when it is a mailto address, else "".
func mailAddress(raw string) string {
	scheme, rest, _ := strings.Cut(oneLine.Replace(trim(permitted(raw))), ":")
	if !strings.EqualFold(scheme, "mailto") || rest == "" {
		return ""
	}
	return "mailto:" + encode(rest, ":@/?")
}

// Base returns the address that relative ones resolve against, nil where s is
// none.
func Base(s string) *url.URL {
	u, err := url.Parse(mend(s))
	if err != nil || !u.IsAbs() || u.Host == "" {
		return nil
	}
	return u
}

// resolve makes ref absolute (RFC 3986 §5) and takes away the white space around
// it. An absolute one is else returned as it was written, so that nobody's
// address is spelt anew.
func resolve(base *url.URL, ref string) string {
	ref = trim(ref)
	if base == nil || ref == "" || hasScheme(ref) {
		return ref
	}
	mended := mend(ref)
	u, err := base.Parse(ref)
	if err != nil || ref != mended && strings.ContainsAny(ref, `%\`) { // where net/url would decode what it encodes
		if u, err = base.Parse(mended); err != nil {
			return ref
		}
	}
	return strings.TrimSpace(u.String()) // an empty fragment, left out, may have hidden some
}

func hasScheme(s string) bool {
	scheme, _, found := strings.Cut(s, ":")
	return found && scheme != "" && !strings.ContainsAny(scheme, "/?#")
}

// trim takes away the white space around s, and what is not seen there: marks of
// byte order and of direction, and other format characters, are copied with it.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// mend returns an address as the URL standard's parser reads it
// (https://url.spec.whatwg.org/#url-parsing): without line breaks and tabs, with
// slashes for backslashes before a query, and with a host after the scheme however
// many slashes are between them. What RFC 3986 does not let stand where it does is
// percent-encoded; escapes that are whole are kept, so that a signed query means
// what it meant, but in the host. The rest of the host is left to net/url, and so is
// what is no address of the web.
func mend(raw string) string {
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

// oneLine takes away what breaks a long address into lines.
var oneLine = strings.NewReplacer("\t", "", "\n", "", "\r", "")

// encode percent-encodes what may not stand in a part of an address: all but
// unreserved characters, sub-delims, whole escapes and what is allowed beside.
func encode(s, allowed string) string {
	var b strings.Builder
	kept := 0 // from where s is written as it is
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' ||
			strings.IndexByte("-._~!$&'()*+,;=", c) >= 0 || strings.IndexByte(allowed, c) >= 0 ||
			c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			continue
		}
		b.WriteString(s[kept:i])
		fmt.Fprintf(&b, "%%%02X", c)
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

// registeredName is a host in ASCII that is no address of IPv6 (RFC 3986 §3.2.2).
var registeredName = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+,;=-]+$`)

// anyName takes names that are in use and that IDNA 2008 does not allow, such as
// those with emoji or "_", as the URL standard does.
var anyName = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false), idna.StrictDomainName(false), idna.ValidateLabels(false))

// asciiHost replaces an international host name by its ASCII form; false when
// there is no host that RFC 3986 allows.
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
		if s[i] >= 0x80 {
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

// fileName ends in a suffix.
var fileName = regexp.MustCompile(`\.[A-Za-z]{2,5}$`)

// LicenceInWords reports whether a licence is said in words, such as "CC BY-SA
// 4.0", and is no address. A word alone is one, unless it is a path or the name
// of a file.
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

// address refuses what, if given, is not absolute http or https once it is
// mended. remedy is what to do about a relative one.
func (ps *Problems) address(place, s, remedy string) {
	if s == "" {
		return
	}
	if len(s) > MaxURL {
		ps.text(place, s, MaxURL)
		return
	}
	u, err := url.Parse(mend(s))
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
