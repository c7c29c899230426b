package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/atomicfile"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// StateName is the default name of a directory's state file, inside the directory.
const StateName = ".gallerywire-published"

// saveEvery bounds how many acknowledged events a killed process forgets. They are sent
// again then, which does no harm.
const saveEvery = time.Second

// stateFormat is the number of the state files written here.
const stateFormat = 1

// State is what was acknowledged of the files in a directory: a hash of each file, and
// one of each event in a file that has several or is not done. It is not for
// concurrent use.
type State struct {
	path   string
	files  map[string]string
	events map[string][]string // by file
	dirty  bool
	saved  time.Time
}

// stateFile is a State on the disk.
type stateFile struct {
	Format int                 `json:"format"`
	Files  map[string]string   `json:"files"`
	Events map[string][]string `json:"events,omitzero"`
}

// LoadState reads the state file at path. The state is empty if there is no file yet, or
// if all is set.
func LoadState(path string, all bool) (*State, error) {
	s := &State{path: path, files: map[string]string{}, events: map[string][]string{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was sent: %w", err)
	}
	var stored stateFile
	if err := json.Unmarshal(text, &stored); err != nil || stored.Format != stateFormat || stored.Files == nil {
		return nil, fmt.Errorf("%s is no state file of this release: delete it, or name another with --state", path)
	}
	if !all {
		s.files = stored.Files
		maps.Copy(s.events, stored.Events)
	}
	return s, nil
}

// save writes the state file.
func (s *State) save() error {
	err := atomicfile.Write(s.path, func(w io.Writer) error {
		return json.MarshalWrite(w, stateFile{stateFormat, s.files, s.events}, json.Deterministic(true), jsontext.WithIndent("  "))
	})
	if err != nil {
		return fmt.Errorf("remember what was sent (name another place with --state): %w", err)
	}
	s.dirty = false
	return nil
}
