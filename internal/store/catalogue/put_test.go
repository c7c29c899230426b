package catalogue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func TestPutOutcomes(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	first := revision(t, "harbour", noon)
	corrected := revision(t, "harbour", noon.Add(time.Hour))
	down := takeDown("harbour", noon.Add(2*time.Hour))
	steps := []struct {
		name string
		r    catalogue.Revision
		want catalogue.Outcome
	}{
		{"new", corrected, catalogue.Stored},
		{"again", corrected, catalogue.Unchanged},
		{"late", first, catalogue.Superseded},
		{"taken down", down, catalogue.Stored},
		{"taken down again", down, catalogue.Unchanged},
		{"late after the take-down", corrected, catalogue.Superseded},
		{"back", revision(t, "harbour", noon.Add(3*time.Hour)), catalogue.Stored},
		{"late take-down", down, catalogue.Superseded},
	}
	nodes := map[string]*catalogue.Catalogue{"with an index": start(t, b), "without": catalogue.New(options(b))}
	for name, c := range nodes {
		t.Run(name, func(t *testing.T) {
			if err := stream(t, b).Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, step := range steps {
				if got, err := c.Put(t.Context(), step.r); got != step.want || err != nil {
					t.Errorf("%s: got %q, %v, want %q", step.name, got, err, step.want)
				}
			}
		})
	}
}

func TestRecordHoldsTheEventAsReceived(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := catalogue.New(options(b))
	r := revision(t, "harbour", noon)
	r.Body = []byte(" {\"id\" : \"harbour\",\n\"unknown\": 1}")
	if _, err := c.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	msg := record(t, b, "harbour")
	if got := string(msg.Data); got != string(r.Body) {
		t.Errorf("body %q, want %q", got, r.Body)
	}
	if got := msg.Header.Get("Gallerywire-Event"); got != string(r.Event) {
		t.Errorf("event %q, want %q", got, r.Event)
	}
	if got := msg.Header.Get("Gallerywire-Format"); got != "1" {
		t.Errorf("format %q", got)
	}
}

// Two nodes and many writers put revisions of the same galleries in random
// order: the highest rank is there in the end, and both indexes are the bucket.
func TestHighestRankWinsAmongManyWriters(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	nodes := []*catalogue.Catalogue{start(t, b), start(t, b)}
	const writers, galleries, each = 8, 6, 40
	highest := map[string]gallery.Rank{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for range each {
				id := fmt.Sprintf("gallery-%d", random.IntN(galleries))
				r := revision(t, id, noon.Add(time.Duration(random.IntN(500))*time.Second), section(fmt.Sprint(w)))
				if random.IntN(4) == 0 {
					r = takeDown(id, r.Rank.Updated)
				}
				mu.Lock()
				if r.Rank.Compare(highest[id]) > 0 {
					highest[id] = r.Rank
				}
				mu.Unlock()
				persist(t, nodes[random.IntN(2)], r)
			}
		})
	}
	wg.Wait()
	fresh := start(t, b)
	for i, c := range append(nodes, fresh) {
		if err := c.Wait(t.Context(), fresh.Index().Revision()); err != nil {
			t.Fatal(err)
		}
		for id, want := range highest {
			if diff := cmp.Diff(want, c.Index().Find(id).Rank); diff != "" {
				t.Errorf("node %d, %s: (-want +got)\n%s", i, id, diff)
			}
			if got, want := c.Index().Find(id).Revision, record(t, b, id).Sequence; got != want {
				t.Errorf("node %d, %s: revision %d, the bucket has %d", i, id, got, want)
			}
		}
	}
}

// persist puts until r is no longer in doubt, as intake does.
func persist(t *testing.T, c *catalogue.Catalogue, r catalogue.Revision) {
	for range 100 {
		if _, err := c.Put(t.Context(), r); err == nil {
			return
		}
	}
	t.Errorf("put %s: gave up", r.ID)
}

