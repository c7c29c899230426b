package broker

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gallerywire/gallerywire/internal/store/atomicfile"
)

// dataDir is the directory of an embedded server. Beside the server's own files
// it holds "lock", "secret" (of the internal user, for our own commands, another
// at each start) and the sockets "socket" and "admin", where our commands connect.
type dataDir string

func (d dataDir) path(name string) string { return filepath.Join(string(d), name) }

// newSecret replaces the internal user's secret: the one before is of no use to
// anybody who learnt it. Only the owner may read it.
func (d dataDir) newSecret() (string, error) {
	secret := rand.Text() + rand.Text()
	return secret, atomicfile.Write(d.path("secret"), func(w io.Writer) error {
		_, err := io.WriteString(w, secret+"\n")
		return err
	})
}

func (d dataDir) readSecret() (string, error) {
	text, err := os.ReadFile(d.path("secret"))
	return strings.TrimSpace(string(text)), err
}
