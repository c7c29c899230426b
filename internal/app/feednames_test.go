package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/google/go-cmp/cmp"
)

const siteAddress = "https://wire.example.com"

// withPartners is the feeds of the public and of the partners msn and wire over one
// catalogue, as notices, digests and the hub see them. Each partner has one key: its name
// and "-key".
type withPartners struct {
	topics
	catalogue *catalogue.Catalogue
	t         testing.TB
	ended     map[string]bool // keys that hold no more
	asked     []partner.Request
}

func newWithPartners(t testing.TB) *withPartners {
	b := brokertest.Start(t, func(o *broker.Options) { o.Embedded.SyncInterval = time.Minute })
	log := slog.New(slog.DiscardHandler)
	all := map[string]*gallery.Audience{"msn": {Name: "msn"}, "wire": {Name: "wire"}}
	cat := catalogue.New(catalogue.Options{
		Bucket: bucketOptions(b, bucketGalleries, log), Decode: event.Reader{}.Gallery, Index: index.Options{Partners: []*gallery.Audience{all["msn"], all["wire"]}},
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cat.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
	})
	if !until(ctx, cat.Index().Ready) {
		t.Fatal("the index is not whole")
	}
	public := edition.New(edition.Options{
		Index: cat.Index(), Load: cat.Load, Renderer: feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: siteAddress}), Logger: log,
		Feeds: []edition.Definition{{Name: "all", Items: 50, Aliases: []string{"former"}}}, Dynamic: edition.Dynamic{Sections: true, Tags: true, Authors: true},
		Site: edition.Site{BaseURL: siteAddress},
	})
	w := &withPartners{catalogue: cat, t: t, ended: map[string]bool{}}
	p := &partners{public: public, pathKey: w.holdsKey, names: []string{"msn", "wire"}, feeds: map[string]edition.PartnerFeed{}, sets: map[string]*edition.Set{}}
	for name, audience := range all {
		p.feeds[name] = edition.PartnerFeed{Definition: edition.Definition{Name: name, Items: 50}, Audience: audience, Base: "/partners/" + name}
		p.sets[name] = public.For(p.feeds[name])
	}
	w.topics = topics{p, cat, w.admitted, time.Now}
	return w
}

func (w *withPartners) holdsKey(partner, key string) bool {
	return w.partner(partner) != nil && key == partner+"-key" && !w.ended[key]
}

func (w *withPartners) admitted(r partner.Request) (partner.Pass, error) {
	w.asked = append(w.asked, r)
	if !w.holdsKey(r.Partner, r.PathKey) {
		return partner.Pass{}, partner.ErrUnknown
	}
	return partner.Pass{Partner: r.Partner, PathKey: r.PathKey}, nil
}

func (w *withPartners) put(id, rights string) {
	w.t.Helper()
	w.putTitled(id, id, rights)
}

