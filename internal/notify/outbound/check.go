package outbound

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const maxAddress = 2048

// Check returns the parsed address if a call to it would be tried: it is http or
// https, has a host, no user and no fragment, is at most 2048 bytes of printable
// ASCII, and is no IP address that is not public, nor a number that a resolver
// could take for one. A name may still turn out, when connecting, to belong to an
// address that is not public. The error wraps [ErrRefused]; its text is a reason
// such as "has no host", and quotes at most the host.
func (c *Client) Check(address string) (*url.URL, error) {
	if len(address) > maxAddress {
		return nil, refuse("is longer than %d bytes", maxAddress)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, refuse("holds a space, a control character or what is not ASCII: escape it")
	}
	if strings.Contains(address, "#") {
		return nil, refuse("has a fragment")
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, refuse("is no address")
	}
	if err := c.check(u); err != nil {
		return nil, err
	}
	return u, nil
}

// check is Check of a parsed address, which may be longer than what was checked before.
func (c *Client) check(u *url.URL) error {
	port, portErr := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("does not begin with http:// or https://")
	case u.Scheme == "http" && !c.opts.AllowHTTP:
		return refuse("is plain http, and only https is called")
	case u.User != nil:
		return refuse("holds a user or a password")
	case u.Hostname() == "":
		return refuse("has no host")
	case u.Port() != "" && (portErr != nil || port == 0):
		return refuse("has no port from 1 to 65535")
	}
	bracketed := strings.HasPrefix(u.Host, "[")
	ip, err := netip.ParseAddr(u.Hostname())
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	switch {
	case err == nil && ip.Is6() == bracketed:
		return c.guard.check(ip)
	case bracketed || endsInNumber.MatchString(name):
		return refuse("has a host that looks like an IP address and is not written as one")
	case len(name) > 253 || !hostname.MatchString(name):
		return refuse("has a host that is no name (other scripts are written as xn--…)")
	case (name == "localhost" || strings.HasSuffix(name, ".localhost")) && !c.guard.loopback:
		return refuse("names this machine itself")
	}
	return nil
}

// hostname is RFC 1123, section 2.1, and underscores, which are in use.
var hostname = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// endsInNumber matches names that end in a number as the URL standard has it: no public
// name does, and old resolvers read 127.1, 0x7f.1 and 2130706433 as addresses.
var endsInNumber = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)
