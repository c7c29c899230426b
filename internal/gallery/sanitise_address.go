package gallery

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// WebAddress returns raw as an absolute http or https address in ASCII: an
// international host name in its ASCII form, the rest percent-encoded. It
// returns "" when raw is no such address. A relative one is resolved against
// base, which may be nil. WebAddress of its result is the same.
func WebAddress(raw string, base *url.URL) string {
	raw = strings.TrimSpace(Text(raw))
	if raw == "" {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if !u.IsAbs() && base != nil {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !asciiHost(u) {
		return ""
	}
	u.RawQuery = escapeAddress(u.RawQuery)
	return u.String()
}

// mailAddress returns raw in ASCII when it is a mailto address, else "".
func mailAddress(raw string) string {
	raw = strings.TrimSpace(Text(raw))
	if u, err := url.Parse(raw); err != nil || u.Scheme != "mailto" {
		return ""
	}
	return escapeAddress(raw)
}

// asciiHost replaces an international host name by its ASCII form; false when
// it has none.
func asciiHost(u *url.URL) bool {
	if isASCII(u.Host) {
		return true
	}
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if err != nil || host == "" {
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

// escapeAddress percent-encodes what may stand nowhere in an address; net/url
// leaves queries as they were.
func escapeAddress(s string) string {
	ok := func(c byte) bool { return c > ' ' && c < 0x7F && strings.IndexByte("\"<>\\^`{|}", c) < 0 }
	var b strings.Builder
	for i := range len(s) {
		if ok(s[i]) {
			b.WriteByte(s[i])
			continue
		}
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}