// Every order of the same events, one coming twice, ends in the same record and the
// same view. The index's tests have more of them.
func TestEveryOrderEndsInTheSameRecord(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	equal := noon.Add(time.Hour)
	set := []catalogue.Revision{
		revision(t, "a", noon), revision(t, "a", equal, section("Sport")), takeDown("a", equal), revision(t, "a", equal.Add(1)),
	}
	n, want := 0, ""
	for order := range permutations(len(set)) {
		n++
		got := outcomeOf(t, b, fmt.Sprintf("order%d", n), set, order)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("order %v ends in\n%s\nwant\n%s", order, got, want)
		}
	}
}

// outcomeOf puts set in that order, each twice, into a bucket of its own and
// describes the record then.
func outcomeOf(t *testing.T, b *broker.Broker, name string, set []catalogue.Revision, order []int) string {
	t.Helper()
	c := catalogue.New(options(b, func(o *catalogue.Options) {
		o.Bucket.Bucket = b.Name(name)
		o.Bucket.Open = func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, name) }
	}))
	stop := storetest.Run(t, c.Run)
	defer stop()
	awaitReady(t, c)
	for _, i := range append(order, order[0]) {
		if _, err := c.Put(t.Context(), set[i]); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Bucket(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context(), s.CachedInfo().State.LastSeq); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range c.Index().Select(index.Match{}, index.ByPublished).View(10, time.Now()).Entries {
		fmt.Fprintln(&out, "shown:", e.ID, e.Rank, e.Published())
	}
	for _, key := range []string{"a", "b"} {
		if msg, err := s.GetLastMsgForSubject(t.Context(), "$KV."+b.Name(name)+"."+key); err == nil {
			fmt.Fprintln(&out, key, string(msg.Data), withoutHistory(t, msg.Header))
		}
	}
	return out.String()
}

// withoutHistory is the index's part of a record but for what it left.
func withoutHistory(t *testing.T, h nats.Header) string {
	t.Helper()
	line := map[string]any{}
	if err := json.Unmarshal([]byte(h.Get("Gallerywire-Index")), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, "left")
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// permutations yields every order of n things.
func permutations(n int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		var extend func(order []int, used int) bool
		extend = func(order []int, used int) bool {
			if len(order) == n {
				return yield(append([]int(nil), order...))
			}
			for i := range n {
				if used&(1<<i) == 0 && !extend(append(order, i), used|1<<i) {
					return false
				}
			}
			return true
		}
		extend(nil, 0)
	}
}

// The release before reads no record of a gallery that not everybody may see, nor of its
// take-down, which it would tell everybody of.
func TestRestrictedGalleriesHaveAFormatOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := catalogue.New(options(b))
	formatOf := func(r catalogue.Revision) string {
		t.Helper()
		if _, err := c.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return record(t, b, r.ID).Header.Get("Gallerywire-Format")
	}
	open, restricted := revision(t, "open", noon), revision(t, "restricted", noon)
	restricted.Gallery.Rights.Allow = []string{"msn"}
	later := noon.Add(time.Hour)
	got := []string{formatOf(open), formatOf(takeDown("open", later)), formatOf(restricted), formatOf(takeDown("restricted", later))}
	if want := []string{"1", "1", "2", "2"}; !cmp.Equal(got, want) {
		t.Errorf("formats %v, want %v", got, want)
	}
}

func TestRecordOfANewerFormatIsNeitherShownNorReplaced(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := start(t, b)
	all := c.Index().Select(index.Match{}, index.ByPublished)
	put(t, c, revision(t, "harbour", noon))
	before := all.View(10, time.Now())
	sequence := publish(t, b, "harbour", nats.Header{"Gallerywire-Format": {"3"}, "Gallerywire-Index": {"something else"}})
	for name, node := range map[string]*catalogue.Catalogue{"running": c, "restarted": start(t, b), "without an index": catalogue.New(options(b))} {
		if _, err := node.Put(t.Context(), revision(t, "harbour", noon.Add(time.Hour))); !errors.Is(err, catalogue.ErrNewerFormat) {
			t.Errorf("%s: error %v, want %v", name, err, catalogue.ErrNewerFormat)
		}
	}
	if got := record(t, b, "harbour").Sequence; got != sequence {
		t.Errorf("the record was replaced by %d", got)
	}
	if err := c.Wait(t.Context(), sequence); err != nil {
		t.Fatal(err)
	}
	after := all.View(10, time.Now())
	if len(after.Entries) != 0 || !after.Touched.After(before.Touched) {
		t.Errorf("shows %v, touched %s, before %s", ids(after), after.Touched, before.Touched)
	}
}

