package checks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const site = "site: {id: news.example.com, base_url: \"https://feeds.example.com\"}\n"

const embedded = site + "nats: {embedded: {listen: \"127.0.0.1:0\"}}\n"

const feed = "/feeds/all.atom"

// fill publishes two galleries and takes one of them down.
func (m *machine) fill() {
	m.t.Helper()
	m.command(galleryOf("harbour", "Harbour lights")+galleryOf("gone", "Withdrawn"), "publish", "-")
	m.command("", "unpublish", "gone")
	m.node.until(feed, "Harbour lights")
	m.isGone("gone")
}

func (m *machine) isGone(id string) {
	m.t.Helper()
	eventually(m.t, func() error {
		res, text, err := get("http://" + m.node.http + "/galleries/" + id)
		if err == nil && res.StatusCode != http.StatusGone {
			err = fmt.Errorf("%s: %s\n%s", id, res.Status, text)
		}
		return err
	})
}

// feedOf is the feed of everything.
func (m *machine) feedOf() string { return body(m.t, m.node, feed) }

func TestBackUpAndRestoreByExport(t *testing.T) {
	m := newMachine(t, embedded)
	m.fill()
	m.run("Back up", 0)

	// Everything is lost but the backup.
	m.stop()
	if err := os.RemoveAll(m.path("lib")); err != nil {
		t.Fatal(err)
	}
	m.run("Restore", 0)
	m.node.until(feed, "<id>tag:news.example.com,2026:harbour</id>")
	m.isGone("gone")

	// A late copy of what was taken down does not bring it back, and repeating is no harm.
	m.command(galleryOf("gone", "Withdrawn"), "publish", "-")
	m.run("Restore", 0)
	m.command(galleryOf("dusk", "Dusk"), "publish", "-")
	m.node.until(feed, "Dusk")
	m.isGone("gone")
}

