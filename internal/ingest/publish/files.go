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

// ReadFiles yields the events in the files, one file after the other, as
// [Read] does; "-" is stdin, and a directory is the files below it (see
// [Memory.Open]). What cannot be opened is an item with a fault.
func ReadFiles(names []string, stdin io.Reader, events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, name := range names {
			for item := range readAny(name, stdin, events) {
				if !yield(item) {
					return
				}
			}
		}
	}
}

func readAny(name string, stdin io.Reader, events event.Reader) iter.Seq[Item] {
	if name == "-" {
		return Read(name, stdin, events)
	}
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return readFile(name, events)
	}
	files, err := filesBelow(name)
	if err != nil {
		return slices.Values([]Item{{Name: name, Fault: err}})
	}
	return ReadFiles(files, nil, events)
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

// Unreadable says why there is nothing to be read of that name. Of a link that
// leads nowhere it says so.
func Unreadable(name string, err error) error {
	if target, linkErr := os.Readlink(name); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("is a link to %s, which is not there", target)
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err // its name is said beside it
	}
	return err
}

// Unchecked yields the items without their faults, so that what is wrong is
// sent too and the service rejects it. What could not be read keeps its fault.
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
