package edition_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

func TestTwoNodesServeTheSame(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	on := func(o *options) { o.server = server }
	one, other := startNode(t, on), startNode(t, on)
	one.Publish(photo("a"), photo("b"))
	other.Publish(photo("c"), revised("a"))
	one.TakeDown("b")
	one.Settle()
	other.Settle()
	e, f := one.current("all"), other.current("all")
	if diff := cmp.Diff(etags(e), etags(f)); diff != "" {
		t.Errorf("entity tags (-one +other):\n%s", diff)
	}
	for i := range e.Documents {
		if diff := cmp.Diff(string(e.Documents[i].Bytes()), string(f.Documents[i].Bytes())); diff != "" {
			t.Errorf("bytes (-one +other):\n%s", diff)
		}
	}
	if !e.Touched.Equal(f.Touched) || !e.Epoch.Equal(f.Epoch) {
		t.Errorf("touched %v and %v, of %v and %v", e.Touched, f.Touched, e.Epoch, f.Epoch)
	}
	again := startNode(t, on)
	if g := again.current("all"); !cmp.Equal(etags(g), etags(e)) || !g.Touched.Equal(e.Touched) {
		t.Error("a node that starts later serves something else")
	}
}

func TestNoNowInDocuments(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	early := startNode(t, func(o *options) { o.server = server })
	early.Publish(photo("a"), photo("b"))
	late := startNode(t, func(o *options) { o.server, o.now = server, noon.Add(1000*time.Hour) })
	if diff := cmp.Diff(etags(early.current("all")), etags(late.current("all"))); diff != "" {
		t.Errorf("entity tags (-at noon +weeks later):\n%s", diff)
	}
}

// Any order and repetition of the same events ends in the same feed.
func TestAnyOrderOfEventsEndsInTheSameBytes(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	events := []catalogue.Revision{
		storetest.Publication(t, photo("a")),
		storetest.Publication(t, revised("a")),
		storetest.Publication(t, revised("a", func(g *gallery.Gallery) { g.Title = "A clash of versions" })),
		storetest.TakeDown("b", noon),
		storetest.Publication(t, photo("b")),
	}
	var want []string
	for i, order := range permutations(len(events)) {
		if i%4 != 0 {
			continue // a quarter of them, each number at each place
		}
		got := ending(t, server, fmt.Sprint("order", i), events, order)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("order %v (-first +this):\n%s", order, diff)
		}
	}
}

// ending is what the feed's documents are after the events came in that order,
// the first of them once more at the end.
func ending(t *testing.T, server *brokertest.External, bucket string, events []catalogue.Revision, order []int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), storetest.WaitLimit)
	defer cancel()
	n := startNode(t, func(o *options) { o.server, o.bucket = server, bucket })
	for _, i := range append(order, order[0]) {
		if _, err := n.Put(ctx, events[i]); err != nil {
			t.Fatal(err)
		}
	}
	n.Settle()
	var documents []string
	for _, doc := range n.current("all").Documents {
		documents = append(documents, doc.ETag, string(doc.Bytes()))
	}
	return documents
}

// permutations returns every order of the numbers below n.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			longer := append(append(append(make([]int, 0, n), p[:i]...), n-1), p[i:]...)
			all = append(all, longer)
		}
	}
	return all
}
