package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"sync"

	"github.com/gallerywire/gallerywire/internal/store/atomicfile"
)

// A journal is a head and then entries, all of 20 bytes: the last entry of a key
// counts.
//
//	head:  "gwcheck1", 8 bytes of zero, check sum
//	entry: hash of the key, sequence, check sum
//
// An entry whose check sum is wrong was being written when the power went, and is
// left out.
const (
	magic     = "gwcheck1"
	entrySize = 20
	// gone in the place of a sequence means that there need not be a record any more.
	gone = 0
	// slack is how much of a journal may be out of date before it is written anew,
	// in addition to as much as is up to date.
	slack = 8192 * entrySize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendEntry appends an entry, or the head, with its check sum.
func appendEntry(to []byte, key, sequence uint64) []byte {
	at := len(to)
	to = binary.BigEndian.AppendUint64(to, key)
	to = binary.BigEndian.AppendUint64(to, sequence)
	return binary.BigEndian.AppendUint32(to, crc32.Checksum(to[at:], castagnoli))
}

func head() []byte { return appendEntry(nil, binary.BigEndian.Uint64([]byte(magic)), 0) }

// journal is the file of a bucket.
type journal struct {
	path string // empty: it is only in memory
	wake chan<- struct{}

	mu      sync.Mutex
	pending []byte            // entries that are not written yet
	memory  map[uint64]uint64 // instead of the file

	file      sync.Mutex // held while the file is used; before mu
	f         *os.File   // nil: not open
	size      int64
	compactAt int64 // the size at which it is written anew
	unsynced  bool
}

// add notes that the bucket holds a record of the key. It does not wait for the disk.
func (j *journal) add(key, sequence uint64) {
	j.mu.Lock()
	switch {
	case j.path != "":
		j.pending = appendEntry(j.pending, key, sequence)
	case sequence == gone:
		delete(j.memory, key)
	default:
		j.memory[key] = sequence
	}
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// load returns what is noted: nothing, and no error, where there is no file.
func (j *journal) load() (map[uint64]uint64, error) {
	if j.path == "" {
		j.mu.Lock()
		defer j.mu.Unlock()
		return maps.Clone(j.memory), nil
	}
	j.file.Lock()
	defer j.file.Unlock()
	_ = j.flushLocked() // entries that cannot be written yet make the journal lag
	noted, err := j.read()
	if errors.Is(err, fs.ErrNotExist) {
		return map[uint64]uint64{}, nil
	}
	return noted, err
}

func (j *journal) read() (map[uint64]uint64, error) {
	text, err := os.ReadFile(j.path)
	if err != nil {
		return nil, fmt.Errorf("read what the bucket must hold: %w", err)
	}
	if !bytes.HasPrefix(text, head()) {
		return nil, fmt.Errorf("%w: %s has no head", errJournal, j.path)
	}
	noted := make(map[uint64]uint64, len(text)/entrySize)
	for at := entrySize; at+entrySize <= len(text); at += entrySize {
		entry := text[at : at+entrySize]
		if crc32.Checksum(entry[:16], castagnoli) != binary.BigEndian.Uint32(entry[16:]) {
			continue
		}
		if key, sequence := binary.BigEndian.Uint64(entry), binary.BigEndian.Uint64(entry[8:]); sequence == gone {
			delete(noted, key)
		} else {
			noted[key] = sequence
		}
	}
	j.compactAt = 2*int64(1+len(noted))*entrySize + slack
	return noted, nil
}

// flush hands what is pending to the system, from where it outlives the process.
func (j *journal) flush() error {
	j.file.Lock()
	defer j.file.Unlock()
	return j.flushLocked()
}

func (j *journal) flushLocked() error {
	j.mu.Lock()
	text := j.pending
	j.pending = nil
	j.mu.Unlock()
	if len(text) == 0 {
		return nil
	}
	err := j.open()
	if err == nil {
		_, err = j.f.WriteAt(text, j.size)
	}
	if err != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.pending = append(text, j.pending...)
		return err
	}
	j.size += int64(len(text))
	j.unsynced = true
	if j.size <= j.compactAt {
		return nil
	}
	noted, err := j.read()
	if err != nil {
		return err
	}
	return j.replace(noted) // without what is out of date
}

// open opens the file at the end of its last whole entry, and makes it when it is
// missing.
func (j *journal) open() error {
	if j.f != nil {
		return nil
	}
	if _, err := os.Stat(j.path); errors.Is(err, fs.ErrNotExist) {
		if err := j.replace(nil); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(j.path, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.f, j.size = f, info.Size()-info.Size()%entrySize
	return nil
}

// replace has the journal hold this and nothing else.
func (j *journal) replace(noted map[uint64]uint64) error {
	text := head()
	for key, sequence := range noted {
		text = appendEntry(text, key, sequence)
	}
	if j.f != nil {
		_ = j.f.Close() // its successor holds all of it
		j.f = nil
	}
	j.compactAt = 2*int64(len(text)) + slack
	return atomicfile.Write(j.path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// restart forgets everything.
func (j *journal) restart() error {
	j.file.Lock()
	defer j.file.Unlock()
	j.mu.Lock()
	j.pending = nil
	j.mu.Unlock()
	return j.replace(nil)
}

// sync has the disk hold everything.
func (j *journal) sync() error {
	j.file.Lock()
	defer j.file.Unlock()
	err := j.flushLocked()
	if err == nil && j.unsynced && j.f != nil {
		err = j.f.Sync()
	}
	j.unsynced = j.unsynced && err != nil
	return err
}

func (j *journal) close() error {
	err := j.sync()
	j.file.Lock()
	defer j.file.Unlock()
	if j.f == nil {
		return err
	}
	err = errors.Join(err, j.f.Close())
	j.f = nil
	return err
}
