package checkpoint

import (
	"fmt"
	"log/slog"
	"sync"
)

// Bucket compares what is read of a bucket with what is remembered, and remembers
// what is read. It is a verifier of package bucket.
type Bucket struct {
	name    string
	forgets bool
	log     *slog.Logger
	journal *journal

	failed bool // the last write of the journal did; of the goroutine of Run

	mu      sync.Mutex
	accept  bool // what the first reading finds
	reading bool
	whole   bool
	noted   int               // records that must be there
	missing map[uint64]uint64 // of these: those that were not read, by key
	older   map[uint64]uint64 // of the missing: an older record was read
	err     error             // the journal cannot be read
}

// Begin is called when the bucket is read from its beginning.
func (b *Bucket) Begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading, b.whole, b.older = true, false, map[uint64]uint64{}
	b.missing, b.err = b.journal.load()
	if b.err != nil && b.accept {
		b.log.Warn("damage is accepted, the node continues with the records it has", "bucket", b.name, "damage", b.err)
		b.err = b.journal.restart()
	}
	b.noted = len(b.missing)
}

// Take is called with each record, and with the marker of each that was deleted.
func (b *Bucket) Take(subject string, sequence uint64, deleted bool) {
	key, mark := hash(subject), sequence
	if deleted {
		mark = gone
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return
	}
	if b.whole {
		b.journal.add(key, mark)
		return
	}
	known, noted := b.missing[key]
	if noted && sequence < known && b.reading {
		b.older[key] = sequence
		return
	}
	delete(b.missing, key)
	delete(b.older, key)
	if known != mark {
		b.journal.add(key, mark)
	}
}

// Whole is called when everything was read that is there, and again after each
// record from then on until it is true: until nothing is missing that was there
// before.
func (b *Bucket) Whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.lost()
	if b.reading && err != nil {
		if b.accept && b.err == nil {
			b.log.Warn("damage is accepted, the node continues with the records it has", "bucket", b.name, "damage", err)
			for key := range b.missing {
				b.journal.add(key, b.older[key]) // gone, where there is none
			}
			err = nil
		} else {
			b.log.Error("the store is damaged, the node does not serve", "err", err)
		}
	}
	b.reading = false
	if err != nil {
		return false
	}
	b.whole, b.accept, b.missing, b.older = true, false, nil, nil
	return true
}

// Damage is nil while no record is known to be missing, else an error with a remedy.
func (b *Bucket) Damage() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading || b.whole {
		return nil
	}
	return b.lost()
}

func (b *Bucket) lost() error {
	switch {
	case b.err != nil:
		return fmt.Errorf("bucket %s: %w: %s", b.name, b.err, remedy)
	case len(b.missing) == 0:
		return nil
	}
	what := remedy
	if !b.forgets {
		what = "import an export, " + remedy
	}
	return fmt.Errorf("the store is damaged: of %d records of the bucket %s %d are missing and %d are back at an older state: %s",
		b.noted, b.name, len(b.missing)-len(b.older), len(b.older), what)
}

// hash is FNV-1a: keys come from events, but two keys that clash hide no more than
// one of them from the comparison.
func hash(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}
