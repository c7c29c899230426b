package credential

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestNewKeysAreReadAsTheyAreAndByTheirHash(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		key := NewKey()
		if seen[key] || len(key) != 43 {
			t.Errorf("%q", key)
		}
		seen[key] = true
		for _, text := range []string{key, HashOf(key).String()} {
			if got, err := ParseKey(text); err != nil || got != HashOf(key) {
				t.Errorf("%q is read as %s: %v", text, got, err)
			}
		}
	}
}

func TestTextsThatAreNoKey(t *testing.T) {
	for text, want := range map[string]string{ // empty: it is one
		"0123456789abcdefghijkl":                  "",
		"0123456789abcdefghijk":                   "has a key of under 128 bits",
		"0123456789abcdef0123456789abcdef":        "",
		"0123456789ABCDEF0123456789abcde":         "has a key of under 128 bits",
		strings.Repeat("a-", 256):                 "",
		strings.Repeat("a-", 256) + "a":           "has a key of more than 512 characters",
		strings.Repeat("a-", 4096):                "has a key of more than 512 characters",
		"":                                        "is empty",
		"0123456789abcdefghijkl\nmore":            "other characters",
		"0123456789abcdefghi/kl":                  "other characters",
		"0123456789abcdefghi kl":                  "other characters",
		"0123456789abcdefghiékl":                  "other characters",
		"sha256:" + strings.Repeat("0aF1", 16):    "",
		"sha256:" + strings.Repeat("0", 63):       "not 64 hexadecimal digits",
		"sha256:" + strings.Repeat("0", 65):       "not 64 hexadecimal digits",
		"sha256:" + strings.Repeat("0", 66):       "not 64 hexadecimal digits",
		"sha256:" + strings.Repeat("g", 64):       "not 64 hexadecimal digits",
		HashOf("").String():                       "the hash of an empty text",
		"sha256:":                                 "not 64 hexadecimal digits",
		"SHA256:" + strings.Repeat("0", 64):       "other characters",
		"sha256:" + strings.Repeat("0", 64) + " ": "not 64 hexadecimal digits",
	} {
		_, err := ParseKey(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0123456789")) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestReadText(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	for text, want := range map[string]string{"one": "one", "one\n": "one", "one\r\n\n": "one", "one\ntwo\n": "one\ntwo", "": "", strings.Repeat("x", 9000): strings.Repeat("x", MaxFile+1)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadText(file); err != nil || got != want {
			t.Errorf("%.20q is read as %.20q: %v", text, got, err)
		}
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{pipe: "is not a file that can be read again", dir: "is not a file that can be read again", file + ".old": "cannot be read (no such file or directory): "} {
		if _, err := ReadText(name); err == nil || !strings.HasPrefix(err.Error(), `"`+name+`" `+want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestContentTellsWhatHappened(t *testing.T) {
	var c Content[string]
	gone, empty := errors.New("gone"), errors.New("empty")
	for i, step := range []struct {
		text string
		err  error
		want Change
		good string
	}{
		{"a", nil, Replaced, "a"}, {"a", nil, Unchanged, "a"}, {"b", nil, Replaced, "b"},
		{"", gone, Broken, "b"}, {"", gone, Unchanged, "b"}, {"", empty, Broken, "b"},
		{"b", nil, Restored, "b"}, {"b", nil, Unchanged, "b"}, {"", empty, Broken, "b"}, {"c", nil, Restored, "c"},
	} {
		if got := c.Update(step.text, step.err); got != step.want || c.Good != step.good || !errors.Is(c.Problem, step.err) {
			t.Errorf("step %d: %d with %+v, want %d", i, got, c, step.want)
		}
	}
}

func TestBucketWithMoreThanItHoldsIsNotRefusedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBucket(60)
		if wait := b.Take(1000, time.Now()); wait != 0 {
			t.Errorf("a full one: wait %s", wait)
		}
		if wait := b.Take(10, time.Now()); wait != 10*time.Second {
			t.Errorf("an empty one: wait %s", wait)
		}
		wait := b.Take(1000, time.Now())
		if wait != time.Minute {
			t.Errorf("an empty one, for all: wait %s", wait)
		}
		time.Sleep(wait)
		if wait := b.Take(1000, time.Now()); wait != 0 {
			t.Errorf("after the wait: wait %s", wait)
		}
	})
}

func TestWrongKeysFromManyNetworksTakeNoMemory(t *testing.T) {
	g := NewGuesses()
	client := netip.MustParseAddr("1.0.0.0")
	for range 20_000 {
		if wait := g.Take(client.String(), time.Now()); wait != 0 {
			t.Fatalf("the first of %s has to wait %s", client, wait)
		}
		client = client.Next()
	}
	if n := g.buckets.Len(); n != maxNetworks {
		t.Errorf("%d networks are kept, want %d", n, maxNetworks)
	}
}
