package edition_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// readers is how many readers ask for the same at once.
const readers = 300

// A feed that many readers ask for together is read and rendered once for all of them,
// also when the reader who asked first goes away.
func TestManyReadersAreServedByOneRendering(t *testing.T) {
	t.Parallel()
	for _, ref := range []edition.Ref{
		{Kind: edition.Feed, Name: "all"}, {Kind: edition.Section, Name: "travel"}, {Kind: edition.Tag, Name: "night"}, {Kind: edition.Author, Name: "somebody"},
		{Kind: edition.Feed, Name: "all", Page: "newest"}, {Kind: edition.Tag, Name: "night", Page: "newest"}, {Kind: edition.Gallery, Name: "large"},
	} {
		t.Run(ref.String()+ref.Page, func(t *testing.T) {
			release, reached := make(chan struct{}), make(chan struct{}, 10)
			n := startNode(t, func(o *options) {
				o.onLoad = func(*gallery.Gallery) {
					reached <- struct{}{}
					<-release
				}
			})
			n.Publish(photo("large", section("Travel"), tags("night"), author("Somebody"), func(g *gallery.Gallery) {
				for i := range 900 {
					g.Slides = append(g.Slides, picture("large", i+3))
				}
			}))
			first, leave := context.WithCancel(t.Context())
			var asking sync.WaitGroup
			asking.Go(func() { _, _ = n.editions.Edition(first, ref) })
			<-reached
			leave()
			var asked, served atomic.Int64
			editions := make([]*edition.Edition, readers)
			for i := range readers {
				asking.Go(func() {
					asked.Add(1)
					e, err := n.editions.Edition(t.Context(), ref)
					if err != nil {
						t.Error(err)
						return
					}
					served.Add(1)
					editions[i] = e
				})
			}
			storetest.Eventually(t, "all have asked", func() bool { return asked.Load() == readers })
			close(release)
			asking.Wait()
			if n.loads.Load() != 1 || served.Load() != readers {
				t.Errorf("read %d times, %d of %d are served", n.loads.Load(), served.Load(), readers)
			}
			for _, e := range editions {
				if e != editions[0] {
					t.Fatal("not all got the same edition")
				}
			}
		})
	}
}

func TestManyReadersShareOneDelta(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	before := n.current("all")
	n.Publish(photo("c"))
	e := n.current("all")
	deltas := make([]*feed.Document, readers)
	var asking sync.WaitGroup
	for i := range readers {
		asking.Go(func() { deltas[i], _ = e.Since(has(before, feed.RSS), feed.RSS) })
	}
	asking.Wait()
	for _, d := range deltas {
		if d == nil || d != deltas[0] {
			t.Fatal("not all got the same difference")
		}
	}
	if other, ok := e.Since(has(before, feed.JSON), feed.JSON); !ok || other.Format != feed.JSON {
		t.Error("another format has none of its own")
	}
}

// All that a set keeps, of whatever kind, is on one budget, and so is what is
// made of it when it is asked for.
func TestEverythingIsOnOneBudget(t *testing.T) {
	const most = 600 << 10
	n := startNode(t, func(o *options) { o.cache = most })
	var galleries []*gallery.Gallery
	for i := range 40 {
		galleries = append(galleries, photo(fmt.Sprint("g", i), section("Travel"), tags(fmt.Sprint("tag ", i)), author(fmt.Sprint("author ", i))))
	}
	n.Publish(galleries...)
	budget := n.options.Budget
	refs := []edition.Ref{{Kind: edition.Feed, Name: "all"}, {Kind: edition.Feed, Name: "all", Page: "newest"}, {Kind: edition.Section, Name: "travel"}}
	for i := range 40 {
		refs = append(refs, edition.Ref{Kind: edition.Gallery, Name: fmt.Sprint("g", i)},
			edition.Ref{Kind: edition.Tag, Name: fmt.Sprint("tag-", i)}, edition.Ref{Kind: edition.Author, Name: fmt.Sprint("author-", i)},
			edition.Ref{Kind: edition.Tag, Name: fmt.Sprint("tag-", i), Page: "newest"})
	}
	highest := 0
	for _, ref := range refs {
		e := n.edition(ref)
		for _, f := range feed.Formats() {
			before := budget.Used()
			e.Document(f).Bytes()
			e.Document(f).Gzip()
			if ref == refs[0] && budget.Used() == before { // later something else may go for it
				t.Fatalf("%v: what is made of a document when it is asked for is not counted", ref)
			}
			highest = max(highest, budget.Used())
		}
	}
	if highest > most || highest < most*3/4 {
		t.Errorf("up to %d bytes are kept, %d are allowed", highest, most)
	}
}

// A render that failed before the index was whole does not fail a later request.
func TestNoFailureIsRememberedFromBeforeTheIndexWasWhole(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	refs := []edition.Ref{{Kind: edition.Feed, Name: "all"}, {Kind: edition.Tag, Name: "night"}, {Kind: edition.Gallery, Name: "a"}}
	for _, ref := range refs {
		if _, err := n.editions.Edition(t.Context(), ref); !errors.Is(err, edition.ErrUnavailable) {
			t.Errorf("%v before the index is read: %v", ref, err)
		}
	}
	n.Start()
	n.Publish(photo("a", tags("night")))
	for _, ref := range refs {
		n.edition(ref) // no moment later
	}
}
