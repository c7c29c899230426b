package outbound

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestCheckRefuses(t *testing.T) {
	c := New(Options{AllowHTTP: true})
	for _, tt := range []struct{ address, why string }{
		{"", "does not begin with"},
		{"file:///etc/passwd", "does not begin with"},
		{"ftp://a.example/", "does not begin with"},
		{"gopher://a.example/", "does not begin with"},
		{"//a.example/", "does not begin with"},
		{"a.example/cb", "does not begin with"},
		{"http:a.example", "has no host"},
		{"http://", "has no host"},
		{"http:///cb", "has no host"},
		{"http://:80/cb", "has no host"},
		{"https://[]/cb", "is no address"},
		{"https://u:p@a.example/", "holds a user"},
		{"https://u@a.example/", "holds a user"},
		{"https://@a.example/", "holds a user"},
		{"https://a.example/#top", "has a fragment"},
		{"https://a.example/#", "has a fragment"},
		{"https://a.example:0/", "has no port"},
		{"https://a.example:65536/", "has no port"},
		{"https://a.example:http/", "is no address"},
		{"https://a.example/%zz", "is no address"},
		{"https://a.example/a b", "holds a space"},
		{"https://a.example/\x00", "holds a space"},
		{"https://a.example/\r\nX: y", "holds a space"},
		{"https://a.example/?é", "holds a space"},
		{"https://münchen.example/", "holds a space"},
		{"https://①②⑦.⓪.⓪.①/", "holds a space"},
		{"https://m%C3%BCnchen.example/", "is no name"},
		{"https://a..example/", "is no name"},
		{"https://a.example../", "is no name"},
		{"https://-a.example/", "is no name"},
		{"https://a,b.example/", "is no name"},
		{"https://" + strings.Repeat("a.", 127) + "example/", "is no name"},
		{"https://a.example/" + strings.Repeat("x", 5<<10), "is longer than 2048 bytes"},
		{"http://localhost/", "names this machine"},
		{"http://LOCALHOST:8080/", "names this machine"},
		{"http://localhost./", "names this machine"},
		{"http://a.b.localhost/", "names this machine"},
		{"http://0.0.0.0/", "not public"},
		{"http://0.1.2.3/", "not public"},
		{"http://10.0.0.1/", "not public"},
		{"http://100.64.0.1/", "not public"},
		{"http://127.0.0.1/", "not public"},
		{"http://127.255.255.254:8080/", "not public"},
		{"http://169.254.169.254/latest/meta-data", "not public"},
		{"http://172.16.0.1/", "not public"},
		{"http://172.31.255.255/", "not public"},
		{"http://192.0.0.8/", "not public"},
		{"http://192.0.2.1/", "not public"},
		{"http://192.168.1.1/", "not public"},
		{"http://198.18.0.1/", "not public"},
		{"http://198.51.100.1/", "not public"},
		{"http://203.0.113.1/", "not public"},
		{"http://224.0.0.1/", "not public"},
		{"http://239.255.255.250/", "not public"},
		{"http://240.0.0.1/", "not public"},
		{"http://255.255.255.255/", "not public"},
		{"http://[::]/", "not public"},
		{"http://[::1]:80/", "not public"},
		{"http://[::127.0.0.1]/", "not public"},
		{"http://[::ffff:127.0.0.1]/", "not public"},
		{"http://[::FFFF:7f00:1]/", "not public"},
		{"http://[::ffff:10.0.0.1]/", "not public"},
		{"http://[::ffff:93.184.215.14]/", "not public"},
		{"http://[64:ff9b::7f00:1]/", "not public"},
		{"http://[64:ff9b:1::a00:1]/", "not public"},
		{"http://[100::1]/", "not public"},
		{"http://[2001::1]/", "not public"},
		{"http://[2001:db8::1]/", "not public"},
		{"http://[2002:7f00:1::]/", "not public"},
		{"http://[fc00::1]/", "not public"},
		{"http://[fd12:3456::1]/", "not public"},
		{"http://[fe80::1]/", "not public"},
		{"http://[fe80::1%25eth0]/", "not public"},
		{"http://[2606:4700::1%25eth0]/", "not public"},
		{"http://[fec0::1]/", "not public"},
		{"http://[ff02::1]/", "not public"},
		{"http://127.1/", "looks like an IP address"},
		{"http://127.0.1/", "looks like an IP address"},
		{"http://127.0.0.1./", "looks like an IP address"},
		{"http://2130706433/", "looks like an IP address"},
		{"http://017700000001/", "looks like an IP address"},
		{"http://0177.0.0.1/", "looks like an IP address"},
		{"http://127.0.0.01/", "looks like an IP address"},
		{"http://0x7f000001/", "looks like an IP address"},
		{"http://0x7f.1/", "looks like an IP address"},
		{"http://127.0.0.0X1/", "looks like an IP address"},
		{"http://0x/", "looks like an IP address"},
		{"http://0/", "looks like an IP address"},
		{"http://1.2.3.4.5/", "looks like an IP address"},
		{"http://999.1.1.1/", "looks like an IP address"},
		{"http://a.example.1/", "looks like an IP address"},
	} {
		u, err := c.Check(tt.address)
		if u != nil || !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v, %v; want refused because it %s", tt.address, u, err, tt.why)
		}
	}
}

