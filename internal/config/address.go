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
		r(path, fmt.Sprintf("%q is not an address to listen on: write host:port, such as 127.0.0.1:8080, :8080 for every interface, or 127.0.0.1:0 for a free port", address))
	}
}

// checkPorts rejects one address for two listeners. Port 0 is a different one
// each time.
func (c Config) checkPorts(r Report) {
	type listener struct{ path, address string }
	listeners := []listener{{"http.listen", c.HTTP.Listen}, {"http.admin_listen", c.HTTP.AdminListen}}
	if c.NATS.URL == "" {
		listeners = append(listeners, listener{"nats.embedded.listen", c.NATS.Embedded.Listen})
	}
	for i, second := range listeners {
		for _, first := range listeners[:i] {
			if first.address == second.address && !strings.HasSuffix(first.address, ":0") {
				r(second.path, fmt.Sprintf("%q is already the address of %s: choose another port", second.address, first.path), first.path)
			}
		}
	}
}

// webAddress parses an absolute http or https address. why is the end of a sentence about
// what is wrong with it, and user what is wrong with a user in it.
func webAddress(address, user string) (u *url.URL, why string) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		why = "is not an address"
	case u.Scheme != "http" && u.Scheme != "https":
		why = "does not begin with http:// or https://"
	case u.User != nil:
		why = "contains a user or a password, which " + user
	case !isHost(u.Hostname()) || u.Port() != "" && !isPort(u.Port()):
		why = "has no valid host (write other scripts as xn--…)"
	}
	return u, why
}

// everyReaderSees is what is wrong with a user in a published address.
const everyReaderSees = "every reader would see"

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
