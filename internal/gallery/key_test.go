package gallery

import (
	"regexp"
	"strings"
	"testing"
)

func TestKeyOfAPlainIDIsTheID(t *testing.T) {
	for _, id := range []string{"a", "harbour-lights", "A_b-9", "-", "_", strings.Repeat("x", 80)} {
		if got := Key(id); got != id {
			t.Errorf("Key(%q) = %q", id, got)
		}
	}
}

func TestKeyOfAnyOtherIDIsAHash(t *testing.T) {
	hash := regexp.MustCompile(`^=[0-9a-f]{40}$`)
	for _, id := range []string{
		"", " ", "a b", "a.b", "a/b", "a=b", ".", "..", "*", ">", "a.>", "$KV", "é", "أضواء", "a\x00", "\xff", "a\r\nPUB x",
		"tag:example.com,2026:1", "=0123", strings.Repeat("x", 81), strings.Repeat("x", 4090), Key("a b"),
	} {
		if got := Key(id); !hash.MatchString(got) {
			t.Errorf("Key(%q) = %q", id, got)
		}
	}
}

func TestKeyDoesNotChange(t *testing.T) {
	if got, want := Key("a b"), "=c8687a08aa5d6ed2044328fa6a697ab8e96dc342"; got != want {
		t.Errorf("Key = %q, want %q: every address and record of such a gallery would be lost", got, want)
	}
}

func FuzzKey(f *testing.F) {
	for _, id := range []string{"", "a", "a b", "=", "=c8687a08aa5d6ed2044328fa6a697ab8e96dc342", "a.b", "\xff"} {
		f.Add(id, "b")
	}
	bucketKey := regexp.MustCompile(`^[-_=a-zA-Z0-9]{1,80}$`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if !bucketKey.MatchString(Key(a)) {
			t.Errorf("Key(%q) = %q does not fit a bucket and an address", a, Key(a))
		}
		if a != b && Key(a) == Key(b) {
			t.Errorf("Key(%q) and Key(%q) are the same", a, b)
		}
	})
}