func TestBackUpAndRestoreByCopy(t *testing.T) {
	m := newMachine(t, embedded)
	m.fill()
	m.command(`{"id":"nameless"}`, "publish", "--unchecked", "-")
	eventually(t, func() error {
		out, err := try(t.Context(), t, m.env, "", "rejects", "list")
		if err == nil && !strings.Contains(out, "nameless") {
			err = fmt.Errorf("nothing was rejected: %s", out)
		}
		return err
	})
	before := m.feedOf()
	m.run("Back up", 1)
	m.node.ready()
	m.command(galleryOf("dusk", "Dusk"), "publish", "-")
	m.node.until(feed, "Dusk")

	m.run("Restore", 1)
	m.node.until(feed, "Harbour lights")
	if after := m.feedOf(); after != before {
		t.Errorf("it is another feed:\n%s\nwas\n%s", after, before)
	}
	m.isGone("gone")
	if out := m.command("", "rejects", "list"); !strings.Contains(out, "nameless") {
		t.Errorf("the rejects are gone: %s", out)
	}
	if _, err := os.Stat(m.path("backups/replaced")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(m.path("backups/gallerywire")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the copy is open to others: %v %v", info, err)
	}
}

// TestADamagedStoreIsRestored goes each of the ways that README.md names.
func TestADamagedStoreIsRestored(t *testing.T) {
	m := newMachine(t, embedded)
	m.fill()
	m.run("Back up", 0)
	for way, want := range []string{"Harbour lights", "Harbour lights", "Dusk"} {
		m.damage()
		m.run("When the store is damaged", way)
		if way == 2 {
			m.command(galleryOf("dusk", "Dusk"), "publish", "-")
		} else {
			m.isGone("gone")
		}
		m.node.until(feed, want)
		m.stop()
		m.start()
		m.node.ready()
		m.node.until(feed, want)
	}
	if strings.Contains(m.feedOf(), "Harbour lights") {
		t.Error("what was accepted to be lost is there")
	}
}

// damage cuts the file of galleries, and starts the node, which finds that out.
func (m *machine) damage() {
	m.t.Helper()
	m.stop()
	blocks, err := filepath.Glob(m.path("lib/jetstream/$G/streams/KV_gallerywire_galleries/msgs/*.blk"))
	if err != nil || len(blocks) == 0 {
		m.t.Fatalf("the blocks of galleries: %v, %v", blocks, err)
	}
	for _, block := range blocks {
		if err := os.Truncate(block, 10); err != nil {
			m.t.Fatal(err)
		}
	}
	m.start()
	eventually(m.t, func() error {
		out, err := try(m.t.Context(), m.t, m.env, "", "health")
		if err == nil || !strings.Contains(out+err.Error(), "the store is damaged: of 2 records of the bucket gallerywire_galleries 2 are missing") {
			return fmt.Errorf("health says %q, %v", out, err)
		}
		return nil
	})
}

func TestMoveFromTheEmbeddedServerToACluster(t *testing.T) {
	c := startCluster(t)
	m := newMachine(t, embedded)
	m.fill()
	ids := entries(m.feedOf())
	text := string(read(t, m.path("etc/gallerywire/gallerywire.yaml")))
	listen, _, _ := strings.Cut(text, "\n")
	m.configure("cluster.yaml", listen+"\n"+site+"nats: {url: \""+c.url("node", passwords()["NODE_PASSWORD"])+"\", replicas: 3}\n")
	eventually(t, func() error {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-euc", m.places.Replace(shell(t, "From the embedded server to a cluster")[0]))
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
	m.run("From the embedded server to a cluster", 1)
	m.node.until(feed, "Harbour lights")
	m.isGone("gone")
	if moved := entries(m.feedOf()); moved != ids {
		t.Errorf("identifiers were %s and are %s", ids, moved)
	}
	run(t, c.cms(), galleryOf("dusk", "Dusk"), "publish", "-")
	m.node.until(feed, "Dusk")

	// A further node knows all of it.
	second := serve(t, gallerywire(t), append(m.env, loopback()...))
	second.until(feed, "Dusk")
	if one, two := m.feedOf(), body(t, second, feed); one != two {
		t.Errorf("the nodes serve different documents:\n%s\n%s", one, two)
	}
}

var entry = regexp.MustCompile(`<id>tag:[^<]*</id>`)

// entries are the identifiers in an Atom document.
func entries(document string) string { return strings.Join(entry.FindAllString(document, -1), " ") }

// newer is the program as a later release might be, whose records have a later format.
var newer = sync.OnceValues(func() (string, error) {
	dir, err := workshop()
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(filepath.Join(repository, "internal", "store", "catalogue", "record.go"))
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	changed := strings.Replace(string(text), "\nconst format = 2\n", "\nconst format = 4\n", 1) // most records have the number before
	if changed == string(text) {
		return "", fmt.Errorf("%s does not say what the format is", file)
	}
	replacement, overlay := filepath.Join(dir, "record.go"), filepath.Join(dir, "overlay.json")
	replace, err := overlaid()
	if err != nil {
		return "", err
	}
	replace[file] = replacement
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	for name, text := range map[string][]byte{replacement: []byte(changed), overlay: list} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return "", err
		}
	}
	return build("gallerywire-newer", "-overlay", overlay)
})

// overlaid are the files that GOFLAGS replaces in what is built: .ci/run moves the
// clock of everything so. A build has one overlay.
func overlaid() (map[string]string, error) {
	var overlay struct{ Replace map[string]string }
	for _, flag := range strings.Fields(os.Getenv("GOFLAGS")) {
		if file, ok := strings.CutPrefix(flag, "-overlay="); ok {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal(text, &overlay); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	if overlay.Replace == nil {
		overlay.Replace = map[string]string{}
	}
	return overlay.Replace, nil
}

// upgrade runs the commands of README.md with the newer release in the directory.
func (m *machine) upgrade() {
	m.t.Helper()
	next, err := newer()
	if err != nil {
		m.t.Fatal(err)
	}
	m.install(next, m.path("here/gallerywire"))
	m.run("Upgrade", 0)
}

func TestUpgradeAndRollBack(t *testing.T) {
	m := newMachine(t, embedded)
	m.fill()
	before := m.feedOf()
	m.upgrade()
	m.node.until(feed, "Harbour lights")
	if after := m.feedOf(); after != before {
		t.Errorf("the newer release serves another document:\n%s\nwas\n%s", after, before)
	}
	m.command(galleryOf("dusk", "Dusk"), "publish", "-")
	m.node.until(feed, "Dusk")

	// The older one serves what it can read, and leaves the rest as it is.
	m.run("Roll back", 0)
	m.node.until(feed, "Harbour lights")
	if strings.Contains(m.feedOf(), "Dusk") {
		t.Error("the older release shows what it cannot read")
	}
	m.command(galleryOf("dawn", "Dawn"), "publish", "-")
	m.node.until(feed, "Dawn")
	m.command(strings.Replace(galleryOf("dusk", "Dusk, corrected"), "{", `{"updated":"2026-11-21T09:00:00Z",`, 1), "publish", "-")

	// And after the next upgrade it is all there.
	m.upgrade()
	m.node.until(feed, "Dawn")
	m.node.until(feed, "Dusk, corrected")
	m.isGone("gone")
}

func TestRollBackForGood(t *testing.T) {
	m := newMachine(t, embedded)
	m.fill()
	m.upgrade()
	m.command(galleryOf("dusk", "Dusk"), "publish", "-")
	m.node.until(feed, "Dusk")
	ids := entries(m.feedOf())
	m.run("Roll back", 1)
	m.node.until(feed, "Harbour lights")
	m.node.until(feed, "Dusk")
	m.isGone("gone")
	if back := entries(m.feedOf()); back != ids {
		t.Errorf("identifiers were %s and are %s", ids, back)
	}
	m.command(galleryOf("dawn", "Dawn"), "publish", "-")
	m.node.until(feed, "Dawn")
}

// TestRollingUpgradeIsNotNoticed restarts two nodes one after the other, while readers
// come through nginx and a CMS publishes: no reader gets an error, no event is lost.
func TestRollingUpgradeIsNotNoticed(t *testing.T) {
	c := startCluster(t)
	fixed := func() (*node, []string) {
		environ := c.environ(t, "GALLERYWIRE_HTTP_LISTEN="+free(t))
		n := serve(t, gallerywire(t), environ)
		n.ready()
		return n, environ
	}
	one, oneEnv := fixed()
	two, twoEnv := fixed()
	run(t, c.cms(), galleryOf("first", "First"), "publish", "-")
	one.until(feed, "First")
	two.until(feed, "First")
	p := startNginx(t, one.http, two.http)
	stop := readOn(t, p.url)

	one.stop(syscall.SIGTERM)
	run(t, c.cms(), galleryOf("second", "Second"), "publish", "-")
	one = serve(t, gallerywire(t), oneEnv)
	one.ready()
	one.until(feed, "Second")
	two.stop(syscall.SIGTERM)
	run(t, c.cms(), galleryOf("third", "Third"), "publish", "-")
	two = serve(t, gallerywire(t), twoEnv)
	two.ready()
	two.until(feed, "Third")
	one.until(feed, "Third")
	if n := stop(); n == 0 {
		t.Error("nobody read")
	}
}

// readOn reads feeds that no cache has until the function that it returns is called,
// which returns how many there were. An answer that is no feed fails the test.
func readOn(t *testing.T, url string) (stop func() int) {
	done, ended := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { ended <- n }()
		for {
			select {
			case <-done:
				return
			default:
			}
			res, text, err := get(fmt.Sprintf("%s%s?%d", url, feed, n))
			if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(text, "First") {
				t.Errorf("reader %d: %v %v\n%s", n, res, err, text)
				return
			}
			n++
		}
	}()
	return func() int {
		close(done)
		return <-ended
	}
}

// TestNginxIsEmptied runs the command for a take-down that cannot wait.
func TestNginxIsEmptied(t *testing.T) {
	s, p := startStand(t, &stand{text: "v1", maxAge: 3600})
	look(t, p.url+feed, nil)
	s.set(func(s *stand) { s.text = "" })
	if got := look(t, p.url+feed, nil); got.body != "feed of v1" {
		t.Fatalf("it is not in the cache: %+v", got)
	}
	script := strings.ReplaceAll(shell(t, "nginx")[0], "/var/cache/nginx", p.dir)
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-euc", script).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := look(t, p.url+feed, nil); got.status != http.StatusGone {
		t.Errorf("it is still shown: %+v", got)
	}
}

// TestComposePasswordsAreMade runs the commands that make .env, and reads compose.yaml
// with it.
func TestComposePasswordsAreMade(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "deployments", "compose", "compose.yaml"), nil)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-euc", shell(t, "Compose")[0])
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(dir, "deployments", "compose", ".env")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("passwords lie open: %v %v", info, err)
	}
	environ, seen := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(string(read(t, file))) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if len(value) != 48 || seen[value] {
			t.Errorf("%s is %q", name, value)
		}
		environ[name], seen[value] = value, true
	}
	if _, err := loadCompose(t, environ); err != nil {
		t.Error(err)
	}
}

