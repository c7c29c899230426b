package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// perClient is how many bits of an IPv6 address are one client: a household has as a
// rule a /60 or a /56, with all the /64s in it.
const perClient = 56

// ClientAddr returns the address of the client that made a request; the zero value:
// unknown. A peer that is not on the public Internet is taken for a proxy if it sends
// X-Forwarded-For. Then the client is the last address there: the client may have written
// the others itself. A proxy that passes on what it got lets its clients choose their
// addresses.
func ClientAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	forwarded := r.Header.Values("X-Forwarded-For")
	if len(forwarded) == 0 || ClientNetwork(peer.Addr()) != "" {
		return peer.Addr().Unmap()
	}
	list := strings.Join(forwarded, ",")
	last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
	if withPort, err := netip.ParseAddrPort(last); err == nil {
		return withPort.Addr().Unmap()
	}
	addr, _ := netip.ParseAddr(strings.Trim(last, "[]")) // nonsense is the zero value
	return addr.Unmap()
}

// ClientNetwork is the client at an address: an IPv4 address, or an IPv6 network. It is
// empty for an unknown address, and for one of this machine or of a private network, where
// proxies are.
func ClientNetwork(addr netip.Addr) string {
	addr = addr.Unmap()
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) // RFC 6598, which clusters use as well
	switch {
	case !addr.IsValid() || addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || shared.Contains(addr):
		return ""
	case addr.Is4():
		return addr.String()
	}
	network, _ := addr.WithZone("").Prefix(perClient) // an IPv6 address has so many bits
	return network.String()
}
