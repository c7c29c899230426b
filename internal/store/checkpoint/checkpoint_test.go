package checkpoint_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/checkpoint"
	"github.com/prometheus/client_golang/prometheus"
)

// record is what a bucket holds of a key.
type record struct {
	sequence uint64
	deleted  bool
}

// node is one run of a node that reads a bucket.
type node struct {
	t      *testing.T
	points *checkpoint.Checkpoint
	bucket *checkpoint.Bucket
	logs   bytes.Buffer
	stop   func()
}

func start(t *testing.T, dir string, accept, forgets bool) *node {
	t.Helper()
	n := &node{t: t}
	var err error
	n.points, err = checkpoint.Open(checkpoint.Options{
		Dir: dir, Accept: accept, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(&n.logs, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	n.bucket = n.points.Bucket("things", forgets)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = n.points.Run(ctx)
	}()
	n.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(n.stop)
	return n
}

// read reads the whole bucket and reports whether it is as it must be.
func (n *node) read(bucket map[string]record) bool {
	n.bucket.Begin()
	for key, r := range bucket {
		n.bucket.Take(key, r.sequence, r.deleted)
	}
	return n.bucket.Whole()
}

func (n *node) fits(bucket map[string]record) {
	n.t.Helper()
	if !n.read(bucket) {
		n.t.Fatalf("it does not fit: %v", n.points.Damage())
	}
	if found := n.points.Damage(); found != nil {
		n.t.Errorf("damage: %v", found)
	}
}

func (n *node) lacks(bucket map[string]record, want string) {
	n.t.Helper()
	if n.read(bucket) {
		n.t.Fatalf("it fits, want %q", want)
	}
	if found := fmt.Sprint(n.points.Damage()); !strings.Contains(found, want) {
		n.t.Errorf("damage is %q, want %q", found, want)
	}
}

func bucketOf(n int) map[string]record {
	b := map[string]record{}
	for i := range n {
		b[fmt.Sprint(i)] = record{sequence: uint64(i + 1)}
	}
	return b
}

func TestMissingAndOlderRecordsAreDamage(t *testing.T) {
	t.Parallel()
	dir, full := t.TempDir(), bucketOf(10)
	n := start(t, dir, false, false)
	n.fits(full)
	n.bucket.Take("3", 11, false) // corrected
	n.bucket.Take("4", 12, true)  // deleted
	n.stop()

	now := bucketOf(10)
	now["3"] = record{sequence: 11}
	now["4"] = record{sequence: 12, deleted: true}
	n = start(t, dir, false, false)
	n.fits(now)
	n.stop()

	delete(now, "4") // the marker is forgotten
	n = start(t, dir, false, false)
	n.fits(now)
	n.stop()

	delete(now, "7")
	now["3"] = full["3"]
	n = start(t, dir, false, false)
	n.lacks(now, "of 9 records of the bucket things 1 are missing and 1 are back at an older state")
	n.stop()
	n = start(t, dir, false, false)
	n.lacks(now, "1 are missing and 1 are back")
	n.stop()

	n = start(t, dir, true, false)
	n.fits(now)
	n.stop()
	n = start(t, dir, false, false)
	n.fits(now)
	n.stop()
	delete(now, "1")
	n = start(t, dir, false, false)
	n.lacks(now, "of 8 records of the bucket things 1 are missing and 0 are back")
}

// What was not noted when the process died is no damage.
func TestNewerRecordsAreNoDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, dir, false, false)
	n.fits(bucketOf(10))
	n.stop()
	now := bucketOf(20)
	now["2"] = record{sequence: 30}
	now["5"] = record{sequence: 31, deleted: true}
	n = start(t, dir, false, false)
	n.fits(now)
}

func TestRecordsWrittenAgainEndDamage(t *testing.T) {
	t.Parallel()
	dir, full := t.TempDir(), bucketOf(10)
	n := start(t, dir, false, false)
	n.fits(full)
	n.stop()
	now := bucketOf(5)
	n = start(t, dir, false, false)
	n.lacks(now, "5 are missing")
	for i, key := range []string{"5", "6", "7"} { // the sequences begin after what is left
		n.bucket.Take(key, uint64(6+i), false)
		now[key] = record{sequence: uint64(6 + i)}
		if n.bucket.Whole() {
			t.Fatalf("whole with %s", key)
		}
	}
	n.stop()
	n = start(t, dir, false, false) // what was restored is remembered
	n.lacks(now, "of 10 records of the bucket things 2 are missing")
	n.bucket.Take("8", 9, false)
	n.bucket.Take("9", 10, false)
	if !n.bucket.Whole() || n.points.Damage() != nil {
		t.Errorf("everything is back, and yet: %v", n.points.Damage())
	}
}

// What is accepted is what the start found, and nothing that comes later.
func TestAcceptedDamageIsThatOfTheStartOnly(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), true, false)
	n.fits(bucketOf(10))
	n.lacks(bucketOf(2), "of 10 records of the bucket things 8 are missing")
}

