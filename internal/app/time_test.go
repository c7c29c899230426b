package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/mmcdole/gofeed/atom"
)

// timed is a gallery that begins and, unless end is zero, ends at an instant.
func timed(id string, begin, end time.Time) string {
	expires := "null"
	if !end.IsZero() {
		expires = fmt.Sprintf("%q", end.Format(time.RFC3339Nano))
	}
	return fmt.Sprintf(`{"id":%q,"title":"Title of %s","section":"Travel","published":%q,"updated":%q,"expires":%s,"slides":[]}`,
		id, id, begin.Format(time.RFC3339Nano), time.Now().UTC().Format(time.RFC3339Nano), expires)
}

func TestAnEmbargoEndsByItselfAndSoDoesAGallery(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	address := brokertest.FreeAddress(t)
	config := oneFeed + fmt.Sprintf("tombstones: {stub: true}\nnats: {embedded: {listen: %q, data_dir: %q}}", address, data)
	node := serve(t, config)
	node.ready()
	cms := connect(t, node.nats)
	notices, err := cms.SubscribeSync("feed.updated")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Add(2 * time.Second).UTC()
	publish(t, cms, "article.published", timed("embargoed", begin, time.Time{}))
	if resp, _ := node.get("/galleries/embargoed"); resp.StatusCode != http.StatusNotFound && time.Now().Before(begin) {
		t.Errorf("the page of an embargoed gallery: %s", resp.Status)
	}
	// Nobody asks: the notice comes by itself.
	msg, err := notices.NextMsg(storetest.WaitLimit)
	if err != nil {
		t.Fatalf("no notice at the end of the embargo\n%s", node.logs)
	}
	if now := time.Now(); now.Before(begin) {
		t.Errorf("the embargo of %s ended at %s", begin, now)
	}
	if got := decodeUpdate(t, msg).Data.Added; len(got) != 1 || got[0] != "embargoed" {
		t.Errorf("added %v", got)
	}
	if _, body := node.get("/feeds/all.atom"); !strings.Contains(body, "Title of embargoed") {
		t.Error("it is not in the feed")
	}

	publish(t, cms, "article.published", timed("short-lived", begin, time.Time{}))
	if msg, err = notices.NextMsg(storetest.WaitLimit); err != nil {
		t.Fatalf("no notice of the second gallery\n%s", node.logs)
	}
	if got := decodeUpdate(t, msg).Data.Added; len(got) != 1 || got[0] != "short-lived" {
		t.Errorf("added %v", got)
	}
	end := time.Now().Add(2 * time.Second).UTC()
	publish(t, cms, "article.published", timed("short-lived", begin, end))
	for removed := []string{}; len(removed) == 0; { // a correction that comes before the expiry is announced too
		if msg, err = notices.NextMsg(storetest.WaitLimit); err != nil {
			t.Fatalf("no notice of the expiry\n%s", node.logs)
		}
		removed = decodeUpdate(t, msg).Data.Removed
	}
	if now := time.Now(); now.Before(end) {
		t.Errorf("what expires at %s ended at %s", end, now)
	}
	if got := decodeUpdate(t, msg).Data.Removed; len(got) != 1 || got[0] != "short-lived" {
		t.Errorf("removed %v", got)
	}
	if resp, _ := node.get("/galleries/short-lived"); resp.StatusCode != http.StatusGone {
		t.Errorf("the page of an expired gallery: %s", resp.Status)
	}
	withdrawn := map[string]string{
		"atom": `<at:deleted-entry ref="tag:news.example.com,2026:short-lived" when="` + end.Truncate(time.Second).Format(time.RFC3339) + `">`,
		"rss":  `<item><title>Withdrawn</title><link>https://news.example.com/galleries/short-lived</link>`, "json": `"title":"Withdrawn"`,
	}
	for format, text := range withdrawn {
		if _, body := node.get("/feeds/all." + format); !strings.Contains(body, text) || strings.Contains(body, "Title of short-lived") {
			t.Errorf("%s does not say %s:\n%s", format, text, body)
		}
	}

	begin = time.Now().Add(2500 * time.Millisecond).UTC()
	publish(t, cms, "article.published", timed("survivor", begin, time.Time{}))
	node.eventually("the event is taken in", func() bool { return pending(node) == "0" })
	node.kill()
	node = serve(t, config)
	node.ready()
	node.eventually("the embargo ends after a restart", func() bool {
		_, body := node.get("/feeds/all.atom")
		shown := strings.Contains(body, "Title of survivor")
		if shown && time.Now().Before(begin) {
			t.Errorf("it is shown before %s", begin)
		}
		return shown
	})
}

// pending is how many events are not taken in yet, as the metrics say it.
func pending(p *process) string {
	p.t.Helper()
	_, rest, _ := strings.Cut(p.metrics(), "\ngallerywire_events_pending ")
	count, _, _ := strings.Cut(rest, "\n")
	return count
}

