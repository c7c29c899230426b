package edition_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

// delayedNode has a partner who gets galleries two hours after they are published. No
// event tells it of a release.
func delayedNode(t *testing.T, change ...func(*options)) (*node, *edition.Set) {
	t.Helper()
	msn := &gallery.Audience{Name: "msn", Delay: 2 * time.Hour}
	n := startNode(t, append(change, func(o *options) { o.others = []*gallery.Audience{msn} })...)
	return n, n.editions.For(msnFeed(msn, ""))
}

// partnerTitles are those in the partner's feed, the newest first.
func (n *node) partnerTitles(s *edition.Set) []string {
	n.t.Helper()
	titles := []string{}
	for _, entry := range read(n.t, n.of(s, msnRef)).Entries {
		titles = append(titles, entry.Title)
	}
	return titles
}

func TestADelayedGalleryIsReleasedToTheSecond(t *testing.T) {
	n, s := delayedNode(t)
	release := noon.Add(time.Hour) // two hours after photo's instant of publication
	own := edition.Ref{Kind: edition.Gallery, Name: "a"}
	n.Publish(photo("a"))
	n.Clock.Set(noon.Add(10 * time.Minute))
	n.Publish(revised("a", func(g *gallery.Gallery) { g.Updated = n.Clock.Now() }))
	n.Clock.Set(release.Add(-time.Nanosecond))
	before := n.of(s, msnRef)
	if diff := cmp.Diff([]string{}, n.partnerTitles(s)); diff != "" {
		t.Errorf("before the release (-want +got)\n%s", diff)
	}
	if _, err := s.Edition(t.Context(), own); !errors.Is(err, edition.ErrUnknown) {
		t.Errorf("its own feed before the release: %v", err)
	}
	from := n.Index().Position(n.Clock.Now())
	n.Clock.Set(release)
	if diff := cmp.Diff([]string{"New title of a"}, n.partnerTitles(s)); diff != "" {
		t.Errorf("at the release (-want +got)\n%s", diff)
	}
	if c, err := s.Content(msnRef, from, before.Touched); err != nil || !s.ChangedSince(msnRef, from) || len(c.Galleries) != 1 || c.Galleries[0].Was || !c.Galleries[0].Is {
		t.Errorf("the release is announced as %+v: %v", c, err)
	}
	e := n.of(s, msnRef)
	if !e.Touched.Equal(release) {
		t.Errorf("touched at %v", e.Touched)
	}
	for _, want := range []string{"<updated>2100-06-01T13:00:00Z</updated>", "<published>2100-06-01T11:00:00Z</published>"} {
		if doc := string(e.Document(feed.Atom).Bytes()); !strings.Contains(doc, want) {
			t.Errorf("no %s in %s", want, doc)
		}
	}
	if doc := string(e.Document(feed.RSS).Bytes()); !strings.Contains(doc, "<atom:updated>2100-06-01T13:00:00Z</atom:updated>") {
		t.Errorf("RSS is %s", doc)
	}
	if doc := string(e.Document(feed.JSON).Bytes()); !strings.Contains(doc, `"date_published":"2100-06-01T11:00:00Z","date_modified":"2100-06-01T13:00:00Z"`) {
		t.Errorf("JSON Feed is %s", doc)
	}
	n.of(s, own)
	n.Clock.Advance(time.Minute)
	n.Publish(revised("a", func(g *gallery.Gallery) { g.Updated, g.Title = n.Clock.Now(), "Corrected" }))
	if diff := cmp.Diff([]string{"Corrected"}, n.partnerTitles(s)); diff != "" {
		t.Errorf("a correction after the release (-want +got)\n%s", diff)
	}
}

