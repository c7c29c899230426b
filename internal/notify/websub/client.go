package websub

import (
	"net/http"
	"net/netip"
	"strings"
)

// perClient is how many bits of an IPv6 address are one client: a household has as a
// rule a /60 or a /56, with all the /64s in it.
const perClient = 56

// clientOf returns the network of the client that made a request; empty: unknown. A peer
// that is not on the public Internet is taken for a proxy, and the client is then the last
// address in X-Forwarded-For: the client may have written the others itself. A proxy that
// passes on what it got lets its clients choose their networks, and one that adds nothing
// makes them unknown; what all clients ask together is limited all the same.
func clientOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	if client := Network(peer.Addr().Unmap()); client != "" {
		return client
	}
	list := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
	if withPort, err := netip.ParseAddrPort(last); err == nil {
		return Network(withPort.Addr().Unmap())
	}
	addr, err := netip.ParseAddr(strings.Trim(last, "[]"))
	if err != nil {
		return ""
	}
	return Network(addr.Unmap())
}

// Network is the client at an address: an IPv4 address, or an IPv6 network. It is empty
// for an address of this machine or of a private network, where proxies are.
func Network(addr netip.Addr) string {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) // RFC 6598, which clusters use as well
	switch {
	case addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || shared.Contains(addr):
		return ""
	case addr.Is4():
		return addr.String()
	}
	network, _ := addr.WithZone("").Prefix(perClient) // an IPv6 address has so many bits
	return network.String()
}
