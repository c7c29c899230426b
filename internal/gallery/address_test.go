package gallery

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestWebAddress(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "news.example.com", Path: "/a/b"}
	tests := []struct{ name, in, want string }{
		{"absolute", "https://img.example.com/1.jpg?a=1&b=%20#x", "https://img.example.com/1.jpg?a=1&b=%20#x"},
		{"relative", "../c.jpg", "https://news.example.com/c.jpg"},
		{"without scheme", "//img.example.com/c.jpg", "https://img.example.com/c.jpg"},
		{"international", "http://bücher.example:8080/größe.jpg?ü=ß", "http://xn--bcher-kva.example:8080/gr%C3%B6%C3%9Fe.jpg?%C3%BC=%C3%9F"},
		{"awkward characters", "https://example.com/a b\"<>?c=\"<d>", "https://example.com/a%20b%22%3C%3E?c=%22%3Cd%3E"},
		{"awkward characters everywhere", "https://example.com/a[1]|b^c`{d}\\e?x[]=1|2\\3&y={`^}#f[\"g|h\\i]",
			"https://example.com/a%5B1%5D%7Cb%5Ec%60%7Bd%7D/e?x%5B%5D=1%7C2%5C3&y=%7B%60%5E%7D#f%5B%22g%7Ch%5Ci%5D"},
		{"bare percent signs", "https://example.com/100%/%zz%4?y=%zz&z=50%#%", "https://example.com/100%25/%25zz%254?y=%25zz&z=50%25#%25"},
		{"an escape beside what must be escaped", "https://example.com/a b%2Fc%2f.jpg", "https://example.com/a%20b%2Fc%2f.jpg"},
		{"sub-delims", "https://example.com/it's (1),;:@!$*=~+&.jpg?it's=(1),;:@!$*/?#it's/?", "https://example.com/it's%20(1),;:@!$*=~+&.jpg?it's=(1),;:@!$*/?#it's/?"},
		{"signed query", "https://cdn.example.com/1.jpg?Expires=1&Signature=a~b-c_d%2Be+f%2f==&Key-Pair-Id=K", "https://cdn.example.com/1.jpg?Expires=1&Signature=a~b-c_d%2Be+f%2f==&Key-Pair-Id=K"},
		{"signed query beside a space", "https://cdn.example.com/a 1.jpg?b=2&a=%2B+%20&sig=x%3D", "https://cdn.example.com/a%201.jpg?b=2&a=%2B+%20&sig=x%3D"},
		{"line breaks", " https://example.com/a\n/b\r\n\t.jpg?c=\nd\n", "https://example.com/a/b.jpg?c=d"},
		{"backslashes", `https:\\example.com\a\1.jpg`, "https://example.com/a/1.jpg"},
		{"relative with backslashes", `..\c.jpg`, "https://news.example.com/c.jpg"},
		{"relative with brackets", "c[1].jpg?x[]=%", "https://news.example.com/a/c%5B1%5D.jpg?x%5B%5D=%25"},
		{"relative with a colon after a space", "a b:c.jpg", ""},
		{"IPv6", "https://[2001:db8::1]:8443/a[1].jpg", "https://[2001:db8::1]:8443/a%5B1%5D.jpg"},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/", ""},
		{"brackets in a host", "https://a[1].example/", ""},
		{"quotes in a host", `https://a"b/`, ""},
		{"space in a host", "https://a b/", ""},
		{"emoji in a host", "https://i❤.example/", "https://xn--i-7iq.example/"},
		{"underscore in an international host", "https://bücher_a.example/", "https://xn--bcher_a-n2a.example/"},
		{"right as it is", "HTTPS://IMG.Example.com:443/../a//b/%7e%7E?", "https://IMG.Example.com:443/../a//b/%7e%7E?"},
		{"line break in the scheme", "ht\ntps://example.com/", ""},
		{"one slash", "https:/img.example.com/1.jpg", "https://img.example.com/1.jpg"},
		{"three slashes", "https:///img.example.com/1.jpg", "https://img.example.com/1.jpg"},
		{"three slashes without scheme", "///img.example.com/1.jpg", "https://img.example.com/1.jpg"},
		{"no slash", "https:img.example.com/1.jpg", "https://img.example.com/1.jpg"},
		{"one backslash", `https:\img.example.com/1.jpg`, "https://img.example.com/1.jpg"},
		{"escapes in a host", "https://%69mg.ex%61mple.com/%69.jpg", "https://img.example.com/%69.jpg"},
		{"escape of a slash in a host", "https://a%2Fb.example/", ""},
		{"marks that are not seen", "\ufeff\u200ehttps://img.example.com/1.jpg\u200b", "https://img.example.com/1.jpg"},
		{"port that is none", "https://img.example.com:65536/1.jpg", ""},
		{"highest port", "https://img.example.com:65535/1.jpg", "https://img.example.com:65535/1.jpg"},
		{"script", "javascript:alert(1)", ""},
		{"without host", "https:///", ""},
		{"not an address", "https://[::1", ""},
		{"host without an ASCII form", "https://\u00ad/", ""},
		{"empty", " ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := WebAddress(tt.in, base)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if again := WebAddress(got, base); again != got {
				t.Errorf("a second time %q, want %q", again, got)
			}
		})
	}
}

