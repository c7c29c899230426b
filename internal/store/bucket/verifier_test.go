package bucket_test

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// expects misses records that must be there.
type expects struct {
	*diary
	missing map[string]bool
}

func (e *expects) Begin() { e.note("verify") }

func (e *expects) Take(subject string, sequence uint64, deleted bool) {
	e.note("%s %d %t", subject, sequence, deleted)
	delete(e.missing, subject)
}

func (e *expects) Whole() bool { return len(e.missing) == 0 }

// The reader hears that its reading is whole only when nothing is missing, and has
// what was written until then.
func TestNotReadyWhileTheVerifierMissesRecords(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	makeBucket(t, b)
	put(t, b, "a", "one")
	put(t, b, "b", "two")
	things := "$KV." + b.Name("things") + "."
	d := follow(t, b, func(d *diary, o *bucket.Options) {
		o.Verifier = &expects{d, map[string]bool{things + "a": true, things + "c": true, things + "d": true}}
	})
	want := []string{"verify", "begin 2", things + "a 1 false", "1 one", things + "b 2 false", "2 two"}
	d.says(want...)
	put(t, b, "c", "three")
	want = append(want, things+"c 3 false", "3 three")
	d.says(want...)
	put(t, b, "d", "four")
	d.says(append(want, things+"d 4 false", "4 four", "whole 4")...)
}
