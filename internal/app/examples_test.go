package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

const (
	exampleKey    = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	exampleSecret = "whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz"
)

// example returns what docs/events.md shows in a language, below a heading.
func example(t *testing.T, heading, language string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	_, below, _ := strings.Cut("\n"+string(text), "\n"+heading+"\n")
	match := regexp.MustCompile("(?s)^.*?\n```" + language + "\n(.*?)```\n").FindStringSubmatch(below)
	if match == nil {
		t.Fatalf("docs/events.md has no %s below %q", language, heading)
	}
	return match[1]
}

// troubled passes requests on to a node, after it has answered 503 to the first one and,
// if it drops, ended the connection of the second one. It returns its address.
func troubled(t *testing.T, node string, drops bool) string {
	t.Helper()
	target, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(target)
	var requests atomic.Int32
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := requests.Add(1); {
		case n == 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case n == 2 && drops:
			panic(http.ErrAbortHandler)
		default:
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// TestExamplesSendEventsOverHTTP runs the examples of docs/events.md as they are, but for the
// address: they store a gallery in spite of troubles, and show what is wrong with another.
func TestExamplesSendEventsOverHTTP(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+fmt.Sprintf(`
nats: {embedded: {listen: "127.0.0.1:0"}}
intake: {keys: [{name: blog, kind: bearer, secret: %s}, {name: hooks, kind: standard-webhooks, secret: %s}]}
`, exampleKey, exampleSecret))
	node.ready()
	// .ci/run moves the clock of the node.
	clock := fmt.Sprintf(`const Real = Date, ahead = %d - Date.now();
globalThis.Date = class extends Real { constructor(...at) { at.length ? super(...at) : super(Real.now() + ahead); } };
`, time.Now().UnixMilli())
	const published = "/events/article.published"
	for _, tt := range []struct {
		name    string
		drops   bool
		command func(t *testing.T, address, gallery string) *exec.Cmd
	}{
		{"curl", false, func(t *testing.T, address, gallery string) *exec.Cmd {
			return curl(t, example(t, "### In curl", "sh"), address, gallery)
		}},
		{"python", true, func(t *testing.T, address, gallery string) *exec.Cmd {
			script := example(t, "### In Python", "python") + "\nimport sys\nprint(publish(json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]))"
			return command(t, "/usr/bin/python3", "-c", script, gallery, exampleKey, address+published)
		}},
		{"node", true, func(t *testing.T, address, gallery string) *exec.Cmd {
			script := clock + example(t, "### In Node", "js") + "\nconsole.log(await publish(JSON.parse(process.argv[1]), process.argv[2], process.argv[3]));"
			cmd := command(t, "node", "--input-type=module", "-e", script, gallery, exampleSecret, address+published)
			cmd.Dir = fromNPM(t, "standardwebhooks")
			return cmd
		}},
		{"php", true, func(t *testing.T, address, gallery string) *exec.Cmd {
			script := example(t, "### In PHP", "php") + "\necho json_encode(publish(json_decode($argv[1], true), $argv[2], $argv[3]));"
			return command(t, "php", "-d", "display_errors=stderr", "-r", script, "--", gallery, exampleKey, address+published)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			id := "from-" + tt.name
			out, err := tt.command(t, troubled(t, node.http, tt.drops), galleryJSON(id, "From "+tt.name, "Travel", time.Now(), 1)).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "ARTICLES") {
				t.Fatalf("%v: %s", err, out)
			}
			node.eventually("the gallery is there", func() bool { return node.shows(id) })
			out, err = tt.command(t, node.http, `{"id":"`+id+`-2","published":"2026-11-20T09:00:00Z"}`).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "/title") || !strings.Contains(string(out), "missing or blank") {
				t.Errorf("what is wrong is not shown: %v: %s", err, out)
			}
		})
	}
}

// TestTheFirstExampleOfEventsIsOneLine runs the line with which docs/events.md begins.
func TestTheFirstExampleOfEventsIsOneLine(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+fmt.Sprintf(`
nats: {embedded: {listen: "127.0.0.1:0"}}
intake: {keys: [{name: blog, kind: bearer, secret: %s}]}
`, exampleKey))
	node.ready()
	out, err := curl(t, example(t, "# Events in", "sh"), node.http, galleryJSON("one-line", "In one line", "Travel", time.Now(), 1)).CombinedOutput()
	if err != nil || !strings.Contains(string(out), `{"stream":"ARTICLES","sequence":1,"duplicate":false}`) {
		t.Errorf("%v: %s", err, out)
	}
}

// curl returns a command of the shell that sends the gallery to that address.
func curl(t *testing.T, line, address, gallery string) *exec.Cmd {
	t.Helper()
	command(t, "curl")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gallery.json"), []byte(gallery), 0o600); err != nil {
		t.Fatal(err)
	}
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, "https://feeds.example.com") {
		t.Fatalf("not one line to https://feeds.example.com: %s", line)
	}
	cmd := command(t, "sh", "-c", strings.ReplaceAll(line, "https://feeds.example.com", address))
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "KEY="+exampleKey)
	return cmd
}

// command returns a command that ends with the test. A program that is missing skips the
// test, but not in CI.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is needed: install it", name)
		}
		t.Skipf("%s is not installed", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), storetest.WaitLimit)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}
