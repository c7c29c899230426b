package publish

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
)

// Folder is a directory of event files, or one file, and what was sent of it so far. Its
// methods are not for concurrent use; the others may be called while Items is iterated.
type Folder struct {
	changed   []*file
	done      int
	unchanged int
	before    int
	state     *State
}

// file is one file of a folder.
type file struct {
	folder  *Folder
	path    string
	name    string          // in the state file
	hash    string          // of its content when the folder was opened; empty: it cannot be read
	before  map[string]bool // its events that were acknowledged in earlier runs
	events  []string        // in it, and acknowledged in this run or before
	read    bool            // to its end
	waiting int             // events that have no receipt yet
	failed  bool            // one of its events was not stored
}

// Open compares a file, or the files *.json, *.ndjson and *.jsonl below a directory,
// with the state. Names that begin with a dot are skipped. It reads every file, and
// writes the state file if there is anything to send.
func (s *State) Open(path string) (*Folder, error) {
	f := &Folder{state: s}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	dir, paths := filepath.Dir(path), []string{path}
	if info.IsDir() {
		dir = path
		if paths, err = filesBelow(path); err != nil {
			return nil, err
		}
	}
	for _, path := range paths {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return nil, fmt.Errorf("read events: %w", err)
		}
		file := &file{folder: f, path: path, name: filepath.ToSlash(name), before: map[string]bool{}}
		// A file that cannot be read is a fault when it is sent.
		if file.hash, err = hashOfFile(path); err == nil && s.files[file.name] == file.hash {
			f.unchanged++
			continue
		}
		for _, hash := range s.events[file.name] {
			file.before[hash] = true
		}
		f.changed = append(f.changed, file)
	}
	if f.Changed() == 0 {
		return f, nil
	}
	return f, s.save() // fails now rather than after hours of sending
}

// Changed is how many files there are to send.
func (f *Folder) Changed() int { return len(f.changed) }

// Done is how many of them are sent and acknowledged or failed.
func (f *Folder) Done() int { return f.done }

// Unchanged is how many files were sent before as they are.
func (f *Folder) Unchanged() int { return f.unchanged }

// Before is how many events of changed files were skipped, because they were
// acknowledged before.
func (f *Folder) Before() int { return f.before }

// Items yields the events of the changed files, as [ReadFiles] does, without those that
// were acknowledged before.
func (f *Folder) Items(events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, file := range f.changed {
			for item := range readFile(file.path, events) {
				hash := hashOfEvent(item.Data)
				if item.Data != nil && file.before[hash] {
					f.before++
					file.events = append(file.events, hash)
					continue
				}
				item.file = file
				file.waiting++
				if !yield(item) {
					return
				}
			}
			file.read = true
			f.settle(file)
		}
	}
}

// Note records the receipt of an item, if the item is of this folder. An
// acknowledged event is on the disk within a second or so, or after [Folder.Close].
func (f *Folder) Note(r Receipt) {
	file := r.Item.file
	if file == nil || file.folder != f {
		return
	}
	file.waiting--
	if r.Err != nil {
		file.failed = true
	} else {
		hash := hashOfEvent(r.Item.Data)
		file.events = append(file.events, hash)
		f.state.events[file.name] = append(f.state.events[file.name], hash)
		f.state.dirty = true
	}
	f.settle(file)
	if now := time.Now(); f.state.dirty && now.Sub(f.state.saved) >= saveEvery {
		f.state.saved = now
		_ = f.state.save() // an error shows at the next one, and in Close
	}
}

// settle remembers the events of a file that is done, and the file once each of them
// was acknowledged, which is enough for a file of one event.
func (f *Folder) settle(file *file) {
	if !file.read || file.waiting > 0 {
		return
	}
	f.done++
	f.state.dirty = true
	f.state.events[file.name] = file.events
	if !file.failed {
		f.state.files[file.name] = file.hash
	}
	if !file.failed && len(file.events) == 1 || len(file.events) == 0 {
		delete(f.state.events, file.name)
	}
}

// Close writes to the disk what is not there yet.
func (f *Folder) Close() error {
	if !f.state.dirty {
		return nil
	}
	return f.state.save()
}

// filesBelow lists the event files below dir, sorted.
func filesBelow(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".json" && !HasLines(path) {
			return nil
		}
		regular := d.Type().IsRegular()
		if d.Type()&fs.ModeSymlink != 0 { // to a directory it could be a circle; a broken one is a fault when it is read
			info, err := os.Stat(path)
			regular = err != nil || info.Mode().IsRegular()
		}
		if regular {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	slices.Sort(paths)
	return paths, nil
}

// HasLines reports whether a file of that name has an event on each line.
func HasLines(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".ndjson" || ext == ".jsonl"
}

// hashOfEvent is short: there is one for each line of a file.
func hashOfEvent(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawStdEncoding.EncodeToString(sum[:16])
}

func hashOfFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
