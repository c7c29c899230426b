package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/ledger"
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
	After  string `json:"after,omitzero"` // the targets up to this key are told, or late
	Says   string `json:"says,omitzero"`  // what all targets have been told last
	Done   bool   `json:"done,omitzero"`
}

// late is a notice that one target is yet to be told.
type late struct {
	key      string
	stored   time.Time
	revision uint64

	Format   int       `json:"format"`
	Shard    int       `json:"shard"`
	Notice   Notice    `json:"notice"`
	Target   string    `json:"target"` // its key
	Name     string    `json:"name"`   // for people
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"` // when it was tried first
	Last     time.Time `json:"last"`
	Due      time.Time `json:"due"`            // not to be tried before
	Asked    time.Time `json:"asked,omitzero"` // before which the target asked not to be
	Reason   string    `json:"reason,omitzero"`
	Older    []Notice  `json:"older,omitzero"` // given up before, and owed again with it
}

// lease says which node works on a shard.
type lease struct {
	revision uint64
	seen     time.Time // by this node; with a monotonic clock

	Format int    `json:"format"`
	Node   string `json:"node"` // empty: none
}

// decode reads a record into v. It is false for one that a newer release wrote.
func decode(r ledger.Record, v any) (ours bool, err error) {
	theirs, err := ledger.Decode(r.Value, format, v)
	if err != nil {
		return false, fmt.Errorf("read the record %s: %w", r.Key, err)
	}
	return theirs <= format, nil
}