// publish writes a record by hand and returns its sequence.
func publish(t *testing.T, b *broker.Broker, key string, h nats.Header) uint64 {
	t.Helper()
	ack, err := b.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: subject(b, key), Header: h, Data: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func TestUnreadableRecordIsReplaced(t *testing.T) {
	t.Parallel()
	good := `{"id":"harbour","u":1,"h":"00000000000000000000000000000000"}`
	cases := map[string]nats.Header{
		"deleted":                {"KV-Operation": {"DEL"}},
		"purged":                 {"KV-Operation": {"PURGE"}},
		"put by hand":            nil,
		"no index line":          {"Gallerywire-Format": {"1"}},
		"index line is broken":   {"Gallerywire-Format": {"1"}, "Gallerywire-Index": {"{"}},
		"hash is no hexadecimal": {"Gallerywire-Format": {"1"}, "Gallerywire-Index": {`{"id":"harbour","u":1,"h":"no"}`}},
		"hash is missing":        {"Gallerywire-Format": {"1"}, "Gallerywire-Index": {`{"id":"harbour","u":1}`}},
		"of another gallery":     {"Gallerywire-Format": {"1"}, "Gallerywire-Index": {strings.Replace(good, "harbour", "other", 1)}},
		"format is no number":    {"Gallerywire-Format": {"one"}, "Gallerywire-Index": {good}},
	}
	for name, header := range cases {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			c := start(t, b)
			all, sport := c.Index().Select(index.Match{}, index.ByPublished), c.Index().Select(index.Match{Sections: []string{"Sport"}}, index.ByPublished)
			put(t, c, revision(t, "harbour", noon, section("Travel")))
			put(t, c, revision(t, "stadium", noon, section("Sport")))
			sequence := publish(t, b, "harbour", header)
			if err := c.Wait(t.Context(), sequence); err != nil {
				t.Fatal(err)
			}
			if got := ids(all.View(10, time.Now())); !cmp.Equal(got, []string{"stadium"}) {
				t.Errorf("shows %v", got)
			}
			if c.Index().Find("harbour") != nil || c.Index().Len() != 1 {
				t.Errorf("still known: %v, %d", c.Index().Find("harbour"), c.Index().Len())
			}
			sameTouch(t, b, all, sport)
			put(t, c, revision(t, "harbour", noon.Add(-time.Hour)))
			if got := ids(all.View(10, time.Now())); !cmp.Equal(got, []string{"stadium", "harbour"}) {
				t.Errorf("after it was published again: shows %v", got)
			}
			sameTouch(t, b, all, sport)
		})
	}
}

func TestStandingIsTheStoredRevision(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := catalogue.New(options(b))
	if r, err := c.Standing(t.Context(), "harbour"); err != nil || r.ID != "" {
		t.Errorf("of nothing stands %+v, %v", r, err)
	}
	first, down := revision(t, "harbour", noon), takeDown("harbour", noon.Add(time.Hour))
	first.Event, down.Event = []byte(`{"id":"1"}`), []byte(`{"id":"2"}`)
	for _, r := range []catalogue.Revision{first, down, first} {
		if _, err := c.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Standing(t.Context(), "harbour")
	if err != nil || r.ID != "harbour" || r.Rank != down.Rank || string(r.Event) != `{"id":"2"}` {
		t.Errorf("there stands %+v, %v", r, err)
	}
}
