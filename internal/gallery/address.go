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

// resolve makes ref absolute (RFC 3986 §5). An absolute one is returned as it
// was written, so that nobody's address is spelt anew.
func resolve(base *url.URL, ref string) string {
	ref = strings.TrimSpace(ref)
	if base == nil || ref == "" || hasScheme(ref) {
		return ref
	}
	u, err := base.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}

func hasScheme(s string) bool {
	scheme, _, found := strings.Cut(s, ":")
	return found && scheme != "" && !strings.ContainsAny(scheme, "/?#")
}

// address names what is wrong with an address that, if given, must be absolute
// http or https.
func (ps *Problems) address(place, s string) {
	if s == "" {
		return
	}
	if len(s) > MaxURL {
		ps.addf(place, "%d bytes, at most %d are allowed", len(s), MaxURL)
		return
	}
	if reason := addressFault(s); reason != "" {
		ps.addf(place, "%s", reason)
	}
}

func addressFault(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "is no address"
	case u.Scheme == "":
		return "is relative, and there is no url to resolve it against"
	case u.Scheme != "http" && u.Scheme != "https":
		return "its scheme is neither http nor https"
	case u.Hostname() == "":
		return "has no host"
	case u.User != nil:
		return "holds a user name or password"
	}
	return ""
}