func TestATakeDownLeavesEverywhereAndStays(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	cms := connect(t, node.nats)
	first := time.Now().Add(-time.Hour).UTC()
	publish(t, cms, "article.published", galleryJSON("withdrawn", "Withdrawn", "Travel", first, 2))
	publish(t, cms, "article.published", galleryJSON("stays", "Stays", "Travel", first, 2))
	has := func(path, text string) bool {
		_, body := node.get(path)
		return strings.Contains(body, text)
	}
	for _, path := range []string{"/feeds/all.rss", "/sections/travel.atom", "/galleries/withdrawn.json", "/galleries/withdrawn", "/galleries", "/feeds/all", "/sections/travel"} {
		node.eventually(path+" holds it", func() bool { return has(path, "Withdrawn") || has(path, "Slide 1") })
	}
	publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id":"withdrawn","updated":%q,"reason":"rights"}`, first.Add(time.Minute).Format(time.RFC3339)))
	node.eventually("Atom says that it is gone", func() bool {
		return has("/feeds/all.atom", `deleted-entry ref="tag:news.example.com,2026:withdrawn"`) && has("/sections/travel.atom", "deleted-entry")
	})
	for path, status := range map[string]int{"/galleries/withdrawn": 410, "/galleries/withdrawn.atom": 410, "/galleries/never-there.rss": 404} {
		if resp, _ := node.get(path); resp.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, resp.Status, status)
		}
	}
	for _, path := range []string{"/feeds/all.rss", "/feeds/all.json", "/sections/travel.rss", "/", "/galleries", "/feeds/all", "/sections/travel", "/sitemap.xml?page=1"} {
		if has(path, "Withdrawn") {
			t.Errorf("%s still holds it", path)
		}
	}
	// A late copy of an older revision does not bring it back, a newer one does.
	publish(t, cms, "article.published", galleryJSON("withdrawn", "Withdrawn", "Travel", first.Add(time.Second), 2))
	node.eventually("the copy is taken in", func() bool { return pending(node) == "0" })
	publish(t, cms, "article.published", galleryJSON("after", "After the copy", "Travel", first, 2))
	node.eventually("what came after it is shown", func() bool { return has("/feeds/all.rss", "After the copy") })
	if has("/feeds/all.rss", "Withdrawn") {
		t.Error("a late copy brought it back")
	}
	publish(t, cms, "article.published", galleryJSON("withdrawn", "Back again", "Travel", first.Add(time.Hour/2), 2))
	node.eventually("it is back", func() bool { return has("/feeds/all.rss", "Back again") && !has("/feeds/all.atom", "deleted-entry") })
}

// TestTheArchiveHoldsEveryGalleryOnce walks it with a parser that nobody here
// wrote, while galleries arrive.
func TestTheArchiveHoldsEveryGalleryOnce(t *testing.T) {
	t.Parallel()
	const galleries = 150
	node := serve(t, oneFeed+"feeds: [{name: all, items: 10}]\narchive: {page: 10}\n"+`nats: {embedded: {listen: "127.0.0.1:0", sync: 2m}}`)
	node.ready()
	cms := connect(t, node.nats)
	for i := range galleries {
		publish(t, cms, "article.published", timed(fmt.Sprintf("gallery-%03d", i), time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC), time.Time{}))
	}
	node.eventually("all are in", func() bool { return node.metric("gallerywire_index_galleries") == galleries })
	arriving := make(chan struct{})
	go func() {
		defer close(arriving)
		for i := range 50 {
			publish(t, cms, "article.published", timed(fmt.Sprintf("late-%03d", i), time.Date(2026, 1, 1, 3*i, 30, 0, 0, time.UTC), time.Time{}))
		}
	}()
	walk(t, node, galleries, false)
	<-arriving
	node.eventually("the late ones are in", func() bool { return node.metric("gallerywire_index_galleries") == galleries+50 })
	walk(t, node, galleries+50, true)
}

// walk follows prev-archive from the newest page and counts each gallery. The
// first ones must be there once; so must the late ones, when all are in.
func walk(t *testing.T, node *process, want int, all bool) {
	t.Helper()
	seen := map[string]int{}
	path := "/feeds/all.atom"
	for pages := 0; path != ""; pages++ {
		if pages > 2*want {
			t.Fatal("the archive has no end")
		}
		resp, body := node.get(path)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, resp.Status)
		}
		parsed, err := (&atom.Parser{}).Parse(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if pages > 0 { // the current document overlaps with its archive
			for _, e := range parsed.Entries {
				seen[e.ID]++
			}
		}
		path = ""
		for _, link := range parsed.Links {
			if link.Rel == "prev-archive" {
				path = strings.TrimPrefix(link.Href, "https://news.example.com")
			}
		}
	}
	found := 0
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
		if all || strings.Contains(id, "gallery-") {
			found++
		}
	}
	if found != want {
		t.Errorf("%d galleries, want %d", found, want)
	}
}
