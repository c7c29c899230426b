package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// MaxFile is how many bytes a file of secrets may have.
const MaxFile = 4096

// ReadText returns what a file of secrets has, but for the end of its last line; of a file
// of more than MaxFile bytes the first MaxFile+1. Its errors name the file and a remedy.
func ReadText(file string) (string, error) {
	info, err := os.Stat(file) // before it is opened, which for a pipe waits
	if err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%q is not a file that can be read again: name a regular file", file)
	}
	var data []byte
	if err == nil {
		data, err = readSome(file)
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%q cannot be read (%w): write the key into it, or remove its entry", file, err)
	case err != nil:
		return "", fmt.Errorf("%q cannot be read (%w): name a file that this user may read", file, err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

func readSome(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// readEvery is how often files are read again: the whole of each, because a file can change
// and keep its size and date.
const readEvery = time.Second

// Follow calls reload, which reads files again, every second until ctx ends.
func Follow(ctx context.Context, reload func()) error {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			reload()
		case <-ctx.Done():
			return nil
		}
	}
}

// Content is what was last read from a file that is read again and again. The zero value
// was never read. It is not safe for concurrent use.
type Content[T comparable] struct {
	Good    T     // of the last reading that succeeded
	Problem error // of the last reading; nil: it succeeded
}

// Change is how a reading differs from the one before.
type Change int

// What may happen to a file.
const (
	Unchanged Change = iota
	Replaced
	Restored // it can be read again, whether or not it has what it had
	Broken   // it cannot be read, or no longer for the same reason
)

// Update takes a reading.
func (c *Content[T]) Update(now T, err error) Change {
	before := c.Problem
	c.Problem = err
	switch {
	case err != nil && before != nil && err.Error() == before.Error():
		return Unchanged
	case err != nil:
		return Broken
	case before == nil && now == c.Good:
		return Unchanged
	}
	c.Good = now
	if before != nil {
		return Restored
	}
	return Replaced
}
