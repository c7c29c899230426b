package outbox

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// state is what this node knows of the outbox: the records that it read of the bucket,
// and those that it wrote itself and reads later. Records are immutable.
type state struct {
	log     *slog.Logger
	now     func() time.Time
	changed func(shard int) // called without the lock

	mu        sync.Mutex
	following bool   // what was there at the start, or after a reset, is read
	readTo    uint64 // the revision up to which the bucket was read
	shards    [shards]shard
	dead      map[string]*retry
}

// shard is what is known of one, by key.
type shard struct {
	pending map[string]*pending
	done    map[string]*pending
	retries map[string]*retry
	lease   lease
}

// reset forgets everything: the bucket is read anew.
func (s *state) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readTo, s.following, s.dead = 0, false, map[string]*retry{}
	for i := range s.shards {
		s.shards[i] = shard{pending: map[string]*pending{}, done: map[string]*pending{}, retries: map[string]*retry{}}
	}
}

func (s *state) follow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.following = true
}

// read takes over a record that was read of the bucket.
func (s *state) read(r bucket.Record) {
	s.mu.Lock()
	s.readTo = r.Revision
	s.set(r)
}

// wrote takes over a record that this node wrote, unless the bucket was read further: then
// it is known, or another has replaced it.
func (s *state) wrote(r bucket.Record) {
	s.mu.Lock()
	if r.Revision > s.readTo {
		s.set(r)
		return
	}
	s.mu.Unlock()
}

// set takes a record over unless a later one is known, and returns the lock.
func (s *state) set(r bucket.Record) {
	kind, number, ok := parseKey(r.Key)
	if !ok {
		s.mu.Unlock()
		return // of a release that has other kinds
	}
	in, err := &s.shards[number], error(nil)
	switch at := (stored{r.Key, r.Revision, r.Stored}); kind {
	case kindPending:
		p := &pending{stored: at}
		if before, _ := in.find(r.Key); before == nil || before.revision < r.Revision {
			delete(in.done, r.Key)
			if err = setRecord(in.pending, r, p); p.Done {
				delete(in.pending, r.Key)
				in.done[r.Key] = p
			}
		}
	case kindRetry, kindDead:
		records := in.retries
		if kind == kindDead {
			records = s.dead
		}
		if before := records[r.Key]; before == nil || before.revision < r.Revision {
			next := &retry{stored: at}
			err = setRecord(records, r, next)
			next.noteRead(s.now(), s.following)
		}
	case kindLease:
		if in.lease.revision < r.Revision {
			l := lease{revision: r.Revision, seen: time.Now()}
			if r.Value != nil {
				if err = decode(r, &l); err != nil {
					l.Node, err = "of a newer release", nil // it expires like any other
				}
			}
			in.lease = l
		}
	}
	s.mu.Unlock()
	if errors.Is(err, errDamaged) {
		s.log.Error("cannot read a record of the outbox, which is left alone: delete it", "key", r.Key, "err", err)
	}
	if kind != kindDead {
		s.changed(number)
	}
}

// find returns the pending or done notice at a key, nil where there is none, and its
// revision.
func (in *shard) find(key string) (*pending, uint64) {
	p := in.pending[key]
	if p == nil {
		p = in.done[key]
	}
	if p == nil {
		return nil, 0
	}
	return p, p.revision
}

// setRecord sets or deletes a record. One that this release cannot read is not known.
func setRecord[T any](records map[string]*T, r bucket.Record, record *T) error {
	delete(records, r.Key)
	if r.Value == nil {
		return nil
	}
	err := decode(r, record)
	if err == nil {
		records[r.Key] = record
	}
	return err
}

// view calls f with all known records. It must not keep the maps.
func (s *state) view(f func(shards []shard, dead map[string]*retry)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.shards[:], s.dead)
}

// pending returns the pending or done notice at a key, nil where there is none, and its
// revision.
func (s *state) pending(key string) (*pending, uint64) {
	_, shard, _ := parseKey(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shards[shard].find(key)
}

// retry returns the retry or dead letter at a key, nil where there is none, and its
// revision.
func (s *state) retry(key string) (*retry, uint64) {
	kind, shard, _ := parseKey(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.shards[shard].retries[key]
	if kind == kindDead {
		r = s.dead[key]
	}
	if r == nil {
		return nil, 0
	}
	return r, r.revision
}

// hasRetry reports whether the target has a retry about the same as n.
func (s *state) hasRetry(shard int, n Notice, target string) bool {
	s.mu.Lock()
	any := len(s.shards[shard].retries) > 0
	s.mu.Unlock()
	if any { // else its key is not made in vain
		r, _ := s.retry(retryKey(shard, n, target))
		any = r != nil
	}
	return any
}

func (s *state) lease(shard int) lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shards[shard].lease
}

func (s *state) revision() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readTo
}