var composeCommand = regexp.MustCompile(`docker compose (up|run|exec|restart|build)\b([^\n;<|]*)`)

// TestReadmeNamesServicesThatExist looks at commands that only an engine can run.
func TestReadmeNamesServicesThatExist(t *testing.T) {
	project := compose(t)
	commands := composeCommand.FindAllStringSubmatch(string(read(t, deployments, "README.md")), -1)
	if len(commands) < 4 {
		t.Fatalf("%d commands of compose were found", len(commands))
	}
	for _, c := range commands {
		for word := range strings.FieldsSeq(strings.NewReplacer("`", " ", ",", " ", `"`, " ").Replace(c[2])) {
			if !strings.HasPrefix(word, "gallerywire-") {
				continue
			}
			if _, ok := project.Services[word]; !ok {
				t.Errorf("%s: there is no service %s", c[0], word)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

func TestReadmeLinksLeadSomewhere(t *testing.T) {
	for _, match := range link.FindAllStringSubmatch(string(read(t, deployments, "README.md")), -1) {
		if _, err := os.Stat(filepath.Join(deployments, match[1])); err != nil {
			t.Error(err)
		}
	}
}

var heredoc = regexp.MustCompile(`(?s)<<'END'[^\n]*\n(.*?)\nEND\n`)

// TestSystemdStepsBeginWithTheThreeAnswers: a node that starts without them has an
// identity that nobody chose.
func TestSystemdStepsBeginWithTheThreeAnswers(t *testing.T) {
	steps := shell(t, "systemd")[0]
	written := heredoc.FindStringSubmatch(steps)
	if written == nil || strings.Index(steps, "systemctl") < strings.Index(steps, written[1]) {
		t.Fatalf("no configuration is written before the first start:\n%s", steps)
	}
	file := filepath.Join(t.TempDir(), "gallerywire.yaml")
	if err := os.WriteFile(file, []byte(written[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, file)
	for _, answer := range []string{`site: {id: `, `base_url: "https://`, `http: {listen: `} {
		if !strings.Contains(written[1], answer) {
			t.Errorf("%q is not stated:\n%s", answer, written[1])
		}
	}
}

var (
	changesTo = regexp.MustCompile(`(?m)^cd (\S+)(?: &&)?$`)
	readsFrom = regexp.MustCompile(`(?m)(?: < | -f | -k |^\. )([^\s"/]\S*)`)
	writesTo  = regexp.MustCompile(`(?m)> ([^\s"/;]\S*)`)
)

// TestReadmeCommandsReadWhatIsThere follows the commands for containers from the root
// of the repository to where they lead.
func TestReadmeCommandsReadWhatIsThere(t *testing.T) {
	for heading, want := range map[string]int{"A container": 2, "Compose": 2, "Kubernetes": 1} {
		at, made, found := repository, map[string]bool{}, 0
		for _, block := range shell(t, heading) {
			if to := changesTo.FindStringSubmatch(block); to != nil {
				at = filepath.Join(at, to[1])
			}
			for _, file := range writesTo.FindAllStringSubmatch(block, -1) {
				made[filepath.Join(at, file[1])] = true
			}
			for _, file := range readsFrom.FindAllStringSubmatch(block, -1) {
				found++
				path := filepath.Join(at, file[1])
				if _, err := os.Stat(path); err != nil && !made[path] {
					t.Errorf("%s: %q, from %s: %v", heading, strings.TrimSpace(file[0]), at, err)
				}
			}
		}
		if found != want {
			t.Errorf("%s: its commands read %d files, want %d", heading, found, want)
		}
	}
	check(t, filepath.Join(deployments, "gallery.json"))
}

var (
	measurement   = regexp.MustCompile(`(?m)^go test .*-bench '?([^' ]+)'? .*\./(internal/\S+)$`)
	benchmarkName = regexp.MustCompile(`(?m)^func Benchmark(\w+)\(`)
)

// TestReadmeNamesBenchmarksThatExist takes each part of a pattern for itself.
func TestReadmeNamesBenchmarksThatExist(t *testing.T) {
	commands := measurement.FindAllStringSubmatch(strings.Join(shell(t, "Measured"), ""), -1)
	if len(commands) < 10 {
		t.Fatalf("%d commands that measure were found", len(commands))
	}
	for _, c := range commands {
		files, err := filepath.Glob(filepath.Join(repository, c[2], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, file := range files {
			for _, match := range benchmarkName.FindAllStringSubmatch(string(read(t, file)), -1) {
				names = append(names, "Benchmark"+match[1])
			}
		}
		for part := range strings.SplitSeq(c[1], "|") {
			if !slices.ContainsFunc(names, regexp.MustCompile(part).MatchString) {
				t.Errorf("%s: no benchmark is called %s", c[2], part)
			}
		}
	}
}
