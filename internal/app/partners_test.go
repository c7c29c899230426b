package app_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/credential"
)

// reply is what a reader got.
type reply struct {
	body  string
	whole string // with the headers
}

// reader reads the addresses of a partner in one way.
type reader struct {
	base    string // of its addresses
	headers []string
}

// ourLink finds the addresses of the site in documents, and in pages also those without a
// host.
var ourLink = regexp.MustCompile(`https://news\.example\.com(/[^"'<>\s\\]*)|(?:href|src)="(/[^"]*)"`)

// crawl reads all that the reader finds from its feed, and the public addresses that it is
// led to. It returns the answers by address below the base.
func (r reader) crawl(t *testing.T, node *process) map[string]reply {
	t.Helper()
	found, public := map[string]reply{}, map[string]bool{}
	todo := []string{"/", "/feed.rss", "/feed.atom", "/feed.json", "/changes.json"}
	for len(todo) > 0 && len(found) < 500 {
		path := todo[0]
		todo = todo[1:]
		if _, known := found[path]; known || strings.Contains(path, "/after-") { // which leads to a page of an archive, at the address of the site
			continue
		}
		resp, body := node.get(r.base+path, r.headers...)
		if withdrawn := strings.HasPrefix(path, "/galleries/down-"); withdrawn != (resp.StatusCode != http.StatusOK) {
			t.Errorf("%s: %s", path, resp.Status)
		}
		found[path] = reply{body, body + fmt.Sprint(resp.Header)}
		for _, m := range ourLink.FindAllStringSubmatch(found[path].whole, -1) {
			address, _, _ := strings.Cut(html.UnescapeString(m[1]+m[2]), "#")
			below, own := strings.CutPrefix(address, r.base+"/")
			switch {
			case own:
				todo = append(todo, "/"+below)
			case strings.HasPrefix(address, "/partners/"):
				t.Errorf("%s leads to another base", path)
			case address == "/hub":
			default:
				public[address] = true
			}
		}
	}
	for address := range public {
		if resp, _ := node.get(address); resp.StatusCode != http.StatusOK {
			t.Errorf("a document of a partner leads to the public address %s: %s", address, resp.Status)
		}
	}
	if len(found) < 50 {
		t.Errorf("only %d addresses were found", len(found))
	}
	return found
}

