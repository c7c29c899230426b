package gallery

import (
	"net/url"
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
		{"script", "javascript:alert(1)", ""},
		{"without host", "https:///a.jpg", ""},
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

func TestWebAddressWithoutBaseRefusesRelativeOnes(t *testing.T) {
	if got := WebAddress("/a.jpg", nil); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}
