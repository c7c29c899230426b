package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gallerywire/gallerywire/internal/serve/web"
)

func TestTheClientIsTheLastThatATrustedProxyNames(t *testing.T) {
	for _, c := range []struct {
		name, peer    string
		forwarded     []string // X-Forwarded-For
		addr, network string
	}{
		{name: "IPv4", peer: "203.0.113.7:1000", addr: "203.0.113.7", network: "203.0.113.7"},
		{name: "IPv6", peer: "[2001:db8:1:2:aaaa::8]:1000", addr: "2001:db8:1:2:aaaa::8", network: "2001:db8:1::/56"},
		{name: "another network of its household", peer: "[2001:db8:1:ff::7]:1000", addr: "2001:db8:1:ff::7", network: "2001:db8:1::/56"},
		{name: "another household", peer: "[2001:db8:1:102::7]:1000", addr: "2001:db8:1:102::7", network: "2001:db8:1:100::/56"},
		{name: "a mapped address", peer: "[::ffff:203.0.113.7]:1000", addr: "203.0.113.7", network: "203.0.113.7"},
		{name: "a client that claims to be a proxy", peer: "203.0.113.7:2000", forwarded: []string{"203.0.113.9"}, addr: "203.0.113.7", network: "203.0.113.7"},
		{name: "on this machine", peer: "127.0.0.1:1000", addr: "127.0.0.1"},
		{name: "on a private network", peer: "10.0.0.1:1000", addr: "10.0.0.1"},
		{name: "in a cluster", peer: "100.64.0.1:1000", addr: "100.64.0.1"},
		{name: "on a link", peer: "[fe80::1%eth0]:1000", addr: "fe80::1%eth0"},
		{name: "behind a proxy", peer: "10.0.0.1:1000", forwarded: []string{"192.0.2.1, 203.0.113.7"}, addr: "203.0.113.7", network: "203.0.113.7"},
		{name: "behind two lines", peer: "[fd00::1]:1000", forwarded: []string{"192.0.2.2", "203.0.113.7:4711"}, addr: "203.0.113.7", network: "203.0.113.7"},
		{name: "IPv6 behind a proxy", peer: "[::1]:1000", forwarded: []string{"[2001:db8::2]:443"}, addr: "2001:db8::2", network: "2001:db8::/56"},
		{name: "IPv6 in brackets", peer: "[::1]:1000", forwarded: []string{"[2001:db8::2]"}, addr: "2001:db8::2", network: "2001:db8::/56"},
		{name: "on a private network behind a proxy", peer: "127.0.0.1:1", forwarded: []string{"10.1.2.3"}, addr: "10.1.2.3"},
		{name: "behind a proxy that adds nonsense", peer: "127.0.0.1:1", forwarded: []string{"unknown"}, addr: "invalid IP"},
		{name: "behind a proxy that adds nothing", peer: "127.0.0.1:1", forwarded: []string{""}, addr: "invalid IP"},
		{name: "an unknown peer", peer: "@", forwarded: []string{"203.0.113.7"}, addr: "invalid IP"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		addr := web.ClientAddr(r)
		if addr.String() != c.addr || web.ClientNetwork(addr) != c.network {
			t.Errorf("%s: %s of %q, want %s of %q", c.name, addr, web.ClientNetwork(addr), c.addr, c.network)
		}
	}
}
