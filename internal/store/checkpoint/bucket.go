package checkpoint

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Bucket compares what is read of a bucket with what is remembered, and remembers
// what is read. It is a verifier of package bucket.
type Bucket struct {
	name    string
	forgets bool
	log     *slog.Logger
	journal *journal

	mu        sync.Mutex
	accept    bool // what the first reading finds
	reading   bool
	whole     bool
	noted     int               // records that must be there
	missing   map[uint64]uint64 // of these: those that were not read, by key
	older     map[uint64]uint64 // of the missing: an older record was read
	written   time.Time         // when something was last noted
	newest    uint64            // the highest sequence that is noted
	unwatched bool              // records were written while nobody noted them
	err       error             // the journal cannot be read
}

// unwatchedAfter is how much later than the journal a record must have been stored
// for it to be taken for one that an older release wrote, which notes nothing. It
// is far more than a journal lags, and less than markers of what was deleted stay.
const unwatchedAfter = 10 * time.Minute

// Begin is called when the bucket is read from its beginning.
func (b *Bucket) Begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading, b.whole = true, false
	b.older, b.newest, b.unwatched = map[uint64]uint64{}, 0, false
	b.missing, b.written, b.err = b.journal.load()
	if b.err != nil && b.accept {
		b.log.Warn("damage is accepted, the node goes on with what is there", "bucket", b.name, "damage", b.err)
		b.err = b.journal.restart()
	}
	b.noted = len(b.missing)
	for _, sequence := range b.missing {
		b.newest = max(b.newest, sequence)
	}
}

// Take is called with each record, and with the marker of each that was deleted.
func (b *Bucket) Take(subject string, sequence uint64, stored time.Time, deleted bool) {
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
	b.unwatched = b.unwatched || sequence > b.newest && stored.Sub(b.written) > unwatchedAfter
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
	if b.reading {
		b.judge()
	}
	if b.lost() != nil {
		return false
	}
	b.whole, b.accept, b.missing, b.older = true, false, nil, nil
	return true
}

// judge is called when the bucket was read once.
func (b *Bucket) judge() {
	b.reading = false
	err := b.lost()
	switch {
	case err == nil:
	case b.err != nil:
		b.log.Error("the store is damaged, the node does not serve", "err", err)
	case b.forgets && b.unwatched:
		b.log.Warn("the bucket was written to by a release that notes nothing, so it is not compared with what it held before", "bucket", b.name)
		b.forgive()
	case b.accept:
		b.log.Warn("damage is accepted, the node goes on with what is there", "bucket", b.name, "damage", err)
		b.forgive()
	default:
		b.log.Error("the store is damaged, the node does not serve", "err", err)
	}
}

// forgive accepts the records that are there as those that must be there.
func (b *Bucket) forgive() {
	for key := range b.missing {
		b.journal.add(key, b.older[key]) // gone, where there is none
	}
	b.missing = nil
}

// Damage is nil while nothing is known to be missing, else it says what is, and what
// can be done.
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

// compared reports whether the bucket was found to hold what it must.
func (b *Bucket) compared() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
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