// Two partners read, by each way, all that is for them, and in no byte of it is anything
// that is not, nor a key where it was not used.
func TestNothingOfOnePartnerReachesAnother(t *testing.T) {
	t.Parallel()
	alphas, betas := credential.NewKey(), credential.NewKey()
	node := serve(t, oneFeed+fmt.Sprintf(`
archive: {page: 10}
tombstones: {stub: true}
rights: {rules: [{credits: ["hushbeta*"], deny: [slow]}]}
partners:
  - name: alpha
    items: 4
    exclude: {sections: [Gossip], sources: ["hushalpha*"], credits: ["hushalpha*"]}
    link_query: utm_source=alpha
    access: {path_keys: true, keys: [{name: a, secret_file: %q}]}
  - {name: beta, items: 4, order: published, groups: [slow], delay: 1h, access: {keys: [{name: a, secret_file: %q}]}}
nats: {embedded: {listen: "127.0.0.1:0"}}`, keyFile(t, alphas), keyFile(t, betas)))
	node.ready()
	cms := connect(t, node.nats)
	const free = `{}`
	open := slideOf("open", "Staff", free)
	for i := range 24 {
		publish(t, cms, "article.published", restricted(fmt.Sprintf("open-%d", i), "For everybody", "Travel", free, "Staff", open,
			slideOf("hushalpha-denied", "Staff", `{"deny":["alpha"]}`), slideOf("hushbeta-denied", "Staff", `{"allow":["alpha","public"]}`),
			slideOf("hushalpha-excluded", "Hushalpha agency", free), slideOf("hushbeta-rule", "Hushbeta agency", free), slideOf("hushpublic", "Staff", `{"allow":["alpha","beta"]}`)))
	}
	gone := map[string]string{
		"only-alpha": restricted("only-alpha", "hushbeta hushpublic", "Travel", `{"allow":["alpha"]}`, "Staff", open),
		"only-beta":  restricted("only-beta", "hushalpha hushpublic", "Travel", `{"allow":["slow"]}`, "Staff", open),
	}
	for id, event := range gone {
		publish(t, cms, "article.published", event)
		down := strings.ReplaceAll(event, id, "down-"+id)
		publish(t, cms, "article.published", down)
		publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id":%q,"reason":%q}`, "down-"+id, strings.Fields(down[strings.Index(down, "hush"):])[0]))
	}
	publish(t, cms, "article.published", restricted("gossip", "hushalpha", "Gossip", free, "Staff", open))
	publish(t, cms, "article.published", restricted("source", "hushalpha", "Travel", free, "Hushalpha agency", open))
	publish(t, cms, "article.published", strings.Replace(restricted("fresh", "hushbeta", "Travel", free, "Staff", open),
		"2026-01-02T03:04:05Z", time.Now().UTC().Format(time.RFC3339), 1))
	readers := map[string]reader{
		"alpha by path":   {"/partners/alpha/~" + alphas, nil},
		"alpha by bearer": {"/partners/alpha", []string{"Authorization", "Bearer " + alphas}},
		"alpha by basic":  {"/partners/alpha", []string{"Authorization", basicOf("alpha", alphas)}},
		"beta by bearer":  {"/partners/beta", []string{"Authorization", "Bearer " + betas}},
		"beta by basic":   {"/partners/beta", []string{"Authorization", basicOf("beta", betas)}},
	}
	node.eventually("the last gallery is served", func() bool {
		_, body := node.get("/feeds/all.json")
		return strings.Contains(body, "/fresh.json")
	})

	answers := map[string]map[string]reply{}
	for name, r := range readers {
		answers[name] = r.crawl(t, node)
		for path, got := range answers[name] {
			answer := got.whole
			own, other := "alpha", "beta"
			if !strings.HasPrefix(name, own) {
				own, other = other, own
			}
			secrets := []string{"hush" + own, "down-only-" + other, betas}
			if r.headers != nil {
				secrets = append(secrets, alphas)
			}
			for _, forbidden := range secrets {
				if i := strings.Index(strings.ToLower(answer), strings.ToLower(forbidden)); i >= 0 {
					t.Errorf("%s: %s has what it must not have: …%s…", name, path, answer[max(0, i-200):min(len(answer), i+80)])
				}
			}
			if hub := strings.Contains(answer, "example.com/hub"); hub != (r.headers == nil && (strings.HasPrefix(path, "/feed.") || strings.HasPrefix(path, "/galleries/") && strings.Contains(path, "."))) {
				t.Errorf("%s: %s names a hub: %t", name, path, hub)
			}
		}
		for _, path := range []string{"/galleries/gossip.rss", "/galleries/source", "/galleries/only-beta", "/galleries/down-only-alpha.json"} {
			never, _ := node.get(r.base+strings.Replace(path, "galleries/", "galleries/never-", 1), r.headers...)
			if resp, _ := node.get(r.base+path, r.headers...); strings.HasPrefix(name, "alpha") && (resp.StatusCode != http.StatusNotFound || resp.StatusCode != never.StatusCode) {
				t.Errorf("%s: %s: %s", name, path, resp.Status)
			}
		}
	}
	if _, has := answers["alpha by path"]["/galleries/only-alpha.json"]; !has {
		t.Error("alpha does not find its own gallery")
	}
	if _, has := answers["beta by basic"]["/galleries/only-beta.json"]; !has {
		t.Error("beta does not find its own gallery")
	}
	for path, got := range answers["alpha by basic"] {
		if path != "/changes.json" && got.body != answers["alpha by bearer"][path].body { // whose cursor has the time
			t.Errorf("%s is another one for who comes by Basic", path)
		}
	}
	for _, path := range []string{"/galleries/only-alpha", "/galleries/only-beta.rss", "/galleries/down-only-alpha"} {
		if resp, _ := node.get(path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("the public's %s: %s", path, resp.Status)
		}
	}
}
