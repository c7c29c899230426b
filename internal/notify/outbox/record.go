package outbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// ErrNewerFormat means that a newer release wrote a record, which this one does not
// replace.
var ErrNewerFormat = errors.New("the record was written by a newer release")

// errDamaged means that no release can read a record, which is not replaced.
var errDamaged = errors.New("the record is damaged")

// leftAlone reports whether err is that of a record which this release does not replace.
func leftAlone(err error) bool { return errors.Is(err, ErrNewerFormat) || errors.Is(err, errDamaged) }

// shards is how many parts all endpoints fall into. It never changes: records name
// their shard.
const shards = 16

// shardOf is the shard of an endpoint.
func shardOf(endpoint string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(endpoint)) // never fails
	return int(h.Sum32() % shards)
}

// The kinds of records, with which their keys begin. They are older than the names in
// this package.
const (
	kindPending = "owed"
	kindRetry   = "late"
	kindDead    = "dead"
	kindLease   = "lease"
)

// parseKey returns the kind of a key, and its shard, which dead letters have none of.
func parseKey(key string) (kind string, shard int, ok bool) {
	kind, rest, _ := strings.Cut(key, ".")
	if kind == kindDead {
		return kind, 0, true
	}
	number, _, _ := strings.Cut(rest, ".")
	shard, err := strconv.Atoi(number)
	return kind, shard, err == nil && shard >= 0 && shard < shards
}

func pendingKey(shard int, n Notice) string {
	return fmt.Sprintf("%s.%d.%s", kindPending, shard, shortHash(n.Channel, n.About))
}

func retryKey(shard int, n Notice, target string) string {
	return fmt.Sprintf("%s.%d.%s", kindRetry, shard, shortHash(n.Channel, n.About, target))
}

func leaseKey(shard int) string { return fmt.Sprintf("%s.%d", kindLease, shard) }

// shortHash returns a short hash of the parts; different parts have different hashes.
func shortHash(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:12])
}

// record is a notice that is stored. A pending notice is to be sent to all its targets in a
// shard; once that is done, its record says which was sent last. A retry is still to be sent
// to one target. A dead letter is one that is not retried any more.
//
// Clocks can be set, and those of nodes differ: the instants are for people, and when
// the next attempt is due follows from the durations, which are as of when the record
// was written. See [record.now].
type record struct {
	key      string
	revision uint64
	stored   time.Time // by the server's clock
	written  time.Time // as far as this node knows, with a monotonic clock

	Format int    `json:"format"`
	Notice Notice `json:"notice"`

	// Of a pending notice.
	Settled []byte `json:"told,omitzero"` // a mark for each target that has it, or a retry
	Done    bool   `json:"done,omitzero"`

	// Of a retry, and of a dead letter.
	Shard    int       `json:"shard,omitzero"`
	Target   string    `json:"target,omitzero"` // its key
	Name     string    `json:"name,omitzero"`   // for people
	Attempts int       `json:"attempts,omitzero"`
	First    time.Time `json:"first,omitzero"` // attempt
	Last     time.Time `json:"last,omitzero"`
	Due      time.Time `json:"due,omitzero"`
	Reason   string    `json:"reason,omitzero"`
	Older    []Notice  `json:"older,omitzero"` // retried dead letters, merged when it is sent

	Lasted   span `json:"lasted,omitzero"`   // since the first attempt, less Extended
	Extended span `json:"extended,omitzero"` // by this the notices that joined have put the end off
	Wait     span `json:"wait,omitzero"`     // until the next attempt
	Hold     span `json:"hold,omitzero"`     // until a newer notice may bring that forward
}

// span is a duration, in JSON a number of nanoseconds.
type span time.Duration

// markSize is how many bytes of Settled a target has.
const markSize = 8

// mark stands for a target in Settled.
func mark(target string) [markSize]byte {
	sum := sha256.Sum256([]byte(target))
	return [markSize]byte(sum[:])
}

// receiver is a target of a channel.
type receiver struct{ channel, target string }

func (r *record) receiver() receiver { return receiver{r.Notice.Channel, r.Target} }

// rev is the revision of r, 0 where there is no record.
func (r *record) rev() uint64 {
	if r == nil {
		return 0
	}
	return r.revision
}

// size is about how many bytes of notices r has.
func (r *record) size() int {
	n := len(r.Notice.About) + len(r.Notice.Data)
	for _, older := range r.Older {
		n += len(older.About) + len(older.Data)
	}
	return n
}

// backdate has r be as old as the wall clock says, up to what was to be waited anyway.
func (r *record) backdate(now time.Time) {
	r.written = r.written.Add(-min(max(now.Sub(r.stored), 0), time.Duration(r.Wait)))
}

// now is r with its durations as of now.
func (r record) now() record {
	passed := span(time.Since(r.written))
	r.Lasted, r.Wait, r.Hold = r.Lasted+passed, max(r.Wait-passed, 0), max(r.Hold-passed, 0)
	r.written = time.Now()
	return r
}

// left is how long it is until r is due.
func (r *record) left() time.Duration { return max(time.Duration(r.Wait)-time.Since(r.written), 0) }

// restart makes the next attempt the first one, due now.
func (r *record) restart() {
	r.Attempts, r.First, r.Reason = 0, time.Time{}, ""
	r.Lasted, r.Extended, r.Wait, r.Hold = 0, 0, 0, 0
}

// extend leaves a notice that joins r half of giveUpAfter. All notices together put the end
// of r off by giveUpAfter at most, so that a dead target becomes a dead letter by twice that,
// however many join.
func (r *record) extend(giveUpAfter time.Duration) {
	by := min(r.Lasted-span(giveUpAfter/2), span(giveUpAfter)-r.Extended)
	if by > 0 {
		r.Lasted, r.Extended = r.Lasted-by, r.Extended+by
	}
}

// decode reads a record into v. The error is one of those that [leftAlone] knows.
func decode(r bucket.Record, v any) error {
	theirs, err := r.Decode(format, v)
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	if theirs > format {
		return ErrNewerFormat
	}
	return nil
}