func TestATakeDownAndALostRightAreNotDelayed(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second) // the server's clock decides whether the partner had seen what was taken down
	n, s := delayedNode(t, func(o *options) { o.now = now })
	dated := func(at time.Time) func(*gallery.Gallery) {
		return func(g *gallery.Gallery) { g.Published, g.Updated = at, at }
	}
	old, late := dated(now.Add(-3*time.Hour)), dated(now.Add(-time.Hour))
	n.Publish(photo("down", old), photo("denied", old), photo("stays", old), photo("early", late), photo("short", late, func(g *gallery.Gallery) { g.Expires = now.Add(time.Minute) }))
	if diff := cmp.Diff([]string{"stays", "down", "denied"}, ids(n.of(s, msnRef))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	n.Clock.Advance(time.Minute)
	n.TakeDown("down", "early")
	n.Publish(revised("denied", old, func(g *gallery.Gallery) { g.Updated, g.Rights.Deny = n.Clock.Now(), []string{"msn"} }))
	e := n.of(s, msnRef)
	if diff := cmp.Diff([]string{"stays"}, ids(e)); diff != "" {
		t.Errorf("a minute later (-want +got)\n%s", diff)
	}
	for range 3 { // before the release of what was never shown, at it, and after it
		var gone []string
		for _, g := range read(t, n.of(s, msnRef)).Gone {
			gone = append(gone, strings.TrimPrefix(g.Ref, "tag:example.com,2026:"))
		}
		if diff := cmp.Diff([]string{"down"}, gone); diff != "" {
			t.Errorf("at %v gone are (-want +got)\n%s", n.Clock.Now(), diff)
		}
		n.Clock.Advance(59 * time.Minute)
	}
	if diff := cmp.Diff([]string{"stays"}, ids(n.of(s, msnRef))); diff != "" {
		t.Errorf("what ended before its release is shown (-want +got)\n%s", diff)
	}
}

// ingest is a receiver that takes an entry if it was updated later than the newest that it
// has seen, as Superdesk's does.
type ingest struct {
	newest time.Time
	taken  []string // titles
}

func (i *ingest) poll(t *testing.T, doc *feed.Document) (seen []string) {
	t.Helper()
	newest := i.newest
	for _, entry := range readAtom(t, doc).Entries {
		updated, err := time.Parse(time.RFC3339, entry.Updated)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, entry.Title)
		if updated.After(i.newest) {
			i.taken = append(i.taken, entry.Title)
			newest = later(newest, updated)
		}
	}
	i.newest = newest
	return seen
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// A receiver that polls at any time takes each version of each gallery that is ever in the
// feed exactly once, releases and corrections alike.
func TestAReceiverWithAWatermarkTakesEveryReleaseOnce(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 5))
	n, s := delayedNode(t)
	receiver, seen := new(ingest), map[string]bool{}
	published, versions := map[string]time.Time{}, 0
	for range 300 {
		// Instants of releases are polled too: they are those of publications, to the minute.
		n.Clock.Advance([]time.Duration{time.Second, 59 * time.Second, time.Minute, 20 * time.Minute}[r.IntN(4)])
		now := n.Clock.Now()
		id := fmt.Sprintf("g%d", r.IntN(20))
		switch r.IntN(6) {
		case 0, 1:
			if published[id].IsZero() {
				published[id] = now.Truncate(time.Minute).Add(time.Duration(r.IntN(240)-120) * time.Minute)
			}
			versions++
			n.Publish(photo(id, func(g *gallery.Gallery) {
				g.Title, g.Published, g.Updated, g.Version = fmt.Sprintf("%s version %d", id, versions), published[id], now, int64(versions)
			}))
		case 2:
			if !published[id].IsZero() && r.IntN(3) == 0 {
				n.TakeDown(id)
			}
		default:
			for _, title := range receiver.poll(t, n.of(s, msnRef).Document(feed.Atom)) {
				seen[title] = true
			}
		}
	}
	var want []string
	for title := range seen {
		want = append(want, title)
	}
	slices.Sort(want)
	slices.Sort(receiver.taken)
	if diff := cmp.Diff(want, receiver.taken); diff != "" || len(want) < 10 {
		t.Errorf("seed %d: of %d in the feed (-in the feed +taken)\n%s", seed, len(want), diff)
	}
}

func TestAGalleryThatIsTooOldLeavesTheFeed(t *testing.T) {
	msn := &gallery.Audience{Name: "msn", MaxAge: 2 * time.Hour}
	n := startNode(t, func(o *options) { o.others = []*gallery.Audience{msn} })
	s := n.editions.For(msnFeed(msn, ""))
	n.Publish(photo("a"))
	if diff := cmp.Diff([]string{"a"}, ids(n.of(s, msnRef))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	n.Clock.Set(noon.Add(time.Hour))
	if a := read(t, n.of(s, msnRef)); len(a.Entries) != 0 || len(a.Gone) != 0 {
		t.Errorf("two hours after its publication: %+v", a)
	}
	if _, err := s.Edition(t.Context(), edition.Ref{Kind: edition.Gallery, Name: "a"}); !errors.Is(err, edition.ErrUnknown) {
		t.Errorf("its own feed: %v", err)
	}
}
