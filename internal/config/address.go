package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

func checkListen(path, address string, r report) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isPort(port) || host != "" && !isHost(host) {
		r(path, fmt.Sprintf("%q is no address to listen on: write host:port, such as 127.0.0.1:8080, :8080 for every interface, or 127.0.0.1:0 for a free port", address))
	}
}

// checkPorts refuses one address for two listeners: the second would find its port
// taken and blame a stranger. Port 0 is a different one each time.
func (c Config) checkPorts(r report) {
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