// webAddress is a web address as of RFC 3986, in ASCII.
var webAddress = regexp.MustCompile(strings.ReplaceAll(
	`^https?://([^/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|CHAR+)(:[0-9]*)?(/(CHAR|[:@])*)*(\?(CHAR|[:@/?])*)?(#(CHAR|[:@/?])*)?$`,
	"CHAR", `(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})`))

// escapedHost is an address whose host is written in another way.
var escapedHost = regexp.MustCompile(`^https?://[^/?#]*%`)

func FuzzWebAddress(f *testing.F) {
	for _, s := range []string{
		"https://news.example.com/a/b", "../a b[1]|%zz.jpg?x[]=%#%", `\\h\a`, "//h:1/\n#", "HTTPS://[::1%25a]/", "https://bücher_a/ü?ü#ü", "https://a@b:c@d", "mailto:a b@c?x=[]#%",
		"https://h/%2f%2F%", "?", "#", "https://a\"<>b/", "http://i❤/\u00a0", "x:y", "https://h:99999/..//.",
	} {
		f.Add(s, "https://news.example.com/g/1?a=[]")
	}
	f.Fuzz(func(t *testing.T, raw, at string) {
		base := Base(at)
		got := WebAddress(raw, base)
		if got == "" {
			return
		}
		if !webAddress.MatchString(got) {
			t.Errorf("WebAddress(%q) = %q is not as of RFC 3986", raw, got)
		}
		if u, err := url.Parse(got); err != nil || u.String() != got {
			t.Errorf("WebAddress(%q) = %q, which is parsed as %v, %v", raw, got, u, err)
		}
		if again := WebAddress(got, base); again != got {
			t.Errorf("WebAddress(%q) = %q, a second time %q", raw, got, again)
		}
		if webAddress.MatchString(raw) && !strings.HasSuffix(raw, "#") && !strings.Contains(raw, "@") && !escapedHost.MatchString(raw) && got != raw {
			t.Errorf("WebAddress(%q) = %q, though it was right", raw, got)
		}
	})
}

func TestLicenceInWords(t *testing.T) {
	for s, want := range map[string]bool{
		"": false, " ": false, "CC BY-SA 4.0": true, "CC0": true, "CC-BY-4.0": true, "License: MIT": true, "© Example": true, "All rights reserved.": true,
		"https://example.com/l": false, " HTTPS://example.com/a b": false, "https:example": false, "/licence": false, "licence.html": false, "./l": false, "legal/l": false,
		"?page=licence": false, "#licence": false, "javascript:alert(1)": false, "ftp://example.com": false, "//example.com": false, "1.jpg": false,
	} {
		if got := LicenceInWords(s); got != want {
			t.Errorf("LicenceInWords(%q) = %t", s, got)
		}
	}
}

func TestWebAddressWithoutBaseRefusesRelativeOnes(t *testing.T) {
	if got := WebAddress("/a.jpg", nil); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}
