package outbound

import (
	"net"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// guard decides which IP addresses may be connected to.
type guard struct {
	safe     *ssrf.Guardian
	loopback bool // whether this machine is allowed
}

func newGuard(allowed []netip.Prefix) guard {
	var v4, v6 []netip.Prefix
	for _, p := range allowed {
		if p.Addr().Is4In6() && p.Bits() >= mappedBits {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
		}
		p = p.Masked()
		if p.Addr().Is4() {
			v4 = append(v4, p)
			p = netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), p.Bits()+mappedBits)
		}
		v6 = append(v6, p)
	}
	g := guard{safe: ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))}
	g.loopback = g.check(netip.AddrFrom4([4]byte{127, 0, 0, 1})) == nil || g.check(netip.IPv6Loopback()) == nil
	return g
}

// mappedBits is how much of ::ffff:0:0/96 stands before an IPv4 address.
const mappedBits = 96

// check refuses an IP address that may not be connected to. Connecting to a mapped address
// is connecting to the IPv4 address in it, so both must be allowed.
func (g guard) check(ip netip.Addr) error {
	if g.safe.SafeAddr(ip) != nil || g.safe.SafeAddr(ip.Unmap()) != nil {
		return refuse("is at %s, which is not public", ip)
	}
	return nil
}

// control is for a net.Dialer, which calls it with each resolved address before it
// connects.
func (g guard) control(network, address string, conn syscall.RawConn) error {
	if err := g.safe.Safe(network, address, conn); err != nil {
		host, _, _ := net.SplitHostPort(address)
		return refuse("is at %s, which is not public", host)
	}
	return nil
}
