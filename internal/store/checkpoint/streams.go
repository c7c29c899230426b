package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/gallerywire/gallerywire/internal/store/atomicfile"
	"github.com/go-json-experiment/json"
)

// Stream is the state of a stream.
type Stream struct {
	Name  string
	There bool
	Last  uint64 // sequence of the newest message that it ever held
}

// streams remembers the last sequences of streams.
type streams struct {
	path  string
	last  map[string]uint64 // by name
	found map[string]error
	err   error
}

// streamsFile is how they are kept.
type streamsFile struct {
	Format int               `json:"format"`
	Last   map[string]uint64 `json:"last"`
}

const format = 1

func (s *streams) load() error {
	s.last, s.found = map[string]uint64{}, map[string]error{}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what the streams must hold: %w", err)
	}
	var file streamsFile
	if err := json.Unmarshal(text, &file); err != nil || file.Format != format {
		s.err = fmt.Errorf("the note of what the streams must hold is damaged: %s: %s", s.path, remedy)
		return nil
	}
	maps.Copy(s.last, file.Last)
	return nil
}

// Compare reports whether the streams hold what they must when the node starts.
// [Options].Accept accepts what they hold then.
func (c *Checkpoint) Compare(now []Stream) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.streams
	clear(s.found)
	for _, stream := range now {
		s.check(stream)
	}
	damage := s.damage()
	for _, err := range damage {
		if c.opts.Accept {
			c.opts.Logger.Warn("damage is accepted, the node continues with the records it has", "damage", err)
		} else {
			c.opts.Logger.Error("the store is damaged, the node does not serve", "err", err)
		}
	}
	if c.opts.Accept {
		s.err = nil
		clear(s.found)
		clear(s.last)
	}
	return len(s.damage()) == 0
}

func (s *streams) check(now Stream) {
	last := s.last[now.Name]
	switch {
	case last > 0 && !now.There:
		s.found[now.Name] = fmt.Errorf("the store is damaged: the stream %s, which held messages up to number %d, is missing: %s", now.Name, last, remedy)
	case now.Last < last:
		s.found[now.Name] = fmt.Errorf("the store is damaged: the stream %s ends at message %d, and ended at %d before: %s", now.Name, now.Last, last, remedy)
	}
}

func (s *streams) damage() []error {
	var errs []error
	if s.err != nil {
		errs = append(errs, s.err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.found)) {
		errs = append(errs, s.found[name])
	}
	return errs
}

// Note remembers the streams as they are while the node runs, unless they hold less
// than before. It is called by one goroutine.
func (c *Checkpoint) Note(now []Stream) error {
	c.mu.Lock()
	s, moved := &c.streams, false
	for _, stream := range now {
		if s.found[stream.Name] != nil {
			continue
		}
		if s.check(stream); s.found[stream.Name] != nil {
			c.opts.Logger.Error("the store is damaged", "err", s.found[stream.Name])
			continue
		}
		if was, known := s.last[stream.Name]; stream.There && (!known || stream.Last > was) {
			s.last[stream.Name], moved = stream.Last, true
		}
	}
	text, err := json.Marshal(streamsFile{Format: format, Last: s.last}, json.Deterministic(true))
	c.mu.Unlock()
	if err != nil || !moved {
		return err
	}
	return atomicfile.Write(s.path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