// putTitled stores a gallery with these rights, and returns when the index has it.
func (w *withPartners) putTitled(id, title, rights string) {
	w.t.Helper()
	before := w.catalogue.Index().Revision() // nobody else writes
	body := fmt.Appendf(nil, `{"id":%q,"title":%q,"published":"2026-01-02T03:04:05Z","rights":%s}`, id, title, rights)
	g, err := event.Reader{}.Gallery(body)
	if err != nil {
		w.t.Fatal(err)
	}
	rank := gallery.Rank{Updated: g.Published, Version: int64(before), Hash: gallery.HashOf(body)}
	if _, err := w.catalogue.Put(w.t.Context(), catalogue.Revision{ID: id, Rank: rank, Gallery: g, Body: body}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.catalogue.Wait(w.t.Context(), before+1); err != nil {
		w.t.Fatal(err)
	}
}

// The three galleries are for everybody, for msn and for wire.
func (w *withPartners) putThree() {
	w.put("open", `{}`)
	w.put("msn-only", `{"allow":["msn"]}`)
	w.put("wire-only", `{"allow":["wire"]}`)
}

func TestNoticesOfAFeedNameWhatItsAudienceSees(t *testing.T) {
	t.Parallel()
	w := newWithPartners(t)
	w.putThree()
	source := noticeSource{w.partners}
	for name, want := range map[string]struct {
		ids     []string
		address string
	}{
		"all":                             {[]string{"open"}, siteAddress + "/feeds/all.rss"},
		"partners/msn":                    {[]string{"msn-only", "open"}, siteAddress + "/partners/msn/feed.rss"},
		"partners/wire":                   {[]string{"open", "wire-only"}, siteAddress + "/partners/wire/feed.rss"},
		"partners/msn/galleries/msn-only": {[]string{"msn-only"}, siteAddress + "/partners/msn/galleries/msn-only.rss"},
		"partners/wire/galleries/open":    {[]string{"open"}, siteAddress + "/partners/wire/galleries/open.rss"},
	} {
		snap, err := source.Snapshot(name, notice.Since{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var members, steps []string
		for _, m := range snap.Members {
			members = append(members, m.ID)
		}
		for _, step := range snap.Steps {
			steps = append(steps, step.ID)
		}
		slices.Sort(members)
		slices.Sort(steps)
		if !slices.Equal(members, want.ids) || !slices.Equal(steps, want.ids) {
			t.Errorf("%s has %v after %v, want %v", name, members, steps, want.ids)
		}
		documents, err := source.Documents(t.Context(), name)
		if err != nil || documents.Addresses["rss"].URL != want.address || documents.Addresses["rss"].ETag == "" {
			t.Errorf("%s is at %v: %v", name, documents.Addresses, err)
		}
	}
	for _, name := range []string{"partners/other", "partners/", "partners/msn/feeds/all", "partners/msn/sections/travel", "partners/msn/partners/wire", "partners/msn/galleries/a/b"} {
		if _, err := source.Snapshot(name, notice.Since{}); !errors.Is(err, edition.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
		if !w.topics.Gone(name) || source.Holds(name, "open") {
			t.Errorf("%s is there", name)
		}
	}
}

func TestAChangeConcernsThePartnersWhoseFeedsItMayShowIn(t *testing.T) {
	t.Parallel()
	w := newWithPartners(t)
	w.putThree()
	e := w.catalogue.Index().Find("open")
	got := w.concerned(index.Change{New: e})
	want := []string{"partners/msn", "partners/msn/galleries/open", "partners/wire", "partners/wire/galleries/open"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one change (-want +got):\n%s", diff)
	}
	if got := w.concerned(index.Change{}); !slices.Equal(got, []string{"partners/msn", "partners/wire"}) {
		t.Errorf("if everything may have changed: %v", got)
	}
}

func TestTopicsOfPartnersHaveTheirKey(t *testing.T) {
	t.Parallel()
	w := newWithPartners(t)
	w.putThree()
	client := netip.MustParseAddr("192.0.2.7")
	for address, want := range map[string]websub.Topic{
		"/partners/msn/~msn-key/feed.atom":                 {Feed: "partners/msn", Document: "atom", Key: "msn-key"},
		"/partners/wire/~wire-key/feed.json":               {Feed: "partners/wire", Document: "json", Key: "wire-key"},
		"/partners/wire/~wire-key/galleries/wire-only.rss": {Feed: "partners/wire/galleries/wire-only", Document: "rss", Key: "wire-key"},
		"/feeds/all.rss":                                   {Feed: "all", Document: "rss"},
	} {
		if got, err := w.Resolve(siteAddress+address, client); err != nil || got != want {
			t.Errorf("%s is %+v: %v", address, got, err)
		}
	}
	if r := w.asked[0]; r.Client != client || r.Basic || r.Bearer != "" {
		t.Errorf("asked by %+v", r)
	}
	reasons := map[string]bool{}
	for _, address := range []string{
		"/partners/msn/feed.rss", "/partners/other/feed.rss", "/partners/msn/~wire-key/feed.rss", "/partners/other/~msn-key/feed.rss",
		"/partners/msn/~/feed.rss", "/partners/msn/msn-key/feed.rss", "/partners/msn/~msn-key/feed.txt", "/partners/msn/~msn-key/feed", "/partners/msn/~msn-key/",
		"/partners/msn/~msn-key/feeds/all.rss", "/partners/msn/~msn-key/archive/1.rss", "/partners/msn/~msn-key/galleries/wire-only.rss",
		"/partners/msn/~msn-key/galleries/none.rss", "/partners/msn/~msn-key/feed.rss?a", "/partners/msn/~msn-ke%79/feed.rss", "/partners/msn.rss", "/partners/",
	} {
		got, err := w.Resolve(siteAddress+address, client)
		if !errors.Is(err, edition.ErrUnknown) || strings.Contains(err.Error(), "msn") {
			t.Errorf("%s is %+v: %v", address, got, err)
			continue
		}
		reasons[err.Error()] = true
	}
	if len(reasons) != 1 {
		t.Errorf("refused in several ways: %v", reasons)
	}
}

func TestContentOfATopicIsThatOfItsKey(t *testing.T) {
	t.Parallel()
	w := newWithPartners(t)
	w.putThree()
	for _, topic := range []websub.Topic{
		{Feed: "partners/msn", Document: "atom", Key: "msn-key"}, {Feed: "partners/msn/galleries/msn-only", Document: "rss", Key: "msn-key"},
		{Feed: "partners/wire", Document: "json", Key: "wire-key"}, {Feed: "all", Document: "json"},
	} {
		c, err := w.Content(t.Context(), topic, outbox.Order{})
		if err != nil {
			t.Errorf("%+v: %v", topic, err)
			continue
		}
		for _, id := range []string{"msn-only", "wire-only"} {
			partner, _, _ := strings.Cut(id, "-")
			if strings.Contains(string(c.Body), id) != (strings.Contains(topic.Feed, partner)) {
				t.Errorf("%+v has %s or lacks it:\n%s", topic, id, c.Body)
			}
		}
		if self := "/~" + topic.Key + "/"; topic.Key != "" && !strings.Contains(string(c.Body), self) || topic.Key == "" && strings.Contains(string(c.Body), "~") {
			t.Errorf("%+v does not name itself:\n%s", topic, c.Body)
		}
	}
	if _, err := w.Content(t.Context(), websub.Topic{Feed: "partners/msn", Document: "rss", Key: "wire-key"}, outbox.Order{}); err == nil {
		t.Error("a partner's feed by another's key")
	}
	w.ended["msn-key"] = true
	if w.Holds("partners/msn", "msn-key") || w.Holds("partners/msn/galleries/open", "msn-key") || w.Holds("partners/msn", "wire-key") || !w.Holds("partners/wire", "wire-key") {
		t.Error("keys hold that do not, or the other way around")
	}
}

// The partner subscribed to the gallery while it saw it. Another one cannot ask for it.
func TestTopicOfAGalleryThatThePartnerNoLongerSeesIsEmpty(t *testing.T) {
	t.Parallel()
	w := newWithPartners(t)
	w.putTitled("shared", "Seen by msn", `{"allow":["msn"]}`)
	topic, err := w.Resolve(siteAddress+"/partners/msn/~msn-key/galleries/shared.atom", netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	w.putTitled("shared", "Not for msn", `{"allow":["wire"]}`)
	c, err := w.Content(t.Context(), topic, outbox.Order{})
	if err != nil || strings.Contains(string(c.Body), "Not for msn") || strings.Contains(string(c.Body), "<entry>") || !strings.Contains(string(c.Body), "<feed") {
		t.Errorf("%v:\n%s", err, c.Body)
	}
	if _, err := w.Resolve(siteAddress+"/partners/msn/~msn-key/galleries/shared.atom", netip.Addr{}); !errors.Is(err, edition.ErrUnknown) {
		t.Errorf("a new subscription: %v", err)
	}
	if w.topics.Gone(topic.Feed) {
		t.Error("the subscription ends, though the partner may see the gallery again")
	}
}

func TestDigestDoesNotTakeAnErrorForAnEmptyFeed(t *testing.T) {
	t.Parallel()
	w := newWithPartners(t)
	source := digestSource{w.partners, w.catalogue.Index(), w.catalogue.Load, siteAddress, time.Now}
	if shown, err := source.Shown(t.Context(), "tags/unused", time.Time{}, 100); err != nil || len(shown) > 0 {
		t.Errorf("a tag without galleries shows %v: %v", shown, err)
	}
	if _, err := source.Shown(t.Context(), "former", time.Time{}, 100); !errors.As(err, new(*edition.Moved)) {
		t.Errorf("a feed that has moved: %v", err)
	}
}

func TestDigestShowsAPartnerWhatItSees(t *testing.T) {
	t.Parallel()
	w := newWithPartners(t)
	w.putThree()
	w.put("others", `{"deny":["msn"]}`)
	source := digestSource{w.partners, w.catalogue.Index(), w.catalogue.Load, siteAddress, time.Now}
	for feed, want := range map[string][]string{
		"all": {"open", "others"}, "partners/msn": {"msn-only", "open"}, "partners/wire": {"open", "others", "wire-only"}, "partners/other": nil,
	} {
		shown, err := source.Shown(t.Context(), feed, time.Time{}, 100)
		var got []string
		for _, s := range shown {
			got = append(got, s.Key)
		}
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s shows %v, want %v: %v", feed, got, want, err)
		}
		for _, key := range []string{"msn-only", "open", "others", "wire-only"} {
			v, found, err := source.View(t.Context(), []string{feed}, key)
			if err != nil || found != slices.Contains(want, key) {
				t.Errorf("a digest of %s has %s: %v, %v", feed, key, found, err)
			}
			page := siteAddress + "/galleries/" + key
			if strings.HasSuffix(key, "-only") {
				page = "" // the site has none
			}
			if found && v.URL != page {
				t.Errorf("%s leads to %q", key, v.URL)
			}
		}
	}
	if _, found, err := source.View(t.Context(), []string{"all", "partners/wire"}, "wire-only"); !found || err != nil {
		t.Errorf("of two feeds, the second shows it: %v, %v", found, err)
	}
}
