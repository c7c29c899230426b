package broker

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// dataDir is the directory of an embedded server. Beside the server's own files
// it holds "lock", "secret" (of the internal user, for our own commands, another
// at each start) and the sockets "socket" and "admin", where our commands connect.
type dataDir string

func (d dataDir) path(name string) string { return filepath.Join(string(d), name) }

// newSecret replaces the internal user's secret: whoever learnt the one before
// can do nothing with it.
func (d dataDir) newSecret() (string, error) {
	secret := rand.Text() + rand.Text()
	return secret, d.write("secret", secret)
}

func (d dataDir) readSecret() (string, error) { return d.read("secret") }

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
