package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

func checkListen(path, address string, r Report) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isPort(port) || host != "" && !isHost(host) {
		r(path, fmt.Sprintf("%q is no address to listen on: write host:port, such as 127.0.0.1:8080, :8080 for every interface, or 127.0.0.1:0 for a free port", address))
	}
}

// checkPorts refuses one address for two listeners: the second would find its port
// taken and blame a stranger. Port 0 is a different one each time.
func (c Config) checkPorts(r Report) {
	type listener struct{ path, address string }
	listeners := []listener{{"http.listen", c.HTTP.Listen}, {"http.admin_listen", c.HTTP.AdminListen}}
	if c.NATS.URL == "" {
		listeners = append(listeners, listener{"nats.embedded.listen", c.NATS.Embedded.Listen})
	}
	for i, second := range listeners {
		for _, first := range listeners[:i] {
			if first.address == second.address && !strings.HasSuffix(first.address, ":0") {
				r(second.path, fmt.Sprintf("%q is the address of %s already: choose another port", second.address, first.path), first.path)
			}
		}
	}
}

// whyNotBase says why base cannot begin the addresses that we publish; nothing if
// it can, or is empty.
func whyNotBase(base string) string {
	u, why := webAddress(base)
	switch {
	case why != "":
		return why
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(base, "#"):
		return "has a query or a fragment"
	case u.EscapedPath() != u.Path:
		return "has a path that needs escaping"
	}
	return ""
}

// webAddress parses an address that may be empty, or says why nobody can be sent
// to it.
func webAddress(address string) (u *url.URL, why string) {
	u, err := url.Parse(address)
	switch {
	case address == "":
	case err != nil:
		why = "is no address"
	case u.Scheme != "http" && u.Scheme != "https":
		why = "does not begin with http:// or https://"
	case u.User != nil:
		why = "holds a user, which every reader would see"
	case !isHost(u.Hostname()) || u.Port() != "" && !isPort(u.Port()):
		why = "has no host that feeds can name (other scripts are written as xn--…)"
	}
	return u, why
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// isHost reports whether text is a host name or an IP address without brackets.
func isHost(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil || isHostname(text)
}

// isHostname goes by RFC 1123, section 2.1.
func isHostname(text string) bool {
	return len(text) <= 253 && hostname.MatchString(text)
}

var hostname = regexp.MustCompile(`^(?i)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
