package broker

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// dataDir is the directory of an embedded server. Beside the server's own files
// it holds "lock", "secret" (of the internal user, for our own commands) and,
// while the server listens, "address".
type dataDir string

func (d dataDir) path(name string) string { return filepath.Join(string(d), name) }

// secret returns the internal user's secret, which is made at the first start.
func (d dataDir) secret() (string, error) {
	secret, err := d.readSecret()
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	secret = rand.Text() + rand.Text()
	return secret, d.write("secret", secret)
}

func (d dataDir) readSecret() (string, error) {
	secret, err := d.read("secret")
	if err == nil && len(secret) < 32 {
		err = fmt.Errorf("%s is damaged: delete it and start again", d.path("secret"))
	}
	return secret, err
}

func (d dataDir) readAddress() (string, error) { return d.read("address") }

func (d dataDir) writeAddress(url string) error { return d.write("address", url) }

func (d dataDir) removeAddress() error {
	err := os.Remove(d.path("address"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d dataDir) read(name string) (string, error) {
	text, err := os.ReadFile(d.path(name))
	return strings.TrimSpace(string(text)), err
}

// write replaces a file as a whole: who reads it sees the old text or the new,
// also after a crash. Only the owner may read it.
func (d dataDir) write(name, text string) error {
	f, err := os.CreateTemp(string(d), name+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", d.path(name), err)
	}
	return os.Rename(f.Name(), d.path(name))
}
