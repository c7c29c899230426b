package partner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

func TestFilesWithOneKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	key := credential.NewKey()
	hashed := credential.HashOf(key).String()
	for text, want := range map[string]string{ // empty: it is one
		key: "", key + "\n": "", key + "\r\n": "", hashed: "", hashed + "\n": "",
		"":                             "is empty",
		"\r\n\n":                       "is empty",
		key + "\nmore":                 "has more than one line",
		hashed + "\nmore":              "has more than one line",
		key + "/":                      "has other characters",
		key[:21]:                       "has a key of under 128 bits",
		strings.Repeat("a-", 4096):     "has a key of more than 512 characters",
		credential.HashOf("").String(): "has the hash of an empty text",
		"sha256:":                      "not 64 hexadecimal digits",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := partner.ReadHash(file)
		switch {
		case want == "" && (err != nil || got != credential.HashOf(key)):
			t.Errorf("%q is read as %s: %v", text, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key[:21]) || !strings.Contains(err.Error(), file)):
			t.Errorf("%q: %v, want %q, the file and not the key", text, err, want)
		}
	}
	if _, err := partner.ReadHash(file + ".old"); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("without a file: %v", err)
	}
}
