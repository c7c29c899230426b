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

// Folder is a directory of event files, or one file, and the memory of what was
// sent of it. Its methods are not for concurrent use; all but Items may be called
// while that is under way.
type Folder struct {
	changed   []*file
	done      int
	unchanged int
	before    int
	memory    *Memory
}

// file is one file of a folder.
type file struct {
	folder  *Folder
	path    string
	name    string          // in the memory
	hash    string          // of its content when the folder was opened; empty: it can not be read
	before  map[string]bool // its events that were acknowledged in earlier runs
	events  []string        // that are in it and were acknowledged, in this run or before
	read    bool            // to its end
	waiting int             // events that have no receipt yet
	failed  bool            // one of its events was not stored
}

// Open compares with the memory what is at path: a file, or the files below a
// directory that are called *.json, *.ndjson or *.jsonl, sorted. Names that begin
// with a dot are passed over. It reads every file, and writes the state file if
// there is anything to send.
func (m *Memory) Open(path string) (*Folder, error) {
	f := &Folder{memory: m}
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
		if err := f.add(dir, path); err != nil {
			return nil, err
		}
	}
	if f.Changed() == 0 {
		return f, nil
	}
	return f, m.save() // better now than after hours that nobody would remember
}

// add takes a file into the folder. That it can not be read is said when it is sent.
func (f *Folder) add(dir, path string) error {
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	new := &file{folder: f, path: path, name: filepath.ToSlash(name), before: map[string]bool{}}
	if new.hash, err = hashOf(path); err == nil && f.memory.files[new.name] == new.hash {
		f.unchanged++
		return nil
	}
	for _, hash := range f.memory.events[new.name] {
		new.before[hash] = true
	}
	f.changed = append(f.changed, new)
	return nil
}

// Changed is how many files there are to send.
func (f *Folder) Changed() int { return len(f.changed) }

// Done is how many of them there is nothing more to do for.
func (f *Folder) Done() int { return f.done }

// Unchanged is how many files were sent as they are.
func (f *Folder) Unchanged() int { return f.unchanged }

// Before is how many events of the others were passed over, because they were
// acknowledged before.
func (f *Folder) Before() int { return f.before }

// Items yields the events of the files that changed, as [ReadFiles] does, but
// those that were acknowledged before.
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

// Note takes the receipt of an item into the memory; that of another folder's is
// passed over. An event is remembered once it was acknowledged, on the disk within
// a second or so; [Folder.Close] sees to the rest.
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
		f.memory.events[file.name] = append(f.memory.events[file.name], hash)
		f.memory.dirty = true
	}
	f.settle(file)
	f.memory.saveNow(time.Now())
}

// settle remembers of a file that is done the events that are in it now, and the
// whole once each of them was acknowledged, which for one event is enough.
func (f *Folder) settle(file *file) {
	if !file.read || file.waiting > 0 {
		return
	}
	f.done++
	f.memory.dirty = true
	f.memory.events[file.name] = file.events
	if !file.failed {
		f.memory.files[file.name] = file.hash
	}
	if !file.failed && len(file.events) == 1 || len(file.events) == 0 {
		delete(f.memory.events, file.name)
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
// may lead round in a circle. One that leads nowhere is said to do so when it is read.
func isEventFile(path string, d fs.DirEntry) bool {
	if filepath.Ext(path) != ".json" && !HasLines(path) {
		return false
	}
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

// HasLines reports whether the name is that of a file which has an event a line.
func HasLines(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".ndjson" || ext == ".jsonl"
}

// hashOfEvent is short: there is one for each line of a file.
func hashOfEvent(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawStdEncoding.EncodeToString(sum[:16])
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
