package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnwritableDataDirNamesKeyAndRemedy(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &embeddedServer{dir: dataDir(filepath.Join(file, "data"))}
	err := s.claimDir()
	if err == nil || !strings.Contains(err.Error(), "make the data directory: ") || !strings.HasSuffix(err.Error(), ": "+writableRemedy) {
		t.Errorf("error %v", err)
	}
}

func TestFileOfAnotherUserNamesTheUserToRunAs(t *testing.T) {
	t.Parallel()
	for err, hint := range map[error]bool{
		&fs.PathError{Op: "open", Path: "data/address", Err: fs.ErrPermission}: true,
		&fs.PathError{Op: "open", Path: "data/address", Err: fs.ErrNotExist}:   false,
		errors.New("damaged"): false,
	} {
		got := addUser(err)
		if strings.HasSuffix(fmt.Sprint(got), ": run this as the user of the service, or as root") != hint || !errors.Is(got, err) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	if err := addUser(nil); err != nil {
		t.Errorf("no error becomes %v", err)
	}
}