func TestCheckAccepts(t *testing.T) {
	c := New(Options{AllowHTTP: true})
	for _, address := range []string{
		"http://a.example",
		"HTTPS://A.example:8443/cb?a=b&c=%2F",
		"https://a.example./cb?",
		"https://a-b_c.xn--mnchen-3ya.example/",
		"https://intranet/",
		"https://notlocalhost/",
		"https://localhost.example/",
		"https://1.example/",
		"https://0x7f.1a/",
		"https://93.184.215.14:65535/",
		"https://172.32.0.1/",
		"https://[2606:4700::1111]:1/",
		"https://a.example/" + strings.Repeat("x", 2030),
	} {
		u, err := c.Check(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if !strings.EqualFold(u.String(), address) {
			t.Errorf("%s was read as %s", address, u)
		}
	}
}

func TestPlainHTTPRefusedWhereForbidden(t *testing.T) {
	c := New(Options{})
	if _, err := c.Check("http://a.example/"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "plain http") {
		t.Errorf("http: %v", err)
	}
	if _, err := c.Check("https://a.example/"); err != nil {
		t.Errorf("https: %v", err)
	}
}

func TestAllowedNetworks(t *testing.T) {
	for _, tt := range []struct {
		networks []string
		open     []string
		closed   []string
	}{
		{[]string{"10.1.0.0/16"},
			[]string{"http://10.1.2.3/", "http://[::ffff:10.1.2.3]/", "http://[::ffff:a01:203]/"},
			[]string{"http://10.2.0.1/", "http://[::ffff:10.2.0.1]/", "http://localhost/", "http://10.66051/"}},
		{[]string{"127.0.0.0/8"},
			[]string{"http://127.0.0.1/", "http://localhost/", "http://a.localhost/"},
			[]string{"http://[::1]/", "http://127.1/"}},
		{[]string{"::1/128"},
			[]string{"http://[::1]/", "http://localhost/"},
			[]string{"http://127.0.0.1/"}},
		{[]string{"fd00::/8", "192.168.1.7/32"},
			[]string{"http://[fd00::1]/", "http://192.168.1.7/"},
			[]string{"http://[fc00::1]/", "http://192.168.1.8/", "http://[fd00::1%25eth0]/"}},
		{[]string{"0.0.0.0/0"},
			[]string{"http://10.0.0.1/", "http://[::ffff:127.0.0.1]/"},
			[]string{"http://[::1]/", "http://[64:ff9b::7f00:1]/"}},
		// To connect to a mapped address is to connect to the IPv4 address in it.
		{[]string{"::/0"},
			[]string{"http://[::1]/", "http://[::ffff:93.184.215.14]/"},
			[]string{"http://127.0.0.1/", "http://[::ffff:127.0.0.1]/"}},
	} {
		c := New(Options{AllowHTTP: true, AllowNetworks: prefixes(tt.networks...)})
		for _, address := range tt.open {
			if _, err := c.Check(address); err != nil {
				t.Errorf("%v: %s: %v", tt.networks, address, err)
			}
		}
		for _, address := range tt.closed {
			if _, err := c.Check(address); err == nil {
				t.Errorf("%v: %s is called", tt.networks, address)
			}
		}
	}
}

func TestAllowedNetworksInEveryForm(t *testing.T) {
	for _, p := range []netip.Prefix{
		netip.PrefixFrom(netip.MustParseAddr("10.1.2.3"), 16),
		netip.PrefixFrom(netip.MustParseAddr("::ffff:10.1.0.0"), 112),
	} {
		c := New(Options{AllowHTTP: true, AllowNetworks: []netip.Prefix{p, {}}})
		for address, open := range map[string]bool{"10.1.255.1": true, "10.2.0.1": false} {
			if err := c.guard.control("tcp4", address+":80", nil); (err == nil) != open {
				t.Errorf("%s: %s: %v", p, address, err)
			}
		}
	}
}

// FuzzCheck holds that whatever is accepted and names an IP address is connected to,
// and that what is accepted is accepted again as it is written out.
func FuzzCheck(f *testing.F) {
	for _, address := range []string{
		"https://a.example/cb?x=y", "http://[::ffff:127.0.0.1]/", "http://0x7f.1/", "http://93.184.215.14:80", "http://[2606:4700::1]:8/",
		"http://10.1.2.3/", "http://[::1]/", "http://[fe80::1%25a]/", "http://localhost.:1/#", "http://u@h/", "http:opaque", "http://[1.1.1.1]/",
	} {
		f.Add(address, "10.0.0.0/8", true)
		f.Add(address, "::/0", false)
		f.Add(address, "::ffff:0:0/90", true)
	}
	f.Fuzz(func(t *testing.T, address, network string, plain bool) {
		allowed, _ := netip.ParsePrefix(network)
		c := New(Options{AllowHTTP: plain, AllowNetworks: []netip.Prefix{allowed}})
		u, err := c.Check(address)
		if err != nil {
			if u != nil || !errors.Is(err, ErrRefused) {
				t.Fatalf("%v, %#v", u, err)
			}
			return
		}
		if again, err := c.Check(u.String()); err != nil || again.Host != u.Host || again.RawQuery != u.RawQuery {
			t.Fatalf("%q is called, %q is not: %v", address, u, err)
		}
		// The net package connects to a mapped address as to the IPv4 address in it.
		if ip := net.ParseIP(u.Hostname()); ip != nil {
			network, port := "tcp6", "80"
			if ip.To4() != nil {
				network = "tcp4"
			}
			if err := c.guard.control(network, net.JoinHostPort(ip.String(), port), nil); err != nil {
				t.Fatalf("%q is called and not connected to: %v", address, err)
			}
		}
	})
}
