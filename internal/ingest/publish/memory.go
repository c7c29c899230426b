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

// memoryFormat is the number of the state files written here.
const memoryFormat = 1

// Memory is what was acknowledged of the files in a directory: a hash of each file, and
// one of each event in a file that has several or is not done. It is not for
// concurrent use.
type Memory struct {
	path   string
	files  map[string]string
	events map[string][]string // by file
	dirty  bool
	saved  time.Time
}

// stateFile is a memory on the disk.
type stateFile struct {
	Format int                 `json:"format"`
	Files  map[string]string   `json:"files"`
	Events map[string][]string `json:"events,omitzero"`
}

// Recall reads the memory at path. It is empty if there is none yet, or if all is set.
func Recall(path string, all bool) (*Memory, error) {
	m := &Memory{path: path, files: map[string]string{}, events: map[string][]string{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was sent: %w", err)
	}
	var state stateFile
	if err := json.Unmarshal(text, &state); err != nil || state.Format != memoryFormat || state.Files == nil {
		return nil, fmt.Errorf("%s is no state file of this release: delete it, or name another with --state", path)
	}
	if !all {
		m.files = state.Files
		maps.Copy(m.events, state.Events)
	}
	return m, nil
}

// save writes the state file.
func (m *Memory) save() error {
	err := atomicfile.Write(m.path, func(w io.Writer) error {
		return json.MarshalWrite(w, stateFile{memoryFormat, m.files, m.events}, json.Deterministic(true), jsontext.WithIndent("  "))
	})
	if err != nil {
		return fmt.Errorf("remember what was sent (name another place with --state): %w", err)
	}
	m.dirty = false
	return nil
}
