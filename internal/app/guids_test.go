package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whichever comes first, over HTTP and over NATS.
func TestNobodyTakesTheIdentifierOfAnothersGallery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"-token-of-a-test-0123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sender := `{name: %[1]s, %[2]s_file: %[3]q, id_prefix: "%[1]s-", guid_prefixes: ["https://%[1]s.example.com/"]}`
	list := func(secret, more string) string {
		return strings.ReplaceAll(fmt.Sprintf("["+sender+", ", "a", secret, filepath.Join(dir, "a"))+fmt.Sprintf(sender+"]", "b", secret, filepath.Join(dir, "b")), "{name:", "{"+more+"name:")
	}
	p := serve(t, fmt.Sprintf(`
site: {id: news.example.com}
http: {listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0"}
nats: {embedded: {listen: "127.0.0.1:0", data_dir: %q, publishers: %s}}
intake: {keys: %s}
`, filepath.Join(dir, "data"), list("token", ""), list("secret", "kind: bearer, ")))
	p.ready()
	rejected := 0.0
	overHTTP := func(name, gallery string, stored bool) {
		status, answer := sendTo(t, p, "POST", "/events", name+"-token-of-a-test-0123456789", gallery)
		if (status == http.StatusAccepted) != stored {
			t.Errorf("%s answered %d %v", gallery, status, answer)
		}
	}
	overNATS := func(name, gallery string, stored bool) {
		publish(t, connect(t, strings.Replace(p.nats, "//", "//"+name+"-token-of-a-test-0123456789@", 1)), "article.published", gallery)
		if !stored {
			rejected++
			p.eventually(gallery+" is rejected", func() bool { return p.metric("gallerywire_events_total", `outcome="rejected"`) >= rejected })
		}
	}
	feeds := func() (all []string) {
		for _, format := range []string{"rss", "atom", "json"} {
			_, body := p.get("/feeds/all." + format)
			all = append(all, body)
		}
		return all
	}
	for way, send := range map[string]func(name, gallery string, stored bool){"http": overHTTP, "nats": overNATS} {
		for _, first := range []string{"a", "b"} {
			id := way + "-" + first
			guid, tag := "https://a.example.com/?p="+id, "tag:news.example.com,2026%s:a-"+id+"-tag"
			own := func() {
				send("a", fmt.Sprintf(`{"id": "a-%s", "guid": %q, "title": "Own guid %[1]s", "published": "2026-11-20T09:00:00Z"}`, id, guid), true)
				send("a", fmt.Sprintf(`{"id": "a-%s-tag", "title": "Own tag %[1]s", "published": "2026-11-20T09:00:00Z"}`, id), true)
			}
			if first == "a" {
				own()
			}
			for i, taken := range []string{guid, " " + guid, fmt.Sprintf(tag, ""), fmt.Sprintf(tag, `\ufdd0`), fmt.Sprintf(tag, `\ud83f\udffe`), "T" + fmt.Sprintf(tag, "")[1:], `\u00a0` + fmt.Sprintf(tag, "")} {
				for _, published := range []string{"2026-11-19", "2026-11-21"} {
					send("b", fmt.Sprintf(`{"id": "b-%s-%d", "guid": "%s", "title": "Taken", "published": "%sT09:00:00Z"}`, id, i, taken, published), false)
				}
			}
			if first == "b" {
				own()
			}
			send("b", fmt.Sprintf(`{"id": "b-%s", "guid": "https://b.example.com/?p=%[1]s", "title": "Of b %[1]s", "published": "2026-11-20T09:00:00Z"}`, id), true)
			for _, want := range []string{"Own guid " + id, "Own tag " + id, "Of b " + id} {
				p.eventually(want+" is in every feed", func() bool {
					for _, body := range feeds() {
						if strings.Count(body, want) == 0 {
							return false
						}
					}
					return true
				})
			}
		}
	}
	for _, body := range feeds() {
		if strings.Contains(body, "Taken") {
			t.Errorf("what was refused is shown:\n%s", body)
		}
	}
}
