package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// dropping are receivers that drop what has an id they have seen. A feed has the
// document of one revision after the other, some of which are the same again; a
// receiver keeps the newest document, and which revisions it was sent.
type dropping struct {
	*world

	mu        sync.Mutex
	rng       *rand.Rand
	steady    bool     // every receiver accepts, and no node lags
	history   []string // the document of each revision
	bodies    map[string]string
	twice     []string                // what an id was used for a second time
	document  map[string]string       // by receiver
	revisions map[string]map[int]bool // revisions, by receiver
}

func newDropping(w *world, seed uint64) *dropping {
	return &dropping{
		world: w, rng: rand.New(rand.NewPCG(seed, 1)), history: []string{"A"},
		bodies: map[string]string{}, document: map[string]string{}, revisions: map[string]map[int]bool{},
	}
}

// change makes the next revision, and returns its notices: of the document, and of
// the revisions since the one before.
func (d *dropping) change() (document, update outbox.Notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var since []int
	for range 1 + d.rng.IntN(2) {
		d.history = append(d.history, string(rune('A'+d.rng.IntN(3))))
		since = append(since, len(d.history)-1)
	}
	document = notice("feed", len(d.history)-1)
	document.Channel, document.Data = "documents", nil
	update = notice("feed", len(d.history)-1)
	update.Channel = "updates"
	update.Data, _ = json.Marshal(since)
	return document, update
}

// takes has a receiver take a body, or not: the answer may be lost, too.
func (d *dropping) takes(to outbox.Target, id, body string, process func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	chance := d.rng.IntN(10)
	if !d.steady && chance < 3 {
		return errRefused
	}
	before, seen := d.bodies[to.Key+" "+id]
	if seen && before != body {
		d.twice = append(d.twice, fmt.Sprintf("%s: %s is %s and then %s", to.Key, id, before, body))
	}
	if !seen {
		d.bodies[to.Key+" "+id] = body
		process()
	}
	if !d.steady && chance < 6 {
		return errors.New("the answer is lost")
	}
	return nil
}

// documents sends the document of now, which a node that lags knows later. An id is
// of a notice and a document.
type documents struct{ *dropping }

// Merge implements [outbox.Channel].
func (d documents) Merge(_, n outbox.Notice) outbox.Notice { return n }

// Pack implements [outbox.Channel].
func (d documents) Pack(_ context.Context, n outbox.Notice) (outbox.Payload, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := len(d.history) - 1
	if least := int(n.Order.Revision); !d.steady {
		known = least + d.rng.IntN(len(d.history)-least)
	}
	return sheet{d, n, d.history[known]}, nil
}

type sheet struct {
	d    documents
	n    outbox.Notice
	body string
}

// Version implements [outbox.Payload].
func (s sheet) Version() string { return s.body }

// Send implements [outbox.Payload].
func (s sheet) Send(_ context.Context, to outbox.Target) error {
	return s.d.takes(to, s.n.DeliveryID()+"-"+s.body, s.body, func() { s.d.document[to.Key] = s.body })
}

// updates sends what changed, under the id of the notice.
type updates struct{ *dropping }

// Merge implements [outbox.Channel].
func (u updates) Merge(old, n outbox.Notice) outbox.Notice {
	all := append(revisions(old), revisions(n)...)
	slices.Sort(all)
	n.Data, _ = json.Marshal(slices.Compact(all))
	return n
}

func revisions(n outbox.Notice) (all []int) {
	_ = json.Unmarshal(n.Data, &all) // a test made it
	return all
}

// Pack implements [outbox.Channel].
func (u updates) Pack(_ context.Context, n outbox.Notice) (outbox.Payload, error) {
	return update{u, n}, nil
}

type update struct {
	u updates
	n outbox.Notice
}

// Version implements [outbox.Payload].
func (l update) Version() string { return l.n.DeliveryID() }

// Send implements [outbox.Payload].
func (l update) Send(_ context.Context, to outbox.Target) error {
	return l.u.takes(to, l.n.DeliveryID(), string(l.n.Data), func() {
		if l.u.revisions[to.Key] == nil {
			l.u.revisions[to.Key] = map[int]bool{}
		}
		for _, revision := range revisions(l.n) {
			l.u.revisions[to.Key][revision] = true
		}
	})
}

// TestATargetThatDropsSeenIDsMissesNothing changes a feed while receivers fail,
// answers are lost, nodes are killed, and dead letters are retried.
func TestATargetThatDropsSeenIDsMissesNothing(t *testing.T) {
	t.Parallel()
	histories := 12
	if os.Getenv("GALLERYWIRE_LONG_TESTS") != "" {
		histories = 1000
	}
	for seed := range histories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			const receivers = 5
			w := newWorld(t, receivers)
			d := newDropping(w, uint64(seed))
			rng := rand.New(rand.NewPCG(uint64(seed), 2))
			start := func() *node {
				return w.node(func(o *outbox.Options) {
					o.Alone, o.Attempts, o.FirstRetry = true, 3, 2*time.Millisecond
					o.Channels = map[string]outbox.Channel{"documents": documents{d}, "updates": updates{d}}
				}).run()
			}
			n := start()
			for range 60 {
				switch step := rng.IntN(12); {
				case step < 6:
					document, update := d.change()
					n.put(document)
					n.put(update)
				case step < 9:
					n.retryAll()
				case step == 9:
					n.kill()
					n = start()
				default:
					wait := time.NewTimer(time.Duration(rng.IntN(20)) * time.Millisecond)
					<-wait.C
				}
			}
			document, update := d.change()
			n.put(document)
			n.put(update)
			d.mu.Lock()
			d.steady = true
			d.mu.Unlock()
			eventually(t, "nothing is pending, nothing a dead letter", func() bool {
				n.retryAll()
				left := n.Pending()
				return left["documents"]+left["updates"] == 0 && len(n.DeadLetters()) == 0
			})
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, what := range d.twice {
				t.Error(what)
			}
			newest := len(d.history) - 1
			for _, to := range w.targets {
				if got := d.document[to.Key]; got != d.history[newest] {
					t.Errorf("%s ends with %q, want %q, the last of %q", to.Key, got, d.history[newest], d.history)
				}
				if got := len(d.revisions[to.Key]); got != newest {
					t.Errorf("%s has %d of %d revisions: %v", to.Key, got, newest, slices.Sorted(maps.Keys(d.revisions[to.Key])))
				}
			}
		})
	}
}

// retryAll retries all dead letters. One that cannot be retried now is retried the next time.
func (n *node) retryAll() {
	for _, dead := range n.DeadLetters() {
		_ = n.Retry(n.w.t.Context(), dead.Key)
	}
}

// A dead letter is retried while its retry has not been removed yet.
func TestRetryWhileANoticeBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.answers(0, refuse)
	var n *node
	retry := sync.OnceValue(func() error {
		w.answers(0, nil)
		return n.Retry(t.Context(), n.DeadLetters()[0].Key)
	})
	n = w.node(func(o *outbox.Options) {
		o.Attempts = 1
		o.Failed = func(context.Context, outbox.DeadLetter) error { return retry() }
	}).run()
	n.put(notice("all", 1))
	eventually(t, "nothing is pending", func() bool { return w.attempts(0) > 0 && n.Pending()["test"] == 0 })
	if w.count("all-1") != 1 || len(n.DeadLetters()) != 0 {
		t.Errorf("sent %d times, %d dead letters", w.count("all-1"), len(n.DeadLetters()))
	}
}
