package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/gallerywire/gallerywire/internal/atomicfile"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// StateName is the state file of a folder that has none elsewhere, in it.
const StateName = ".gallerywire-published"

// saveEvery bounds how much of what was acknowledged a process that is killed
// forgets. It is sent again then, which does no harm.
const saveEvery = time.Second

// memoryFormat is the number of the state files written here.
const memoryFormat = 1

// memory is what was acknowledged: the hash of each file's content.
type memory struct {
	path  string
	files map[string]string
	dirty bool
	saved time.Time
}

// stateFile is a memory on the disk.
type stateFile struct {
	Format int               `json:"format"`
	Files  map[string]string `json:"files"`
}

// recall reads the memory at path, which may not be there yet.
func recall(path string) (*memory, error) {
	m := &memory{path: path, files: map[string]string{}}
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
	m.files = state.Files
	return m, nil
}

func (m *memory) knows(name, hash string) bool { return m.files[name] == hash }

func (m *memory) remember(name, hash string) {
	m.dirty = m.dirty || m.files[name] != hash
	m.files[name] = hash
}

// saveNow saves what is new unless that was done a moment ago. One that fails
// is made up for by the next.
func (m *memory) saveNow(now time.Time) {
	if m.dirty && now.Sub(m.saved) >= saveEvery {
		m.saved = now
		_ = m.save()
	}
}

func (m *memory) save() error {
	err := atomicfile.Write(m.path, func(w io.Writer) error {
		return json.MarshalWrite(w, stateFile{memoryFormat, m.files}, json.Deterministic(true), jsontext.WithIndent("  "))
	})
	if err != nil {
		return fmt.Errorf("remember what was sent (name another place with --state): %w", err)
	}
	m.dirty = false
	return nil
}
