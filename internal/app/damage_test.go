package app_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A store as it was damaged, at rest.
const (
	storedGalleries = 390
	takenDown       = 20
)

// streamsDir holds the streams of the embedded server.
func streamsDir(dataDir string) string { return filepath.Join(dataDir, "jetstream", "$G", "streams") }

const galleriesStream = "KV_gallerywire_galleries"

func damageConfig(dataDir string) string {
	return oneFeed + crashFeeds + fmt.Sprintf("nats: {embedded: {listen: \"127.0.0.1:0\", data_dir: %q}}", dataDir)
}

// stored returns data directories with the galleries, some of them taken down:
// of a node that was stopped, of one that was killed, the stream of galleries as it was
// before the take-downs, and the number of the last event.
func stored(t *testing.T) (stopped, killed, before string, last uint64) {
	t.Helper()
	stopped, killed = t.TempDir(), t.TempDir()
	config := damageConfig(stopped)
	node := serve(t, config)
	node.ready()
	cms := connect(t, node.nats)
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	for i := range storedGalleries {
		id := fmt.Sprintf("gallery-%03d", i)
		publish(t, cms, "article.published", galleryJSON(id, "Gallery "+id, "Travel", start.Add(time.Duration(i)*time.Second), 3))
	}
	node.eventually("every gallery is stored", func() bool { return node.galleries() == storedGalleries })
	node.stop()
	before = filepath.Join(t.TempDir(), galleriesStream)
	copyDir(t, filepath.Join(streamsDir(stopped), galleriesStream), before)

	node = serve(t, config)
	node.ready()
	cms = connect(t, node.nats)
	for i := range takenDown {
		last = publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id": "gallery-%03d", "updated": %q}`, i*17, start.Add(time.Hour).Format(time.RFC3339)))
	}
	node.eventually("every take-down is stored", func() bool { return node.galleries() == storedGalleries-takenDown })
	node.kill()
	copyDir(t, stopped, killed)
	node = serve(t, config)
	node.ready()
	node.stop()
	return stopped, killed, before, last
}

// galleries is how many the node has that are not taken down.
func (p *process) galleries() int {
	p.t.Helper()
	return int(p.metric("gallerywire_index_galleries"))
}

// copyDir copies the files below a directory; a socket stays where it is.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// block is the file with the records of a stream.
func block(t *testing.T, dataDir, stream string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(streamsDir(dataDir), stream, "msgs", "*.blk"))
	if err != nil || len(found) != 1 {
		t.Fatalf("blocks of %s: %v, %v", stream, found, err)
	}
	return found[0]
}

// edit changes the bytes of a file.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// flipMiddle flips a bit of what a record says. One in the number of a record can have
// the server fill billions of numbers between it and the one before.
func flipMiddle(text []byte) []byte {
	middle := len(text) / 2
	text[middle+bytes.Index(text[middle:], []byte(`":"`))] ^= 4
	return text
}

func zeroTail(text []byte) []byte {
	clear(text[len(text)-4096:])
	return text
}

