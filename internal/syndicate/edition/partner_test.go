package edition_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

// msnFeed is the feed of the partner msn at its address, or at the one with that key.
func msnFeed(a *gallery.Audience, key string, change ...func(*edition.PartnerFeed)) edition.PartnerFeed {
	p := edition.PartnerFeed{
		Definition: edition.Definition{Name: a.Name, Title: "For " + a.Name, Items: 50, Order: index.ByUpdated, Where: "partners[0]"},
		Audience:   a, LinkQuery: "utm_source=" + a.Name, Base: "/partners/" + a.Name,
	}
	if key != "" {
		p.Base, p.Hubs = p.Base+"/~"+key, []string{"https://example.com/hub"}
	}
	for _, f := range change {
		f(&p)
	}
	return p
}

// msnNode has a node whose galleries are restricted in several ways, and the audience of
// the partner msn.
func msnNode(t *testing.T, change ...func(*options)) (*node, *gallery.Audience) {
	t.Helper()
	msn := &gallery.Audience{Name: "msn"}
	n := startNode(t, append(change, func(o *options) {
		o.hubs, o.others, o.page = []string{"https://example.com/hub"}, []*gallery.Audience{msn}, 2
	})...)
	for i := range 8 {
		n.Publish(photo(fmt.Sprintf("g%d", i), section("Travel"), tags("night"), func(g *gallery.Gallery) {
			g.Published = noon.Add(-time.Duration(i+1) * time.Hour)
		}))
	}
	n.Publish(
		photo("only", func(g *gallery.Gallery) { g.URL, g.Rights.Allow = "", []string{"msn"} }),
		photo("not", func(g *gallery.Gallery) { g.Rights.Deny = []string{"msn"} }),
		photo("slides", func(g *gallery.Gallery) { g.Slides[1].Rights.Deny = []string{"msn"} }),
		photo("ended", func(g *gallery.Gallery) { g.Expires = noon.Add(-time.Minute) }),
		photo("down"),
	)
	n.Clock.Advance(time.Second)
	n.TakeDown("down")
	return n, msn
}

var msnRef = edition.Ref{Kind: edition.Partner, Name: "msn"}

func (n *node) of(s *edition.Set, ref edition.Ref) *edition.Edition {
	n.t.Helper()
	e, err := s.Edition(n.t.Context(), ref)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

// documentsOf are all documents of a set that a reader finds from its feed.
func (n *node) documentsOf(s *edition.Set) string {
	n.t.Helper()
	var all strings.Builder
	write := func(ref edition.Ref) *edition.Edition {
		e := n.of(s, ref)
		for _, doc := range e.Documents {
			fmt.Fprintf(&all, "%s\n%s\n", doc.Link, doc.Bytes())
		}
		return e
	}
	for _, m := range write(msnRef).Galleries() {
		write(edition.Ref{Kind: edition.Gallery, Name: gallery.Key(m.ID)})
	}
	older := func(e *edition.Edition) string {
		var doc struct {
			Next string `json:"next_url"`
		}
		if err := json.Unmarshal(e.Document(feed.JSON).Bytes(), &doc); err != nil {
			n.t.Fatal(err)
		}
		_, file, _ := strings.Cut(doc.Next, "/archive/")
		return strings.TrimSuffix(file, ".json")
	}
	pages := 0
	for page := older(n.of(s, msnRef)); page != ""; pages++ {
		ref := msnRef
		ref.Page = page
		page = older(write(ref))
	}
	if pages < 2 {
		n.t.Errorf("an archive of %d pages", pages)
	}
	return all.String()
}

func TestDocumentsOfAPartnerNameItsOwnAddress(t *testing.T) {
	n, msn := msnNode(t)
	few := func(p *edition.PartnerFeed) { p.Items = 6 }
	plain, keyed := n.editions.For(msnFeed(msn, "", few)), n.editions.For(msnFeed(msn, "secret", few))
	without, with := n.documentsOf(plain), n.documentsOf(keyed)
	if strings.Contains(without, "~secret") || strings.Contains(without, "/hub") {
		t.Error("a document for who sends a header has a key or a hub")
	}
	for _, forbidden := range []string{"/partners/msn/feed", "/partners/msn/galleries", "/partners/msn/archive", "example.com/feeds", "https://example.com/galleries"} {
		if strings.Contains(with, forbidden) {
			t.Errorf("a document for who has the key in the address names %s", forbidden)
		}
	}
	same := strings.NewReplacer("/~secret", "", `<https://example.com/hub>; rel="hub", `, "", `"hubs":[{"type":"WebSub","url":"https://example.com/hub"}],`, "",
		`<link href="https://example.com/hub" rel="hub"></link>`, "", `<atom:link href="https://example.com/hub" rel="hub"></atom:link>`, "").Replace(with)
	if diff := cmp.Diff(without, same); diff != "" {
		t.Errorf("but for the key and the hub the two differ:\n%s", diff)
	}
	doc := string(n.of(plain, msnRef).Document(feed.Atom).Bytes())
	for _, want := range []string{
		"<title>For msn</title>", "<id>tag:example.com,2026:/partners/msn</id>", `<link href="https://example.com/?utm_source=msn" rel="alternate"`,
		`<link href="https://paper.example.com/g/g0?utm_source=msn" rel="alternate"`, "<id>tag:example.com,2026:only</id>",
		`<link href="https://example.com/partners/msn/galleries/only" rel="alternate"`, `<link href="https://example.com/partners/msn/galleries/only.atom" rel="related"`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("%s is missing in\n%s", want, doc)
		}
	}
	if text := string(n.of(plain, edition.Ref{Kind: edition.Gallery, Name: "slides"}).Document(feed.JSON).Bytes()); strings.Contains(text, "slides-2") || !strings.Contains(text, "slides-1") {
		t.Errorf("the slides are %s", text)
	}
}

