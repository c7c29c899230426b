package edition_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// resolving is a node with feeds of every kind, and galleries, some of which
// may not be revealed.
func resolving(t *testing.T, change ...func(*options)) *node {
	t.Helper()
	n := startNode(t, append(change, func(o *options) { o.feeds[0].Aliases = []string{"latest"} })...)
	n.Publish(
		photo("a", section("Reise & Café"), tags("旅行", "c++"), author("José Núñez")),
		photo("a b/c"),
		photo("embargoed", section("Secret"), func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }),
		photo("withheld", section("Hidden"), func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }),
		photo("expired", section("Past"), func(g *gallery.Gallery) { g.Expires = noon.Add(-time.Minute) }),
		photo("forgotten", section("Long Past"), func(g *gallery.Gallery) {
			g.Published, g.Updated, g.Expires = noon.AddDate(0, 0, -3), noon.AddDate(0, 0, -3), noon.AddDate(0, 0, -1)
		}),
		photo("gone", section("Withdrawn")),
	)
	n.TakeDown("gone")
	return n
}

func TestEveryAddressOfAFeedIsResolved(t *testing.T) {
	t.Parallel()
	n := resolving(t)
	for _, ref := range []edition.Ref{
		{Kind: edition.Feed, Name: "all"},
		{Kind: edition.Section, Name: gallery.Slug("Reise & Café")},
		{Kind: edition.Section, Name: "withdrawn"}, // feeds have a tombstone of its gallery
		{Kind: edition.Section, Name: "past"},      // likewise
		{Kind: edition.Tag, Name: "旅行"},
		{Kind: edition.Tag, Name: gallery.Slug("c++")},
		{Kind: edition.Author, Name: gallery.Slug("José Núñez")},
		slidesOf("a"), slidesOf(gallery.Key("a b/c")),
	} {
		for _, f := range feed.Formats() {
			address := n.editions.Address(ref, f)
			got, format, err := n.editions.Resolve(address)
			if err != nil || got != ref || format != f {
				t.Errorf("%s is %v in %v: %v", address, got, format, err)
			}
			// As another program may write it.
			prefix := "https://example.com/" + string(ref.Kind) + "/"
			name := strings.TrimPrefix(address, prefix)
			plain, err := url.PathUnescape(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, same := range []string{strings.ToLower(name), everyByteEscaped(plain), plain} {
				if got, format, err := n.editions.Resolve(prefix + same); err != nil || got != ref || format != f {
					t.Errorf("%s is %v in %v: %v", prefix+same, got, format, err)
				}
			}
			if read(t, n.edition(ref)).link("self") != n.editions.Address(ref, feed.Atom) {
				t.Errorf("%v is elsewhere", ref)
			}
		}
	}
}

func everyByteEscaped(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		b.Write([]byte{'%', digits[s[i]>>4], digits[s[i]&15]})
	}
	return b.String()
}

func TestAddressesOfNoFeed(t *testing.T) {
	t.Parallel()
	n := resolving(t)
	const base = "https://example.com"
	for address, reason := range map[string]string{
		"": "begin with https://example.com/", "/feeds/all.rss": "begin with", "feeds/all.rss": "begin with",
		"http://example.com/feeds/all.rss": "begin with", "HTTPS://example.com/feeds/all.rss": "begin with",
		"https://EXAMPLE.com/feeds/all.rss": "begin with", "https://example.com:443/feeds/all.rss": "begin with",
		"https://example.com.evil.example/feeds/all.rss": "begin with", "https://example.com@evil.example/feeds/all.rss": "begin with",
		"https://user@example.com/feeds/all.rss": "begin with", base: "begin with", "https://example.org/feeds/all.rss": "begin with",
		base + "//feeds/all.rss": "not that of a feed itself", base + "/": ".rss, .atom or .json", base + "/feeds": ".rss, .atom or .json",
		base + "/feeds/all.rss?": "query or a fragment", base + "/feeds/all.rss?x=1": "query", base + "/feeds/all.rss#x": "fragment", base + "/feeds/all.rss#": "fragment",
		base + "/feeds/all": ".rss, .atom or .json", base + "/feeds/all.xml": ".rss", base + "/feeds/all.RSS": ".rss", base + "/feeds/rss": ".rss",
		base + "/feeds/all.rss/": "not that of a feed itself", base + "/feeds/all/archive/newest.atom": "not that of a feed itself",
		base + "/feeds/%zz.rss": "percent-encoded", base + "/feeds/all.rs%": "percent-encoded",
		base + "/feeds/none.rss": "", base + "/feeds/.rss": "", base + "/feeds/All.rss": "", base + "/feeds/../feeds/all.rss": "not that of a feed itself",
		base + "/%66eeds/all.rss": "", base + "/languages/en.rss": "", base + "/sections/none.rss": "", base + "/tags/%E6.rss": "", base + "/tags/%00.rss": "",
		base + "/sections/all%2Farchive%2Fnewest.rss": "", base + "/sections/secret.rss": "", base + "/sections/hidden.rss": "", base + "/sections/long-past.rss": "",
		base + "/tags/c++.rss": "perhaps you mean " + base + "/tags/" + gallery.Slug("c++") + ".rss", base + "/galleries/none.atom": "", base + "/galleries/embargoed.atom": "", base + "/galleries/withheld.atom": "",
		base + "/galleries/.atom": "", base + "/galleries/a b/c.atom": "not that of a feed itself", base + "/galleries/a%20b%2Fc.atom": "",
		base + "/galleries/" + strings.Repeat("x", 5000) + ".rss": "",
	} {
		ref, _, err := n.editions.Resolve(address)
		if !errors.Is(err, edition.ErrUnknown) || ref != (edition.Ref{}) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.80s is %v: %.200v", address, ref, err)
		}
	}
}

