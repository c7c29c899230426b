package websub

import (
	"net/http"
	"net/netip"
	"strings"
)

// perClient is how much of an IPv6 address is one client: a household has as a rule
// a /60 or a /56, with all the /64s in it.
const perClient = 56

// clientOf says by its network who made a request; it is empty where that is not
// known. A peer that is not on the public Internet is taken for a proxy, and the
// client is then whom its X-Forwarded-For names last: what stands before may be
// anybody's word. A proxy that passes on what it was told lets its clients choose
// their names, and one that says nothing makes them unknown; what all ask together
// is limited all the same.
func clientOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	if client := Network(peer.Addr().Unmap()); client != "" {
		return client
	}
	addr, err := forwarded(r.Header)
	if err != nil {
		return ""
	}
	return Network(addr)
}

// Network is the client at an address: an IPv4 address, or an IPv6 network. It is
// empty of an address that is not on the public Internet, where proxies are.
func Network(addr netip.Addr) string {
	if local(addr) {
		return ""
	}
	if addr.Is4() {
		return addr.String()
	}
	network, _ := addr.WithZone("").Prefix(perClient) // an IPv6 address has so many bits
	return network.String()
}

// forwarded is the address that X-Forwarded-For names last, with or without port.
func forwarded(h http.Header) (netip.Addr, error) {
	list := strings.Join(h.Values("X-Forwarded-For"), ",")
	last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
	if with, err := netip.ParseAddrPort(last); err == nil {
		return with.Addr().Unmap(), nil
	}
	addr, err := netip.ParseAddr(strings.Trim(last, "[]"))
	return addr.Unmap(), err
}

// local reports whether an address is of this machine or of a network of one's
// own, as those between a proxy and what is behind it are.
func local(a netip.Addr) bool {
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) // RFC 6598, which clusters use as well
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || shared.Contains(a)
}