// Whatever the power takes from the end of the journal, or leaves as zeros in it,
// raises no alarm.
func TestTornJournalIsNoDamage(t *testing.T) {
	t.Parallel()
	full := bucketOf(1000)
	dir := t.TempDir()
	n := start(t, dir, false, false)
	n.fits(full)
	n.stop()
	path := filepath.Join(dir, "things.log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		cut := bytes.Clone(whole[:20+rand.IntN(len(whole)-20)])
		from := 20 + rand.IntN(len(cut)-19)
		clear(cut[from:min(len(cut), from+rand.IntN(512))])
		if err := os.WriteFile(path, cut, 0o600); err != nil {
			t.Fatal(err)
		}
		n := start(t, dir, false, false)
		n.fits(full)
		n.stop()
		n = start(t, dir, false, false)
		n.lacks(bucketOf(999), "of 1000 records of the bucket things 1 are missing") // all of it was noted again
		n.stop()
	}
}

func TestJournalIsCompacted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, dir, false, false)
	n.fits(bucketOf(10))
	const rounds = 100_000
	for i := range rounds {
		n.bucket.Take("3", uint64(11+i), false)
	}
	n.stop()
	info, err := os.Stat(filepath.Join(dir, "things.log"))
	if err != nil || info.Size() > 20*rounds/2 {
		t.Errorf("journal: %v, %v", info.Size(), err)
	}
	now := bucketOf(10)
	n = start(t, dir, false, false)
	n.lacks(now, "1 are back at an older state")
	n.stop()
	now["3"] = record{sequence: 10 + rounds}
	n = start(t, dir, false, false)
	n.fits(now)
}

func TestStreamsThatEndEarlierAreDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	was := []checkpoint.Stream{{Name: "EVENTS", There: true, Last: 10}, {Name: "rejects", There: true}, {Name: "other"}}
	n := start(t, dir, false, false)
	if !n.points.Compare(was) {
		t.Fatal("the first start finds damage")
	}
	if err := n.points.Note(was); err != nil {
		t.Fatal(err)
	}
	n.stop()
	for _, c := range []struct {
		now  checkpoint.Stream
		want string
	}{
		{checkpoint.Stream{Name: "EVENTS", There: true, Last: 10}, ""},
		{checkpoint.Stream{Name: "EVENTS", There: true, Last: 12}, ""},
		{checkpoint.Stream{Name: "EVENTS", There: true, Last: 9}, "the stream EVENTS ends at message 9, and ended at 10 before"},
		{checkpoint.Stream{Name: "EVENTS"}, "the stream EVENTS, which held messages up to number 10, is missing"},
		{checkpoint.Stream{Name: "rejects"}, ""}, // it was empty
	} {
		n := start(t, dir, false, false)
		if fits := n.points.Compare([]checkpoint.Stream{c.now}); fits != (c.want == "") {
			t.Errorf("%+v fits: %t", c.now, fits)
		}
		if found := fmt.Sprint(n.points.Damage()); !strings.Contains(found, c.want) {
			t.Errorf("%+v: %s, want %s", c.now, found, c.want)
		}
		n.stop()
	}
	now := []checkpoint.Stream{{Name: "EVENTS", There: true, Last: 9}}
	n = start(t, dir, true, false)
	if !n.points.Compare(now) {
		t.Errorf("not accepted: %v", n.points.Damage())
	}
	if err := n.points.Note(now); err != nil {
		t.Fatal(err)
	}
	if found := n.points.Damage(); found != nil {
		t.Errorf("accepted, and yet: %v", found)
	}
	less := []checkpoint.Stream{{Name: "EVENTS", There: true, Last: 8}}
	if err := n.points.Note(less); err != nil || !strings.Contains(fmt.Sprint(n.points.Damage()), "ends at message 8, and ended at 9 before") {
		t.Errorf("%v, %v", n.points.Damage(), err)
	}
	n.stop()
	n = start(t, dir, false, false)
	if !n.points.Compare(now) {
		t.Errorf("what was accepted is not remembered: %v", n.points.Damage())
	}
}

// A disk that takes nothing costs the note and nothing else.
func TestUnwritableDirectoryIsLoggedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := start(t, dir, false, false)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	n.fits(bucketOf(3))
	n.stop()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if strings.Count(n.logs.String(), "cannot write the journal") != 1 {
		t.Errorf("log: %s", n.logs.String())
	}
}

// Without a directory what was read is remembered for as long as the process lives.
func TestWithoutDirectoryRecordsAreRememberedInMemory(t *testing.T) {
	t.Parallel()
	n := start(t, "", false, false)
	n.fits(bucketOf(10))
	n.bucket.Take("3", 11, true)
	now := bucketOf(10)
	delete(now, "3")
	n.fits(now)
	n.lacks(bucketOf(3), "of 9 records of the bucket things 6 are missing")
	n.fits(now)
}
