package publish

import (
	"crypto/sha256"
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

// Folder is a directory of event files and the memory of what was sent of it.
// Its methods are not for concurrent use; all but Items may be called while
// that is under way.
type Folder struct {
	changed   []*file
	done      int
	unchanged int
	memory    *memory
}

// file is one file of a folder.
type file struct {
	folder  *Folder
	path    string
	name    string // in the memory
	hash    string // of its content when the folder was opened
	read    bool   // to its end
	waiting int    // events that have no receipt yet
	failed  bool   // one of its events was not stored
}

// OpenFolder lists the files below dir that are called *.json or *.ndjson,
// sorted, and compares them with what the state file remembers; there may be
// none yet. Names that begin with a dot are passed over. With all set, what is
// remembered is forgotten. It reads every file, and writes the state file if
// there is anything to send.
func OpenFolder(dir, stateFile string, all bool) (*Folder, error) {
	paths, err := filesBelow(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{}
	if f.memory, err = recall(stateFile); err != nil {
		return nil, err
	}
	if all {
		clear(f.memory.files)
	}
	for _, path := range paths {
		if err := f.add(dir, path); err != nil {
			return nil, err
		}
	}
	if f.Changed() == 0 {
		return f, nil
	}
	return f, f.memory.save() // better now than after hours that nobody would remember
}

func (f *Folder) add(dir, path string) error {
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	name = filepath.ToSlash(name)
	hash, err := hashOf(path)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	if f.memory.knows(name, hash) {
		f.unchanged++
		return nil
	}
	f.changed = append(f.changed, &file{folder: f, path: path, name: name, hash: hash})
	return nil
}

// Changed is how many files there are to send.
func (f *Folder) Changed() int { return len(f.changed) }

// Done is how many of them there is nothing more to do for.
func (f *Folder) Done() int { return f.done }

// Unchanged is how many files were sent as they are.
func (f *Folder) Unchanged() int { return f.unchanged }

// Items yields the events of the files that changed, as [ReadFiles] does.
func (f *Folder) Items(events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, file := range f.changed {
			for item := range readFile(file.path, events) {
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

// Note takes the receipt of an item into the folder's memory; that of another
// folder's is passed over. A file is
// remembered once each of its events was acknowledged, on the disk within a
// second or so; [Folder.Close] sees to the rest.
func (f *Folder) Note(r Receipt) {
	file := r.Item.file
	if file == nil || file.folder != f {
		return
	}
	file.waiting--
	file.failed = file.failed || r.Err != nil
	f.settle(file)
	f.memory.saveNow(time.Now())
}

func (f *Folder) settle(file *file) {
	if !file.read || file.waiting > 0 {
		return
	}
	f.done++
	if !file.failed {
		f.memory.remember(file.name, file.hash)
	}
}

// Close writes what is not on the disk yet.
func (f *Folder) Close() error {
	if !f.memory.dirty {
		return nil
	}
	return f.memory.save()
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
		if isEventFile(path, d) {
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

// isEventFile also follows a link to a file, but not one to a directory, which
// may lead round in a circle.
func isEventFile(path string, d fs.DirEntry) bool {
	if ext := filepath.Ext(path); ext != ".json" && ext != ".ndjson" {
		return false
	}
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func hashOf(path string) (string, error) {
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
