package broker

import (
	"os"
	"path/filepath"
	"strings"
)

// dataDir is the directory of an embedded server. In addition to the server's
// own files it holds "lock", "secret" (of the internal user, for our own commands,
// another at each start) and the sockets "socket" and "admin", where our commands
// connect.
type dataDir string

func (d dataDir) path(name string) string { return filepath.Join(string(d), name) }

func (d dataDir) readSecret() (string, error) {
	text, err := os.ReadFile(d.path("secret"))
	return strings.TrimSpace(string(text)), err
}
