package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// partnersOf are the sets of the partners of c, with an index without galleries. Keys in
// paths are good while keys has them.
func partnersOf(c config.Config, keys map[string]bool) *partners {
	o := previewed(PreviewOptions{Config: c, At: time.Now()}, func(func(publish.Item) bool) {})
	a := idle(c, nil, slog.New(slog.DiscardHandler))
	a.access = partner.New(partner.Options{Registerer: a.metrics, Logger: a.log})
	p := a.partnerSets(edition.New(o))
	p.pathKey = func(name, key string) bool { return keys[name+" "+key] }
	return p
}

func TestTheSetAtAnAddressWithAKeyLastsAsLongAsTheKey(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Site.BaseURL = "https://example.com"
	c.Partners = []config.Partner{{Name: "msn", Items: 5}, {Name: "yahoo", Items: 5}}
	keys := map[string]bool{"msn key": true}
	p := partnersOf(c, keys)
	if p.at(partner.Pass{Partner: "nobody"}) != nil || p.at(partner.Pass{Partner: "yahoo", PathKey: "key"}) != nil {
		t.Error("there is a set for a request without a key")
	}
	if plain := p.at(partner.Pass{Partner: "msn"}); plain == nil || plain != p.partner("msn") {
		t.Error("a partner who sends a header does not get the set without a key")
	}
	pass, ref := partner.Pass{Partner: "msn", PathKey: "key"}, edition.Ref{Kind: edition.Partner, Name: "msn"}
	keyed := p.at(pass)
	if keyed == nil || keyed != p.at(pass) || keyed.Address(ref, feed.RSS) != "https://example.com/partners/msn/~key/feed.rss" {
		t.Fatalf("the set with the key is %+v", keyed)
	}
	if err := p.republish(t.Context()); err != nil || p.at(pass) != keyed {
		t.Errorf("a set was dropped while its key is good: %v", err)
	}
	delete(keys, "msn key")
	if err := p.republish(t.Context()); err != nil || p.at(pass) != nil {
		t.Errorf("a set outlives its key: %v", err)
	}
}

func TestPartnersAreWhatIsConfigured(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Rights.Rules = []config.RightsRule{{Credits: []string{"Getty*"}, Deny: []string{"msn"}}}
	c.Partners = []config.Partner{
		{Name: "yahoo"},
		{Name: "msn", Groups: []string{"a"}, Delay: time.Hour, MaxAge: 2 * time.Hour, UnstatedRights: "deny", Content: "summary", Order: "updated", Items: 7, LinkQuery: "a=b",
			Match: config.Selection{Authors: []string{"A"}}, Exclude: config.Exclusion{Tags: []string{"t"}, Sources: []string{"AP"}}},
	}
	a := partnerAudience(c, 1)
	if a.Name != "msn" || a.Groups[0] != "a" || a.Delay != time.Hour || a.MaxAge != 2*time.Hour || !a.DenyUnstated || len(a.Rules) != 2 {
		t.Errorf("the audience is %+v", a)
	}
	if other := partnerAudience(c, 0); other.DenyUnstated || len(other.Rules) != 1 {
		t.Errorf("the other audience is %+v", other)
	}
	d := partnerFeed(c.Partners[1], "partners[1]")
	if d.Name != "msn" || d.Content != feed.Summary || d.Order != index.ByUpdated || d.Items != 7 || d.LinkQuery != "a=b" || d.Match.Authors[0] != "A" || d.Exclude.Tags[0] != "t" || d.Base != "/partners/msn" || d.Where != "partners[1]" {
		t.Errorf("the feed is %+v", d)
	}
}
