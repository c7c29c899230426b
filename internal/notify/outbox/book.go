package outbox

import (
	"cmp"
	"log/slog"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// book is what this node knows of the outbox: what the ledger told it, and what
// it wrote itself, which the ledger tells later. Entries are immutable.
type book struct {
	log     *slog.Logger
	now     func() time.Time
	changed func(shard int) // called without the lock

	mu        sync.Mutex
	whole     bool              // all was told that was there at the start or after a reset
	upTo      uint64            // the revision up to which the ledger has told everything
	last      uint64            // the newest revision that was heard of
	revisions map[string]uint64 // of every key
	shards    [shards]part
	dead      map[string]*late
	foreign   map[string]bool // written by a newer release, or not to be read
}

// part is what is known of a shard.
type part struct {
	owed  map[string]*owed // and not done
	done  map[string]*owed
	late  map[string]*late
	aside map[string]time.Time // of owed, what could not be packed: not tried before; with a monotonic clock
	lease lease
}

func newBook(log *slog.Logger, now func() time.Time, changed func(int)) *book {
	b := &book{log: log, now: now, changed: changed}
	b.clear()
	return b
}

// reset forgets everything.
func (b *book) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *book) clear() {
	b.upTo, b.whole = 0, false
	b.revisions, b.dead, b.foreign = map[string]uint64{}, map[string]*late{}, map[string]bool{}
	for i := range b.shards {
		b.shards[i] = part{owed: map[string]*owed{}, done: map[string]*owed{}, late: map[string]*late{}, aside: map[string]time.Time{}}
	}
}

// isWhole notes that what is heard from now on is news.
func (b *book) isWhole() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.whole = true
}

// putAside keeps what is owed from being tried for a while, unless it is written
// anew.
func (b *book) putAside(shard int, key string, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shards[shard].owed[key] != nil {
		b.shards[shard].aside[key] = time.Now().Add(d)
	}
}

// heard takes over what the ledger tells.
func (b *book) heard(r bucket.Record) {
	b.apply(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.upTo = r.Revision
	if r.Value == nil && b.revisions[r.Key] == r.Revision {
		delete(b.revisions, r.Key) // nothing older is told any more
	}
}

// removed takes over that this node deleted a record, unless the ledger has told
// that already.
func (b *book) removed(key string, revision uint64) {
	b.mu.Lock()
	_, known := b.revisions[key]
	b.mu.Unlock()
	if known {
		b.apply(bucket.Record{Key: key, Revision: revision})
	}
}

// vanished takes over that the server has nothing at a key, not even that it was
// deleted. It is not believed of a record that is there: a replica may lag.
func (b *book) vanished(key string) {
	at, ok := parseKey(key)
	if !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	part := b.shards[at.shard]
	if part.owed[key] == nil && part.done[key] == nil && part.late[key] == nil && b.dead[key] == nil && !b.foreign[key] {
		delete(b.revisions, key)
	}
}

// apply takes a record over unless a later one of its key is known, or the ledger
// has told of it: it may have told of its deletion too.
func (b *book) apply(r bucket.Record) {
	at, ok := parseKey(r.Key)
	if !ok {
		return // of a release that has other kinds
	}
	b.mu.Lock()
	b.last = max(b.last, r.Revision)
	if r.Revision > b.revisions[r.Key] && r.Revision > b.upTo {
		b.revisions[r.Key] = r.Revision
		b.take(at, r)
	}
	b.mu.Unlock()
	if at.kind != kindDead {
		b.changed(at.shard)
	}
}

func (b *book) take(at place, r bucket.Record) {
	delete(b.foreign, r.Key)
	var ours bool
	var err error
	part := &b.shards[at.shard]
	switch at.kind {
	case kindOwed:
		delete(part.done, r.Key)
		delete(part.aside, r.Key)
		entry := &owed{key: r.Key, revision: r.Revision, stored: r.Stored}
		if ours, err = takeEntry(part.owed, r, entry); entry.Done {
			delete(part.owed, r.Key)
			part.done[r.Key] = entry
		}
	case kindLate:
		entry := &late{key: r.Key, revision: r.Revision, stored: r.Stored}
		ours, err = takeEntry(part.late, r, entry)
		entry.hear(b.now(), b.whole)
	case kindDead:
		ours, err = takeEntry(b.dead, r, &late{key: r.Key, revision: r.Revision})
	case kindLease:
		l := lease{revision: r.Revision, seen: time.Now()}
		if ours = true; r.Value != nil {
			if ours, err = decode(r, &l); !ours {
				l.Node = "of a newer release" // void when it is not renewed, as any other
			}
		}
		part.lease = l
	default:
		return
	}
	if err != nil {
		b.log.Error("a record of the outbox can not be read and is left alone: delete it", "key", r.Key, "err", err)
	}
	if !ours {
		b.foreign[r.Key] = true
	}
}

// takeEntry puts what the record says into entries; ours is false where it says
// nothing that this release understands.
func takeEntry[T any](entries map[string]*T, r bucket.Record, entry *T) (ours bool, err error) {
	delete(entries, r.Key)
	if r.Value == nil {
		return true, nil
	}
	if ours, err = decode(r, entry); ours {
		entries[r.Key] = entry
	}
	return ours, err
}

// read calls f with all that is known. It must not keep what it is given.
func (b *book) read(f func(shards []part, dead map[string]*late)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.shards[:], b.dead)
}

// owed returns the record with that key, nil where there is none, and its
// revision.
func (b *book) owed(shard int, key string) (entry *owed, revision uint64, foreign bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	part := b.shards[shard]
	return cmp.Or(part.owed[key], part.done[key]), b.revisions[key], b.foreign[key]
}

// newest is the newest revision that was heard of.
func (b *book) newest() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// lease returns the lease on a shard as it is known.
func (b *book) lease(shard int) lease {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shards[shard].lease
}

// anyLate reports whether anything is late in the shard.
func (b *book) anyLate(shard int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.shards[shard].late) > 0
}

// late is as owed.
func (b *book) late(shard int, key string) (entry *late, revision uint64, foreign bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shards[shard].late[key], b.revisions[key], b.foreign[key]
}

// letter is as owed.
func (b *book) letter(key string) (entry *late, revision uint64, foreign bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dead[key], b.revisions[key], b.foreign[key]
}
