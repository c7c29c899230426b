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

// stored is what the bucket says of a record.
type stored struct {
	key      string
	revision uint64
	at       time.Time // by the server's clock
}

// pending is a notice that is to be sent to its targets in a shard. Once that is done, it
// says which was sent last.
type pending struct {
	stored `json:"-"`

	Format  int    `json:"format"`
	Notice  Notice `json:"notice"`
	Settled []byte `json:"told,omitzero"` // a mark for each target that has it, or a retry
	Done    bool   `json:"done,omitzero"`
}

// markSize is how many bytes of Settled a target has.
const markSize = 8

// mark stands for a target in Settled.
func mark(target string) [markSize]byte {
	sum := sha256.Sum256([]byte(target))
	return [markSize]byte(sum[:])
}

// retry is a notice that is still to be sent to one target. A dead letter is one that
// is not retried any more.
//
// Clocks can be set, and those of nodes differ: the instants are for people, and when
// the next attempt is due follows from the durations, which are as of when the record
// was written. See [retry.now].
type retry struct {
	stored `json:"-"`

	read time.Time     // by this node, with a monotonic clock
	age  time.Duration // of the record when it was read

	Format   int       `json:"format"`
	Shard    int       `json:"shard"`
	Notice   Notice    `json:"notice"`
	Target   string    `json:"target"` // its key
	Name     string    `json:"name"`   // for people
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"` // attempt
	Last     time.Time `json:"last"`
	Due      time.Time `json:"due"`
	Reason   string    `json:"reason,omitzero"`
	Older    []Notice  `json:"older,omitzero"` // retried dead letters, merged when it is sent

	Lasted   span `json:"lasted,omitzero"`   // since the first attempt, less Extended
	Extended span `json:"extended,omitzero"` // by this the notices that joined have put the end off
	Wait     span `json:"wait,omitzero"`     // until the next attempt
	Hold     span `json:"hold,omitzero"`     // until a newer notice may bring that forward
}

// receiver is a target of a channel.
type receiver struct{ channel, target string }

func (r *retry) receiver() receiver { return receiver{r.Notice.Channel, r.Target} }

// size is about how many bytes of notices r has.
func (r *retry) size() int {
	n := len(r.Notice.About) + len(r.Notice.Data)
	for _, older := range r.Older {
		n += len(older.About) + len(older.Data)
	}
	return n
}

// span is a duration, in JSON a number of nanoseconds.
type span time.Duration

// noteRead notes when this node read r, and how old the record was then. While the node
// follows the bucket, records are new. Of one that was read at a start only the wall clock
// says how old it is: that is believed up to what was to be waited anyway.
func (r *retry) noteRead(now time.Time, following bool) {
	r.read = time.Now()
	if !following {
		r.age = min(max(now.Sub(r.at), 0), time.Duration(r.Wait))
	}
}

// now is r with its durations as of now.
func (r retry) now() retry {
	passed := span(r.age + time.Since(r.read))
	r.Lasted, r.Wait, r.Hold = r.Lasted+passed, max(r.Wait-passed, 0), max(r.Hold-passed, 0)
	r.age, r.read = 0, time.Now()
	return r
}

// left is how long it is until r is due.
func (r *retry) left() time.Duration { return max(time.Duration(r.Wait)-r.age-time.Since(r.read), 0) }

// restart makes the next attempt the first one, due now.
func (r *retry) restart() {
	r.Attempts, r.First, r.Reason = 0, time.Time{}, ""
	r.Lasted, r.Extended, r.Wait, r.Hold = 0, 0, 0, 0
}

// extend leaves a notice that joins r half of giveUpAfter. All notices together put the end
// of r off by giveUpAfter at most, so that a dead target becomes a dead letter by twice that,
// however many join.
func (r *retry) extend(giveUpAfter time.Duration) {
	by := min(r.Lasted-span(giveUpAfter/2), span(giveUpAfter)-r.Extended)
	if by > 0 {
		r.Lasted, r.Extended = r.Lasted-by, r.Extended+by
	}
}

// lease says which node works on a shard.
type lease struct {
	revision uint64
	seen     time.Time // by this node, with a monotonic clock

	Format int    `json:"format"`
	Node   string `json:"node"` // empty: none
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
