package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	events "github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

const twoFeeds = oneFeed + `
feeds:
  - {name: all, title: All, items: 4}
  - {name: travel, title: Travel, match: {sections: [travel]}, order: updated, content: summary}
archive: {page: 10}
tombstones: {stub: true, titles: [{language: en, text: Gone for good}]}
nats: {embedded: {listen: "127.0.0.1:0"}}
`

func load(t *testing.T, text string) config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gallerywire.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := app.LoadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAPreviewIsWhatANodeServes publishes events to a node and compares its
// documents, links into the archive included, with those that need none.
func TestAPreviewIsWhatANodeServes(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	var texts []string
	for i := range 60 {
		texts = append(texts, galleryJSON(fmt.Sprintf("g%d", i), fmt.Sprint("Gallery ", i), []string{"Travel", "Sport"}[i%2], day.Add(time.Duration(i)*time.Minute), i%3))
	}
	texts = append(texts,
		galleryJSON("g4", "Corrected", "Travel", day.Add(2*time.Hour), 2),
		galleryJSON("g4", "Late", "Sport", day, 2),
		`{"id":"embargoed","title":"Embargoed","published":"2200-01-01T00:00:00Z","updated":"2026-01-03T00:00:00Z"}`,
		`{"specversion":"1.0","id":"e","source":"/cms","type":"article.unpublished","data":{"id":"g58","updated":"2026-01-04T00:00:00Z","reason":"why"}}`,
		galleryJSON("end", "The end", "Travel", day.Add(3*time.Hour), 1),
	)
	node := serve(t, twoFeeds)
	node.ready()
	cms := connect(t, node.nats)
	for _, text := range texts {
		publish(t, cms, "article.published", text)
	}
	node.eventually("the last event is in", func() bool {
		_, body := node.get("/feeds/travel.json")
		resp, _ := node.get("/galleries/g58")
		return strings.Contains(body, "The end") && strings.Contains(body, "Corrected") && resp.StatusCode == http.StatusGone
	})
	for _, name := range []string{"all", "travel"} {
		options := app.PreviewOptions{Config: load(t, twoFeeds), Feed: name, At: time.Now()}
		items := events.Read("-", strings.NewReader(strings.Join(texts, "\n")), event.Reader{})
		e, err := app.Preview(t.Context(), options, items)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range feed.Formats() {
			_, served := node.get("/feeds/" + name + "." + f.String())
			if name == "travel" && !strings.Contains(served, "Gone for good") {
				t.Errorf("%s does not say what was withdrawn:\n%s", f, served)
			}
			if diff := cmp.Diff(served, string(e.Document(f).Bytes())); diff != "" {
				t.Errorf("%s in %s (-served +previewed):\n%s", name, f, diff)
			}
		}
	}
}

func TestAPreviewOfNothing(t *testing.T) {
	t.Parallel()
	options := app.PreviewOptions{Config: load(t, oneFeed), Feed: "all", At: time.Now()}
	faulty := slices.Values([]events.Item{{Name: "-", Fault: os.ErrNotExist}})
	e, err := app.Preview(t.Context(), options, faulty)
	if err != nil || len(e.Members) != 0 {
		t.Fatalf("members %v, %v", e.Members, err)
	}
	var document struct{ Items []any }
	if err := json.Unmarshal(e.Document(feed.JSON).Bytes(), &document); err != nil || document.Items == nil || len(document.Items) != 0 {
		t.Errorf("items %v, %v", document.Items, err)
	}
	options.Feed = "nosuch"
	if _, err := app.Preview(t.Context(), options, faulty); err == nil {
		t.Error("there is a feed that nobody configured")
	}
}
