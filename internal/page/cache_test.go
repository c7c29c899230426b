package page

import "testing"

func TestCacheHoldsNoMoreThanItMay(t *testing.T) {
	c := newCache(10, func(s string) int { return len(s) })
	key := func(phase int) cacheKey { return cacheKey{id: "a", phase: phase} }
	c.add(key(1), "1111")
	c.add(key(2), "2222")
	c.get(key(1))
	c.add(key(3), "3333") // the second is the least recently used
	c.add(key(3), "again")
	c.add(key(4), "more than it may hold")
	for phase, want := range map[int]string{1: "1111", 2: "", 3: "3333", 4: ""} {
		if got, ok := c.get(key(phase)); got != want || ok != (want != "") {
			t.Errorf("phase %d: %q, want %q", phase, got, want)
		}
	}
	if c.bytes != 8 {
		t.Errorf("it counts %d bytes, want 8", c.bytes)
	}
}

func TestRootOf(t *testing.T) {
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
