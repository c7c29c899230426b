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

// StateName is the state file of a directory that has none elsewhere, in it.
const StateName = ".gallerywire-published"

// saveEvery bounds how much of what was acknowledged a process that is killed
// forgets. It is sent again then, which does no harm.
const saveEvery = time.Second

// memoryFormat is the number of the state files written here.
const memoryFormat = 1

// Memory is what was acknowledged of the files in a directory: the hash of the
// content of each, and those of the events in one that has several, or that is not
// done. It is not for concurrent use.
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

// Recall reads the memory at path, which may not be there yet. With all set, it
// is empty.
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

// saveNow saves what is new unless that was done a moment ago. One that fails
// is made up for by the next.
func (m *Memory) saveNow(now time.Time) {
	if m.dirty && now.Sub(m.saved) >= saveEvery {
		m.saved = now
		_ = m.save()
	}
}

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