func TestASetOfAPartnerHasItsFeedAndItsGalleriesAlone(t *testing.T) {
	n, msn := msnNode(t)
	s := n.editions.For(msnFeed(msn, "", func(p *edition.PartnerFeed) { p.Exclude.Sections = []string{"travel"} }))
	if diff := cmp.Diff([]string{"slides", "only"}, ids(n.of(s, msnRef))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, ref := range []edition.Ref{
		{Kind: edition.Feed, Name: "all"}, {Kind: edition.Feed, Name: "msn"}, {Kind: edition.Section, Name: "travel"}, {Kind: edition.Tag, Name: "night"},
		{Kind: edition.Partner, Name: "other"}, {Kind: edition.Partner, Name: "msn", Page: "nonsense"}, {Kind: edition.Partner, Name: "other", Page: "newest"},
		{Kind: edition.Gallery, Name: "g0"}, {Kind: edition.Gallery, Name: "not"}, {Kind: edition.Gallery, Name: "down"}, {Kind: edition.Gallery, Name: "ended"}, {Kind: edition.Gallery, Name: "never"},
	} {
		if _, err := s.Edition(t.Context(), ref); !errors.Is(err, edition.ErrUnknown) || errors.Is(err, edition.ErrGone) {
			t.Errorf("%+v: %v", ref, err)
		}
		if ref.Kind != edition.Gallery && s.Choice(ref) != "" && ref.Page == "" {
			t.Errorf("%+v is chosen", ref)
		}
	}
	if _, err := n.editions.Edition(t.Context(), msnRef); !errors.Is(err, edition.ErrUnknown) {
		t.Errorf("the partner's feed among the public's: %v", err)
	}
	if n.editions.Holds(edition.Ref{Kind: edition.Feed, Name: "all"}, "only") || !s.Holds(msnRef, "only") || s.Holds(msnRef, "g0") || s.Holds(msnRef, "not") {
		t.Error("a feed holds what its audience does not see")
	}
}

func TestAnAddressOfAPartnerIsNoneOfThePublic(t *testing.T) {
	n, msn := msnNode(t)
	s := n.editions.For(msnFeed(msn, "secret"))
	for _, address := range []string{s.Address(msnRef, feed.RSS), "https://example.com/partners/msn.rss", "https://example.com/partners/feed.rss"} {
		if _, _, err := n.editions.Resolve(address); !errors.Is(err, edition.ErrUnknown) {
			t.Errorf("%s among the public's: %v", address, err)
		}
	}
	if ref, ok := edition.ParseRef("partners/msn"); !ok || ref != msnRef || ref.String() != "partners/msn" {
		t.Errorf("the name is of %+v", ref)
	}
}

func TestAPartnersFeedWithoutGalleriesIsValid(t *testing.T) {
	n := startNode(t)
	s := n.editions.For(msnFeed(&gallery.Audience{Name: "msn"}, "", func(p *edition.PartnerFeed) { p.Title = "" }))
	e := n.of(s, msnRef)
	if a := read(t, e); len(e.Members) != 0 || a.Title != "Wire" || a.link("self") != "https://example.com/partners/msn/feed.atom" {
		t.Errorf("%+v", a)
	}
}

// The entity tag of an archive page is known without rendering it, to each address its own.
func TestAnArchivePageOfAPartnerHasATagForEachAddress(t *testing.T) {
	n, msn := msnNode(t)
	page := msnRef
	page.Page = "newest"
	few := func(p *edition.PartnerFeed) { p.Items = 2 }
	sets := []*edition.Set{n.editions.For(msnFeed(msn, "", few)), n.editions.For(msnFeed(msn, "secret", few))}
	for i, s := range sets {
		if etag, ok := s.ETag(page, feed.Atom); ok {
			t.Errorf("set %d: %s before the page was rendered", i, etag)
		}
		e := n.of(s, page)
		if etag, ok := s.ETag(page, feed.Atom); !ok || etag != e.Document(feed.Atom).ETag {
			t.Errorf("set %d: %s, %t, of %s", i, etag, ok, e.Document(feed.Atom).ETag)
		}
	}
	one, _ := sets[0].ETag(page, feed.Atom)
	if two, _ := sets[1].ETag(page, feed.Atom); one == two {
		t.Error("two addresses have one tag")
	}
}

// A reader who has an earlier edition gets what changed since, at its own address.
func TestAPartnerGetsWhatChangedSince(t *testing.T) {
	n, msn := msnNode(t)
	s := n.editions.For(msnFeed(msn, "secret"))
	before := n.of(s, msnRef).Document(feed.JSON).ETag
	n.Clock.Advance(time.Minute)
	n.Publish(revised("g3", func(g *gallery.Gallery) { g.Updated = n.Clock.Now() }))
	delta, ok := n.of(s, msnRef).Since(func(etag string) bool { return etag == before }, feed.JSON)
	if !ok {
		t.Fatal("no document of what changed")
	}
	if text := string(delta.Bytes()); strings.Count(text, `"date_published"`) != 1 || !strings.Contains(text, "/partners/msn/~secret/galleries/g3.json") {
		t.Errorf("it is %s", text)
	}
}

// A subscriber hears of what left the partner's feed, by whatever way, and of nothing else.
func TestPartnersAreToldWhatLeftTheirFeed(t *testing.T) {
	n, msn := msnNode(t)
	s := n.editions.For(msnFeed(msn, "secret", func(p *edition.PartnerFeed) { p.Exclude.Tags = []string{"day"} }))
	from, touched := n.Index().Position(n.Clock.Now()), n.of(s, msnRef).Touched
	n.Clock.Advance(time.Minute)
	n.Publish(
		revised("g0", func(g *gallery.Gallery) { g.Updated, g.Rights.Deny = n.Clock.Now(), []string{"msn"} }),
		revised("g1", tags("day"), func(g *gallery.Gallery) { g.Updated = n.Clock.Now() }),
		revised("g2", func(g *gallery.Gallery) { g.Updated = n.Clock.Now() }),
		revised("not", func(g *gallery.Gallery) { g.Updated, g.Rights.Deny = n.Clock.Now(), []string{"msn"} }),
		photo("new", func(g *gallery.Gallery) { g.Rights.Allow = []string{"MSN"} }),
	)
	n.TakeDown("g3")
	if !s.ChangedSince(msnRef, from) {
		t.Error("nothing has changed")
	}
	c, err := s.Content(msnRef, from, touched)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]bool{}
	for _, step := range c.Galleries {
		got[step.ID] = [2]bool{step.Was, step.Is}
	}
	want := map[string][2]bool{"g0": {true, false}, "g1": {true, false}, "g2": {true, true}, "g3": {true, false}, "new": {false, true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if e, err := s.Announce(t.Context(), msnRef); err != nil || len(e.Members) != len(c.Members) {
		t.Errorf("announced are %v, of %d members: %v", e, len(c.Members), err)
	}
	for _, key := range []string{"g0", "g1", "g3"} {
		ref := edition.Ref{Kind: edition.Gallery, Name: key}
		if e, err := s.Announce(t.Context(), ref); err != nil || len(e.Members) != 0 || strings.Contains(string(e.Document(feed.Atom).Bytes()), "itle of") {
			t.Errorf("%s is announced as %+v: %v", key, e, err)
		}
	}
}

func TestConcernedNamesTheFeedOfThePartner(t *testing.T) {
	n, msn := msnNode(t)
	s := n.editions.For(msnFeed(msn, "", func(p *edition.PartnerFeed) { p.Match.Tags = []string{"night"} }))
	night, day := n.Index().Find("g0"), n.Index().Find("only")
	if diff := cmp.Diff([]string{"partners/msn"}, s.Concerned(index.Change{New: night})); diff != "" {
		t.Error(diff)
	}
	if names := s.Concerned(index.Change{New: day}); len(names) != 0 {
		t.Errorf("concerned are %v", names)
	}
	if st := s.States(); len(st) != 1 || st[0].Name != "partners/msn" || st[0].Condition != edition.Due {
		t.Errorf("%+v", st)
	}
	n.of(s, msnRef)
	if st := s.States(); st[0].Galleries != 8 || st[0].Condition != edition.Fresh || st[0].Touched.IsZero() {
		t.Errorf("%+v", st)
	}
}

func TestTheChoiceOfAPartnerIsAllThatItMaySee(t *testing.T) {
	n, msn := msnNode(t)
	of := func(a gallery.Audience, change ...func(*edition.PartnerFeed)) string {
		return n.editions.For(msnFeed(&a, "", change...)).Choice(msnRef)
	}
	first := of(*msn)
	seen := map[string]string{first: "none"}
	if keyed := n.editions.For(msnFeed(msn, "secret")).Choice(msnRef); keyed != first || keyed == "" {
		t.Errorf("with a key it is %q, without %q", keyed, first)
	}
	for name, choice := range map[string]string{
		"groups":     of(gallery.Audience{Name: "msn", Groups: []string{"a"}}),
		"two groups": of(gallery.Audience{Name: "msn", Groups: []string{"a", "b"}}),
		"one group":  of(gallery.Audience{Name: "msn", Groups: []string{"a b"}}),
		"delay":      of(gallery.Audience{Name: "msn", Delay: time.Hour}),
		"age":        of(gallery.Audience{Name: "msn", MaxAge: time.Hour}),
		"unstated":   of(gallery.Audience{Name: "msn", DenyUnstated: true}),
		"rules":      of(gallery.Audience{Name: "msn", Rules: []gallery.Rule{gallery.NewRule([]string{"a"}, nil, []string{"msn"}, nil, "")}}),
		"exclusions": of(gallery.Audience{Name: "msn", Rules: []gallery.Rule{gallery.NewExclusion([]string{"a"}, nil, "")}}),
		"match":      of(*msn, func(p *edition.PartnerFeed) { p.Match.Tags = []string{"a"} }),
		"exclude":    of(*msn, func(p *edition.PartnerFeed) { p.Exclude.Tags = []string{"a"} }),
		"items":      of(*msn, func(p *edition.PartnerFeed) { p.Items = 5 }),
		"order":      of(*msn, func(p *edition.PartnerFeed) { p.Order = index.ByPublished }),
	} {
		if other, taken := seen[choice]; taken {
			t.Errorf("%s and %s have the same choice", name, other)
		}
		seen[choice] = name
	}
}

// The editions of many partners share the memory of a node: what goes is rendered again
// as it was.
func TestEditionsOfPartnersAreKeptAsLongAsThereIsRoom(t *testing.T) {
	const most = 300 << 10
	n, _ := msnNode(t, func(o *options) { o.cache = most })
	var sets []*edition.Set
	var first [][]string
	for i := range 20 {
		a := &gallery.Audience{Name: fmt.Sprintf("p%d", i)}
		sets = append(sets, n.editions.For(msnFeed(a, "")))
		first = append(first, etags(n.of(sets[i], edition.Ref{Kind: edition.Partner, Name: a.Name})))
	}
	kept := 0
	for _, s := range sets {
		if s.States()[0].Condition == edition.Fresh {
			kept++
		}
	}
	if kept == 0 || kept == len(sets) {
		t.Errorf("%d of %d editions are kept", kept, len(sets))
	}
	for i, s := range sets {
		if diff := cmp.Diff(first[i], etags(n.of(s, edition.Ref{Kind: edition.Partner, Name: fmt.Sprintf("p%d", i)}))); diff != "" {
			t.Errorf("partner %d is rendered otherwise than before:\n%s", i, diff)
		}
		if err := s.Republish(t.Context()); err != nil {
			t.Error(err)
		}
		s.Release()
		if st := s.States()[0].Condition; st != edition.Due {
			t.Errorf("a released one is %s", st)
		}
	}
}

func TestTheEditionOfAPartnerWhoReadsItIsKept(t *testing.T) {
	n, msn := msnNode(t, func(o *options) { o.cache = 300 << 10 })
	hot := n.editions.For(msnFeed(msn, ""))
	n.of(hot, msnRef)
	for i := range 20 {
		n.Clock.Advance(time.Minute)
		if hot.States()[0].Condition != edition.Fresh {
			t.Fatalf("it went after %d others", i)
		}
		n.of(hot, msnRef)
		a := &gallery.Audience{Name: fmt.Sprintf("p%d", i)}
		n.of(n.editions.For(msnFeed(a, "")), edition.Ref{Kind: edition.Partner, Name: a.Name})
	}
}

// Editions that are dropped while others are rendered and read are neither lost nor wrong.
func TestPartnersReadWhileEditionsAreDropped(t *testing.T) {
	n, _ := msnNode(t, func(o *options) { o.cache = 300 << 10 })
	var sets []*edition.Set
	for i := range 10 {
		sets = append(sets, n.editions.For(msnFeed(&gallery.Audience{Name: fmt.Sprintf("p%d", i)}, "")))
	}
	var readers sync.WaitGroup
	for reader := range 4 {
		readers.Go(func() {
			for i := range 60 {
				name := fmt.Sprintf("p%d", (i+3*reader)%len(sets))
				e, err := sets[(i+3*reader)%len(sets)].Edition(t.Context(), edition.Ref{Kind: edition.Partner, Name: name})
				if errors.Is(err, edition.ErrUnavailable) {
					continue // revisions came faster than they could be read
				}
				if err != nil {
					t.Error(err)
					continue
				}
				if body, _ := e.Document(feed.JSON).Gzip(); len(body) == 0 || !strings.Contains(string(e.Document(feed.JSON).Bytes()), "/partners/"+name+"/feed.json") {
					t.Errorf("%s reads what is not its own", name)
				}
			}
		})
	}
	for i := range 20 {
		n.Clock.Advance(time.Minute)
		n.Publish(revised(fmt.Sprintf("g%d", i%8), func(g *gallery.Gallery) { g.Updated, g.Version = n.Clock.Now(), int64(i+2) }))
	}
	readers.Wait()
	n.Clock.Advance(time.Minute) // a feed that could not be read is not tried again at once
	for i, s := range sets {
		if got := ids(n.of(s, edition.Ref{Kind: edition.Partner, Name: fmt.Sprintf("p%d", i)})); got[0] != "g3" {
			t.Errorf("after all changes partner %d gets %v", i, got)
		}
	}
}

func TestASetThatIsReleasedAnswersARequestUnderWay(t *testing.T) {
	n, msn := msnNode(t)
	s := n.editions.For(msnFeed(msn, "secret"))
	before := etags(n.of(s, msnRef))
	s.Release()
	if diff := cmp.Diff(before, etags(n.of(s, msnRef))); diff != "" {
		t.Error(diff)
	}
}

func TestRendererOfAPartnerQueuesForTheLimiter(t *testing.T) {
	n, msn := msnNode(t)
	limiter := cache.NewLimiter(1, nil)
	o := n.options
	o.Limiter = limiter
	s := edition.New(o).For(msnFeed(msn, ""))
	task, err := limiter.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	task.Grow(1)
	done := make(chan error, 1)
	go func() {
		_, err := s.Edition(t.Context(), msnRef)
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("it did not queue: %v", err)
	default:
	}
	task.Release()
	if err := storetest.Receive(t, "the rendering", done); err != nil {
		t.Error(err)
	}
}
