package app_test

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
)

// restricted is a gallery whose words and addresses tell, with "hushed", what the
// public may not see.
func restricted(id, title, section, rights, source string, slides ...string) string {
	return fmt.Sprintf(`{"id":%q,"title":%q,"section":%q,"tags":[%q],"published":"2026-01-02T03:04:05Z","updated":%q,"rights":%s,"sources":[%q],"slides":[%s]}`,
		id, title, section, section, time.Now().UTC().Format(time.RFC3339Nano), rights, source, strings.Join(slides, ","))
}

func slideOf(name, credit, rights string) string {
	return fmt.Sprintf(`{"title":%q,"caption":%q,"credit":%q,"rights":%s,"image":{"url":"https://img.example.com/%s.jpg","alt":%q}}`, name, name, credit, rights, name, name)
}

// What the public may not see by an event's rights or by the configuration is in no
// byte of an answer to a reader, and in no notice.
func TestNothingHiddenFromThePublicIsServedOrAnnounced(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+`
feeds: [{name: all, items: 3}, {name: newest, items: 50, order: updated}]
archive: {page: 10}
tombstones: {stub: true}
rights:
  rules:
    - {credits: ["Hushed*"], deny: [public]}
    - {sources: ["Hushed agency"], allow: [msn]}
nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	cms := connect(t, node.nats)
	notices, err := cms.SubscribeSync("feed.updated")
	if err != nil {
		t.Fatal(err)
	}
	const free, denied, others = `{}`, `{"deny":["public"]}`, `{"allow":["msn"]}`
	later := fmt.Sprintf(`{"from":%q}`, time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))
	open := slideOf("open", "Staff", free)
	for i := range 6 {
		publish(t, cms, "article.published", restricted(fmt.Sprintf("open-%d", i), "Harbour", "Travel", free, "Staff", open,
			slideOf("hushed-denied", "Staff", denied), slideOf("hushed-others", "Staff", others), slideOf("hushed-credit", "Hushed service", free), slideOf("hushed-later", "Staff", later), open))
	}
	publish(t, cms, "article.published", restricted("moves", "Harbour", "Travel", free, "Staff", open))
	for id, event := range map[string]string{
		"hushed-denied": restricted("hushed-denied", "hushed", "Hushed", denied, "Staff", open),
		"hushed-others": restricted("hushed-others", "hushed", "Hushed", others, "Staff", open),
		"hushed-source": restricted("hushed-source", "hushed", "Hushed", free, "HUSHED agency", open),
		"hushed-later":  restricted("hushed-later", "hushed", "Hushed", later, "Staff", open),
	} {
		publish(t, cms, "article.published", event)
		publish(t, cms, "article.published", strings.Replace(event, `"Hushed"`, `"Hushed section"`, 1))
		if id == "hushed-others" {
			publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id":%q,"reason":"hushed"}`, id))
		}
	}
	publish(t, cms, "article.published", restricted("moves", "hushed", "Hushed", denied, "Staff", open))
	publish(t, cms, "article.published", restricted("last", "Last one", "Travel", free, "Staff", open))
	node.eventually("the last gallery is served", func() bool {
		_, body := node.get("/feeds/newest.json")
		return strings.Contains(body, "Last one")
	})

	check := func(where, text string) {
		if i := strings.Index(strings.ToLower(text), "hushed"); i >= 0 {
			t.Errorf("%s has what is hushed: …%s…", where, text[max(0, i-80):min(len(text), i+80)])
		}
	}
	seen, todo := map[string]bool{}, []string{"/", "/feeds.opml", "/sitemap.xml", "/robots.txt", "/galleries", "/feeds/all", "/feeds/newest", "/sections/travel", "/tags/travel", "/galleries/moves"}
	for _, format := range []string{"rss", "atom", "json"} {
		todo = append(todo, "/feeds/all."+format, "/feeds/newest."+format, "/sections/travel."+format, "/galleries/open-1."+format)
	}
	link := regexp.MustCompile(`https://news\.example\.com(/[^"'<>\s\\]*)|(?:href|src)="(/[^"]*)"`)
	for len(todo) > 0 && len(seen) < 500 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		if strings.Contains(path, "/after-") {
			continue // it leads to a page of an archive, at the address of the site
		}
		resp, body := node.get(path)
		check(path, body+fmt.Sprint(resp.Header))
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			found, _, _ := strings.Cut(html.UnescapeString(m[1]+m[2]), "#")
			todo = append(todo, found)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d addresses were found", len(seen))
	}
	for _, path := range []string{"/galleries/hushed-denied", "/galleries/hushed-others", "/galleries/hushed-source", "/galleries/hushed-later", "/galleries/moves", "/sections/hushed.rss", "/tags/hushed.atom", "/sections/hushed"} {
		for _, suffix := range []string{"", ".json"} {
			resp, body := node.get(path + suffix)
			never, likeNever := node.get("/galleries/never-was" + suffix)
			if strings.Contains(path, "/galleries/") && (resp.StatusCode != never.StatusCode || strings.ReplaceAll(body, strings.TrimPrefix(path, "/galleries/"), "never-was") != likeNever) {
				t.Errorf("%s%s answers %s, and what never was %s", path, suffix, resp.Status, never.Status)
			}
			if resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s%s: %s", path, suffix, resp.Status)
			}
		}
	}
	// The last notice is of the last gallery.
	var removed []string
	for done := false; !done; {
		msg, err := notices.NextMsg(storetest.WaitLimit)
		if err != nil {
			t.Fatal(err)
		}
		check("a notice", string(msg.Data)+fmt.Sprint(nats.Header(msg.Header)))
		update := decodeUpdate(t, msg)
		removed = append(removed, update.Data.Removed...)
		done = update.Data.Feed == "newest" && slices.Contains(update.Data.Added, "last")
	}
	if slices.ContainsFunc(removed, func(id string) bool { return id != "moves" }) {
		t.Errorf("announced as removed: %v", removed)
	}
}
