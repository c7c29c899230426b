package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
)

func TestPublishersKeepToTheirIDs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"blog", "wire"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"'s token is long"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := func(more string) string {
		return fmt.Sprintf(`
http: {listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0"}
nats: {embedded: {listen: "127.0.0.1:0", data_dir: %q%s}}
`, filepath.Join(dir, "data"), more)
	}
	named := config(fmt.Sprintf(`, publishers: [{name: blog, token_file: %q, id_prefix: "blog-"}, {name: wire, token_file: %q, id_prefix: "wire-"}]`,
		filepath.Join(dir, "blog"), filepath.Join(dir, "wire")))

	// What was stored without publishers is there with them.
	before := serve(t, config(""))
	before.ready()
	publish(t, connect(t, before.nats), "article.published", `{"id": "old", "title": "Old", "published": "2026-11-20T09:00:00Z"}`)
	before.eventually("old is shown", func() bool { return before.shows("old") })
	before.kill()

	p := serve(t, named)
	p.ready()
	as := func(name string) *nats.Conn {
		return connect(t, strings.Replace(p.nats, "//", "//"+name+"%27s%20token%20is%20long@", 1))
	}
	blog, wire := as("blog"), as("wire")
	rejected, err := wire.SubscribeSync("article.rejected")
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.Flush(); err != nil {
		t.Fatal(err)
	}
	publish(t, blog, "article.published", `{"id": "blog-1", "title": "Of the blog", "published": "2026-11-20T09:00:00Z"}`)
	p.eventually("blog-1 is shown", func() bool { return p.shows("blog-1") })
	// Another may neither take it down nor overwrite it, whatever it says of itself.
	sequences := map[uint64]bool{}
	sequences[publish(t, wire, "article.unpublished", `{"id": "blog-1"}`)] = true
	sequences[publish(t, wire, "article.published", `{"specversion": "1.0", "type": "article.published", "source": "blog", "id": "x", "data":`+
		`{"id": "blog-1", "title": "Of the wire", "published": "2026-11-20T09:00:00Z", "updated": "2026-11-20T10:00:00Z"}}`)] = true
	publish(t, wire, "article.published", `{"id": "wire-1", "title": "Of the wire", "published": "2026-11-20T09:00:00Z"}`)
	p.eventually("wire-1 is shown", func() bool { return p.shows("wire-1") })
	for range 2 {
		msg, err := rejected.NextMsg(storetest.WaitLimit)
		if err != nil {
			t.Fatal(err)
		}
		var notice struct {
			Data struct {
				Subject, Gallery string
				Sequence         uint64
				Problems         []struct{ Reason string }
			}
		}
		if err := json.Unmarshal(msg.Data, &notice); err != nil || notice.Data.Gallery != "blog-1" || !strings.HasPrefix(notice.Data.Subject, "article.") ||
			!strings.Contains(notice.Data.Problems[0].Reason, `does not begin with "wire-"`) {
			t.Errorf("%v: %s", err, msg.Data)
		}
		if !sequences[notice.Data.Sequence] {
			t.Errorf("the sequence %d is of no acknowledgement: %v", notice.Data.Sequence, sequences)
		}
		delete(sequences, notice.Data.Sequence)
	}
	if _, body := p.get("/galleries/blog-1.json"); !strings.Contains(body, "Of the blog") {
		t.Errorf("blog-1 is %s", body)
	}
	// Replayed, a reject is still of the one who sent it.
	if out, err := p.command("rejects", "replay", "--all"); err != nil {
		t.Errorf("replay: %s", out)
	}
	p.eventually("they are rejected again", func() bool {
		out, _ := p.command("rejects", "list", "--json")
		return strings.Count(out, `"publisher":"wire"`) == 2
	})
	for _, args := range [][]string{{"publish", "-"}, {"unpublish", "a"}, {"unpublish", "--publisher", "other", "a"}} {
		if out, err := p.command(args...); err == nil || !strings.Contains(out, "nats.embedded.publishers") {
			t.Errorf("%s: %s", args, out)
		}
	}
	if out, err := p.command("publish", "-", "--publisher", "blog"); err == nil || !strings.Contains(out, `does not begin with "blog-"`) {
		t.Errorf("publish of a: %s", out)
	}
	if out, err := p.command("unpublish", "blog-1", "--publisher", "blog"); err != nil {
		t.Errorf("unpublish: %s", out)
	}
	p.eventually("blog-1 is taken down", func() bool { return !p.shows("blog-1") })
	if _, err := nats.Connect(p.nats); err == nil {
		t.Error("somebody without a token is let in")
	}
	// What a publisher sent that is not configured any more is rejected, not lost.
	rejects := strings.Count(mustRun(p, "rejects", "list", "--json"), "\n")
	p.kill()
	fewer := serve(t, config(fmt.Sprintf(`, publishers: [{name: blog, token_file: %q}]`, filepath.Join(dir, "blog"))))
	fewer.ready()
	if out := mustRun(fewer, "rejects", "replay", "--all"); strings.Count(out, "sent again") != rejects {
		t.Errorf("replay: %s", out)
	}
	fewer.eventually("they are rejected with another reason", func() bool {
		out, _ := fewer.command("rejects", "list", "--json")
		return strings.Count(out, "is not in nats.embedded.publishers any more") == rejects
	})
}

// mustRun returns what a command says that succeeds.
func mustRun(p *process, args ...string) string {
	p.t.Helper()
	out, err := p.command(args...)
	if err != nil {
		p.t.Fatalf("%s: %s", args, out)
	}
	return out
}

// shows reports whether the gallery is served.
func (p *process) shows(id string) bool {
	res, _ := p.get("/galleries/" + id + ".rss")
	return res.StatusCode == http.StatusOK
}
