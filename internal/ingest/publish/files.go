package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
)

// ReadFiles yields the events in the files, one file after the other, as [Read] does;
// "-" is stdin, and a directory is the files below it (see [State.Open]). A file that
// cannot be opened is an item with a fault.
func ReadFiles(names []string, stdin io.Reader, events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, name := range names {
			items := readFile(name, events)
			if name == "-" {
				items = Read(name, stdin, events)
			} else if info, err := os.Stat(name); err == nil && info.IsDir() {
				files, err := filesBelow(name)
				items = ReadFiles(files, nil, events)
				if err != nil {
					items = slices.Values([]Item{{Name: name, Fault: err}})
				}
			}
			for item := range items {
				if !yield(item) {
					return
				}
			}
		}
	}
}

func readFile(name string, events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		file, err := os.Open(name)
		if err != nil {
			yield(Item{Name: name, Fault: Unreadable(name, err)})
			return
		}
		defer file.Close()
		Read(name, file, events)(yield)
	}
}

// Unreadable returns why the file of that name cannot be read, without the name. A link to
// a missing file is called that.
func Unreadable(name string, err error) error {
	if target, linkErr := os.Readlink(name); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("is a link to %s, which is not there", target)
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// Unchecked yields the items without their faults, so that wrong events are sent too
// and the service rejects them. An item that could not be read keeps its fault.
func Unchecked(items iter.Seq[Item]) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for item := range items {
			if item.Data != nil {
				item.Fault = nil
			}
			if !yield(item) {
				return
			}
		}
	}
}

// TakeDowns returns the take-down of each id as of the instant at (see
// [TakeDown]).
func TakeDowns(ids []string, reason string, version int64, at time.Time) iter.Seq[Item] {
	items := make([]Item, len(ids))
	for i, id := range ids {
		item, err := TakeDown(id, reason, version, at)
		if err != nil {
			item = Item{Name: id, ID: id, Fault: err}
		}
		items[i] = item
	}
	return slices.Values(items)
}
