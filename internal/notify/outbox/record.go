package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// format is the number of the records written here; one of a newer number is
// left alone.
const format = 1

// shards is how many parts all lanes fall into. Each part is worked on by one
// node at a time, so there is work for so many nodes. It never changes: records
// name their shard.
const shards = 16

// shardOf is the shard of a lane.
func shardOf(lane string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(lane)) // never fails
	return int(h.Sum32() % shards)
}

// The kinds of records, which begin their keys.
const (
	kindOwed  = "owed"
	kindLate  = "late"
	kindDead  = "dead"
	kindLease = "lease"
)

// place is what a key says.
type place struct {
	kind  string
	shard int
}

func parseKey(key string) (place, bool) {
	kind, rest, _ := strings.Cut(key, ".")
	number, _, _ := strings.Cut(rest, ".")
	if kind == kindDead {
		return place{kind, 0}, true
	}
	shard, err := strconv.Atoi(number)
	return place{kind, shard}, err == nil && shard >= 0 && shard < shards
}

func owedKey(shard int, n Notice) string {
	return fmt.Sprintf("%s.%d.%s", kindOwed, shard, digest(n.Channel, n.About))
}

func lateKey(shard int, n Notice, target string) string {
	return fmt.Sprintf("%s.%d.%s", kindLate, shard, digest(n.Channel, n.About, target))
}

func leaseKey(shard int) string { return fmt.Sprintf("%s.%d", kindLease, shard) }

// digest is a short name for the parts, told apart whatever is in them.
func digest(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:12])
}

// owed is a notice that the targets of a shard are to be told, or, once it is
// done, what they were told last.
type owed struct {
	key      string
	revision uint64
	stored   time.Time

	Format int    `json:"format"`
	Notice Notice `json:"notice"`
	Told   []byte `json:"told,omitzero"` // a mark for each target that is told, or late
	Says   string `json:"says,omitzero"` // what all targets have been told last
	Done   bool   `json:"done,omitzero"`
}

// markSize is how many bytes of Told a target has.
const markSize = 8

// mark stands for a target in Told.
func mark(target string) [markSize]byte {
	sum := sha256.Sum256([]byte(target))
	return [markSize]byte(sum[:])
}

// late is a notice that one target is yet to be told.
//
// Clocks can be set, and those of nodes differ: the instants are for people, and what
// is to be done when follows from the durations, which are as of when the record was
// written. See [late.now].
type late struct {
	key      string
	stored   time.Time // by the server's clock
	revision uint64
	heard    time.Time     // by this node; with a monotonic clock
	age      time.Duration // of the record when it was heard

	Format   int       `json:"format"`
	Shard    int       `json:"shard"`
	Notice   Notice    `json:"notice"`
	Target   string    `json:"target"` // its key
	Name     string    `json:"name"`   // for people
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"` // when it was tried first
	Last     time.Time `json:"last"`
	Due      time.Time `json:"due"`
	Reason   string    `json:"reason,omitzero"`
	Older    []Notice  `json:"older,omitzero"` // given up before, and owed again with it

	Lasted span `json:"lasted,omitzero"` // since it was tried first
	Wait   span `json:"wait,omitzero"`   // until it is tried again
	Hold   span `json:"hold,omitzero"`   // before which not even news has it tried again
}

// span is a duration, in JSON a number of nanoseconds.
type span time.Duration

// now is l with its durations as of now. How old a record is that was read at a
// start only the wall clock says, and it is believed up to the time that was to be
// waited anyway.
func (l late) now() late {
	passed := span(l.age + time.Since(l.heard))
	l.Lasted, l.Wait, l.Hold = l.Lasted+passed, max(l.Wait-passed, 0), max(l.Hold-passed, 0)
	l.age, l.heard = 0, time.Now()
	return l
}

// left is how long it is until l is due.
func (l *late) left() time.Duration { return max(time.Duration(l.Wait)-l.age-time.Since(l.heard), 0) }

// begin has l tried at once, as if it never was.
func (l *late) begin() {
	l.Attempts, l.First, l.Reason, l.Lasted, l.Wait, l.Hold = 0, time.Time{}, "", 0, 0, 0
}

// hear notes when this node heard of l, and how old the record was then.
func (l *late) hear(now time.Time, live bool) {
	if l.Attempts > 0 && l.Lasted == 0 && l.Wait == 0 && l.Hold == 0 { // by a release that had instants only
		l.Lasted, l.Wait = span(max(l.Last.Sub(l.First), 0)), span(min(max(l.Due.Sub(l.stored), 0), maxDelay))
	}
	l.heard = time.Now()
	if !live {
		l.age = min(max(now.Sub(l.stored), 0), time.Duration(l.Wait))
	}
}

// lease says which node works on a shard.
type lease struct {
	revision uint64
	seen     time.Time // by this node; with a monotonic clock

	Format int    `json:"format"`
	Node   string `json:"node"` // empty: none
}

// decode reads a record into v. It is false for one that a newer release wrote.
func decode(r bucket.Record, v any) (ours bool, err error) {
	theirs, err := bucket.Decode(r.Value, format, v)
	if err != nil {
		return false, fmt.Errorf("read the record %s: %w", r.Key, err)
	}
	return theirs <= format, nil
}
