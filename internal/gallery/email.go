package gallery

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// EmailAddress returns raw as an address for mail in ASCII, which is all that Atom and
// RSS can state (RFC 5322 §3.4.1): an international host name in its ASCII form. It
// returns "" when raw is anything else, or when the part before the @ is not ASCII.
func EmailAddress(raw string) string {
	raw = Line(raw)
	if a, err := mail.ParseAddress(raw); err != nil || a.Name != "" || a.Address != raw {
		return ""
	}
	at := strings.LastIndexByte(raw, '@')
	local, host := raw[:at], raw[at+1:]
	if isASCII(raw) {
		return raw
	}
	host, err := idna.Lookup.ToASCII(host)
	if err != nil || !isASCII(local) {
		return ""
	}
	return local + "@" + host
}
