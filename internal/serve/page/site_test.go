package page

import "testing"

func TestRootOf(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://wire.example.com":       "",
		"https://wire.example.com/":      "",
		"https://wire.example.com/a/b":   "/a/b",
		"http://[::1]:8080/a%20b/":       "/a%20b",
		"https://wire.example.com//evil": "/evil",
		"":                               "",
	} {
		if got := rootOf(base); got != want {
			t.Errorf("rootOf(%q) = %q, want %q", base, got, want)
		}
	}
}