// Nobody learns from an answer that a gallery is there and may not be shown.
func TestAddressesRevealNoEmbargo(t *testing.T) {
	t.Parallel()
	n := resolving(t)
	message := func(key string) string {
		_, _, err := n.editions.Resolve("https://example.com/galleries/" + key + ".rss")
		return strings.ReplaceAll(err.Error(), key, "KEY")
	}
	for _, key := range []string{"embargoed", "withheld"} {
		if message(key) != message("none") {
			t.Errorf("%s: %s, an unknown one: %s", key, message(key), message("none"))
		}
	}
}

func TestAddressesThatWere(t *testing.T) {
	t.Parallel()
	n := resolving(t)
	for _, key := range []string{"gone", "expired"} {
		if _, _, err := n.editions.Resolve("https://example.com/galleries/" + key + ".json"); !errors.Is(err, edition.ErrGone) {
			t.Errorf("%s: %v", key, err)
		}
	}
	_, f, err := n.editions.Resolve("https://example.com/feeds/latest.atom")
	moved, ok := errors.AsType[*edition.Moved](err)
	if !ok || !moved.Permanent || moved.URL(f) != "https://example.com/feeds/all.atom" {
		t.Errorf("a former name: %v", err)
	}
	n.Clock.Advance(time.Hour)
	if _, _, err := n.editions.Resolve("https://example.com/galleries/embargoed.rss"); err != nil {
		t.Errorf("after the embargo: %v", err)
	}
}

func TestKindsThatAreTurnedOffHaveNoAddress(t *testing.T) {
	t.Parallel()
	n := resolving(t, func(o *options) { o.few = edition.Dynamic{Tags: true} })
	for address, known := range map[string]bool{
		n.editions.Address(edition.Ref{Kind: edition.Section, Name: gallery.Slug("Reise & Café")}, feed.RSS): false,
		n.editions.Address(edition.Ref{Kind: edition.Author, Name: gallery.Slug("José Núñez")}, feed.RSS):    false,
		n.editions.Address(edition.Ref{Kind: edition.Tag, Name: "旅行"}, feed.RSS):                             true,
	} {
		if _, _, err := n.editions.Resolve(address); known != (err == nil) || !known && !errors.Is(err, edition.ErrUnknown) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Until the index is whole nobody can tell, but of what is configured.
func TestAddressesBeforeTheIndexIsWhole(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	o := n.options
	o.Index = index.New(index.Options{})
	s := edition.New(o)
	for _, path := range []string{"/sections/travel.rss", "/tags/night.rss", "/galleries/a.atom"} {
		if _, _, err := s.Resolve("https://example.com" + path); !errors.Is(err, edition.ErrUnavailable) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, _, err := s.Resolve("https://example.com/feeds/all.json"); err != nil {
		t.Error(err)
	}
}

// What is resolved is at the address, or at one that says the same.
func FuzzResolve(f *testing.F) {
	galleries := index.New(index.Options{})
	galleries.Add(index.Revision{ID: "a", Rank: gallery.Rank{Updated: noon}, Gallery: &gallery.Gallery{
		ID: "a", Title: "A", Published: noon, Section: "Travel", Tags: []string{"旅行", "c++"},
	}}, noon)
	s := edition.New(edition.Options{
		Index: galleries, Site: edition.Site{BaseURL: "https://example.com/wire"}, Dynamic: edition.Dynamic{Sections: true, Tags: true},
		Feeds: []edition.Definition{{Name: "all"}}, Now: func() time.Time { return noon },
	})
	for _, path := range []string{"/feeds/all.rss", "/sections/travel.atom", "/tags/%e6%97%85%E8%A1%8C.json", "/galleries/a.rss", "/galleries/%61%2Erss", "/feeds/all.rss?", "/"} {
		f.Add("https://example.com/wire" + path)
	}
	f.Fuzz(func(t *testing.T, address string) {
		ref, format, err := s.Resolve(address)
		if err != nil {
			return
		}
		given, err := url.Parse(address)
		if err != nil || given.Scheme+"://"+given.Host != "https://example.com" || given.RawQuery != "" || given.Fragment != "" {
			t.Fatalf("%q is %v: %v", address, ref, err)
		}
		if want := "/wire/" + ref.String() + "." + format.String(); given.Path != want && given.Path != "/wire/feeds/"+ref.String()+"."+format.String() {
			t.Errorf("%q is %v, at %s", address, ref, want)
		}
		if again, f, err := s.Resolve(s.Address(ref, format)); again != ref || f != format || err != nil {
			t.Errorf("%q is %v, whose own address is %v: %v", address, ref, again, err)
		}
	})
}
