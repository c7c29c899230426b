package partner_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

func TestNewKeysAreReadAsTheyAreAndByTheirHash(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		key := partner.NewKey()
		if seen[key] || len(key) != 43 {
			t.Errorf("%q", key)
		}
		seen[key] = true
		for _, text := range []string{key, partner.HashOf(key).String()} {
			for _, end := range []string{"", "\n", "\r\n"} {
				file := filepath.Join(t.TempDir(), "key")
				if err := os.WriteFile(file, []byte(text+end), 0o600); err != nil {
					t.Fatal(err)
				}
				if got, err := partner.ReadHash(file); err != nil || got != partner.HashOf(key) {
					t.Errorf("%q is read as %s: %v", text+end, got, err)
				}
			}
		}
	}
}

func TestFilesWithoutAKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	for text, want := range map[string]string{ // empty: it is one
		"0123456789abcdefghijkl":                  "",
		"0123456789abcdefghijk":                   "has a key of under 128 bits",
		"0123456789abcdef0123456789abcdef":        "",
		"0123456789ABCDEF0123456789abcde":         "has a key of under 128 bits",
		strings.Repeat("a-", 256):                 "",
		strings.Repeat("a-", 256) + "a":           "has a key of more than 512 characters",
		strings.Repeat("a-", 4096):                "has a key of more than 512 characters",
		"":                                        "is empty",
		"\r\n\n":                                  "is empty",
		"0123456789abcdefghijkl\nmore":            "has more than one line",
		"0123456789abcdefghi/kl":                  "other characters",
		"0123456789abcdefghi kl":                  "other characters",
		"0123456789abcdefghiékl":                  "other characters",
		"sha256:" + strings.Repeat("0aF1", 16):    "",
		"sha256:" + strings.Repeat("0", 63):       "not 64 hexadecimal digits",
		"sha256:" + strings.Repeat("0", 65):       "not 64 hexadecimal digits",
		"sha256:" + strings.Repeat("0", 66):       "not 64 hexadecimal digits",
		"sha256:" + strings.Repeat("g", 64):       "not 64 hexadecimal digits",
		partner.HashOf("").String():               "the hash of an empty text",
		"sha256:":                                 "not 64 hexadecimal digits",
		"SHA256:" + strings.Repeat("0", 64):       "other characters",
		"sha256:" + strings.Repeat("0", 64) + " ": "not 64 hexadecimal digits",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := partner.ReadHash(file)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		case want != "" && (strings.Contains(err.Error(), "0123456789") || !strings.Contains(err.Error(), file)):
			t.Errorf("%q: the error quotes the key, or does not name the file: %v", text, err)
		}
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, dir} {
		if _, err := partner.ReadHash(name); err == nil || !strings.Contains(err.Error(), "is not a file that can be read again") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