// TestDamageOfTheStoreIsFound damages the store of a node in one way, and starts it.
func TestDamageOfTheStoreIsFound(t *testing.T) {
	t.Parallel()
	stopped, killed, before, last := stored(t)
	galleries := func(change func([]byte) []byte) func(t *testing.T, dataDir string) {
		return func(t *testing.T, dataDir string) { edit(t, block(t, dataDir, galleriesStream), change) }
	}
	remove := func(what ...string) func(t *testing.T, dataDir string) {
		return func(t *testing.T, dataDir string) {
			if err := os.RemoveAll(filepath.Join(append([]string{dataDir}, what...)...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name    string
		dataDir string
		damage  func(t *testing.T, dataDir string)
		want    string
		alike   bool // to another one: what follows the first start is known of that
	}{
		{"one bit, of a node that was stopped", stopped, galleries(flipMiddle), "of 390 records of the bucket gallerywire_galleries 1 are missing and 0 are back at an older state", false},
		{"one bit, of a node that was killed", killed, galleries(flipMiddle), "of 390 records of the bucket gallerywire_galleries ", true},
		{"the last 4 KB zeroed, of a node that was stopped", stopped, galleries(zeroTail), " are back at an older state", true},
		{"the last 4 KB zeroed, of a node that was killed", killed, galleries(zeroTail), " are back at an older state", true},
		{"cut short", stopped, galleries(func(text []byte) []byte { return text[:len(text)/2] }), "of 390 records of the bucket gallerywire_galleries ", true},
		{"cut short, of a node that was killed", killed, galleries(func(text []byte) []byte { return text[:len(text)-4096] }), " are back at an older state", true},
		{"the stream deleted", stopped, remove("jetstream", "$G", "streams", galleriesStream), "of 390 records of the bucket gallerywire_galleries 390 are missing", false},
		{"the site's id deleted", stopped, remove("jetstream", "$G", "streams", "KV_gallerywire_site"), "the stream KV_gallerywire_site, which held messages up to number 1, is missing", false},
		{"the event stream deleted", stopped, remove("jetstream", "$G", "streams", "ARTICLES"), fmt.Sprintf("the stream ARTICLES, which held messages up to number %d, is missing", last), false},
		{"all of the server's data deleted", stopped, remove("jetstream"), fmt.Sprintf("the stream ARTICLES, which held messages up to number %d, is missing", last), false},
		{"an older copy of the stream", stopped, func(t *testing.T, dataDir string) {
			remove("jetstream", "$G", "streams", galleriesStream)(t, dataDir)
			copyDir(t, before, filepath.Join(streamsDir(dataDir), galleriesStream))
		}, "of 390 records of the bucket gallerywire_galleries 0 are missing and 20 are back at an older state", false},
		{"the note of it damaged", stopped, func(t *testing.T, dataDir string) {
			edit(t, filepath.Join(dataDir, "checkpoint", "gallerywire_galleries.log"), func(text []byte) []byte { text[3]++; return text })
		}, "the note of what the bucket must hold is damaged", false},
		{"the note of streams damaged", stopped, func(t *testing.T, dataDir string) {
			edit(t, filepath.Join(dataDir, "checkpoint", "streams.json"), func([]byte) []byte { return []byte("{") })
		}, "the note of what the streams must hold is damaged", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dataDir := filepath.Join(t.TempDir(), "data")
			copyDir(t, c.dataDir, dataDir)
			c.damage(t, dataDir)
			node := serve(t, damageConfig(dataDir))
			node.damaged(c.want)
			node.kill()
			if c.alike {
				return
			}
			node = serve(t, damageConfig(dataDir))
			node.damaged(c.want) // it is not forgotten
			node.stop()

			node = serve(t, damageConfig(dataDir), "--accept-damage")
			node.ready()
			if !strings.Contains(node.logs.String(), "damage is accepted, the node continues with the records it has") {
				t.Errorf("the accepted damage is not logged:\n%s", node.logs)
			}
			node.stop()
			node = serve(t, damageConfig(dataDir))
			node.ready() // the records it has are the ones it must have
			node.stop()
		})
	}
	// A directory without anything is a new node, and one of an earlier release has
	// nothing to compare with.
	t.Run("unknown to the checkpoint", func(t *testing.T) {
		t.Parallel()
		dataDir := filepath.Join(t.TempDir(), "data")
		copyDir(t, stopped, dataDir)
		if err := os.RemoveAll(filepath.Join(dataDir, "checkpoint")); err != nil {
			t.Fatal(err)
		}
		node := serve(t, damageConfig(dataDir))
		node.ready()
		node.stop()
		edit(t, block(t, dataDir, galleriesStream), flipMiddle)
		node = serve(t, damageConfig(dataDir))
		node.damaged("1 are missing") // from then on it is known
		node.stop()
	})
}

// damaged waits until the node says that of its store, everywhere, and serves nothing.
func (p *process) damaged(want string) {
	p.t.Helper()
	var answer string
	p.eventually("/readyz says "+want, func() bool {
		var resp *http.Response
		resp, answer = p.get("/readyz")
		if resp.StatusCode == http.StatusOK {
			p.t.Fatalf("the node is ready\n%s", p.logs)
		}
		return strings.Contains(answer, want)
	})
	if !strings.Contains(answer, `start "gallerywire serve --accept-damage" once`) {
		p.t.Errorf("/readyz names no remedy: %s", answer)
	}
	if resp, body := p.get("/feeds/all.json"); resp.StatusCode != http.StatusServiceUnavailable {
		p.t.Errorf("a feed is served: %s %s", resp.Status, body)
	}
	if text := p.metrics(); !strings.Contains(text, "\ngallerywire_store_damage ") || strings.Contains(text, "\ngallerywire_store_damage 0\n") {
		p.t.Errorf("the metric does not say so:\n%s", grep(text, "gallerywire_store_damage"))
	}
	if _, text := p.fetch(p.admin + "/status.json"); !strings.Contains(text, want) {
		p.t.Errorf("the status does not say so: %s", text)
	}
	p.eventually("the log says so", func() bool {
		return strings.Contains(p.logs.String(), "level=ERROR") && strings.Contains(p.logs.String(), want)
	})
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	if output, err := exec.Command(path, "health", "--url", p.http).CombinedOutput(); err == nil || !strings.Contains(string(output), want) {
		p.t.Errorf("health says %q, %v", output, err)
	}
}

func grep(text, what string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return !strings.Contains(line, what) }), "\n")
}
