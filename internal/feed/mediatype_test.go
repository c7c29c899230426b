package feed

import (
	"testing"
)

func TestMediaType(t *testing.T) {
	tests := []struct{ given, addr, want string }{
		{"image/webp", "https://example.com/a.jpg", "image/webp"},
		{"", "https://example.com/a.JPEG?x=.png", "image/jpeg"},
		{"nonsense", "https://example.com/a.png#b", "image/png"},
		{"", "https://example.com/a", ""},
	}
	for _, tt := range tests {
		if got := mediaType(tt.given, tt.addr); got != tt.want {
			t.Errorf("mediaType(%q, %q) = %q, want %q", tt.given, tt.addr, got, tt.want)
		}
	}
}
