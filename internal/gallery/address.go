package gallery

import (
	"net/url"
	"strings"
)

// parseBase returns the address that relative ones resolve against, nil where
// s is none.
func parseBase(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || u.Host == "" {
		return nil
	}
	return u
}

// resolve makes ref absolute (RFC 3986 §5) and takes away the white space
// around it. An absolute one is else returned as it was written, so that
// nobody's address is spelt anew.
func resolve(base *url.URL, ref string) string {
	ref = strings.TrimSpace(ref)
	if base == nil || ref == "" || hasScheme(ref) {
		return ref
	}
	u, err := base.Parse(ref)
	if err != nil {
		return ref
	}
	return strings.TrimSpace(u.String()) // an empty fragment, left out, may have hidden some
}

func hasScheme(s string) bool {
	scheme, _, found := strings.Cut(s, ":")
	return found && scheme != "" && !strings.ContainsAny(scheme, "/?#")
}

// needsBase is the remedy for an address that was not resolved.
const needsBase = "make it absolute, or give the gallery a url to resolve it against"

// address refuses what, if given, is not absolute http or https. remedy is what
// to do about a relative one.
func (ps *Problems) address(place, s, remedy string) {
	if s == "" {
		return
	}
	if len(s) > MaxURL {
		ps.text(place, s, MaxURL)
		return
	}
	u, err := url.Parse(s)
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
	}
}
