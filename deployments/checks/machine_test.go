package checks

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// machine is a host with the systemd unit on it, below a directory: the command
// lines of README.md run there as they stand, with a systemctl that starts and
// stops the real program.
type machine struct {
	t      *testing.T
	dir    string
	node   *node // nil while it is stopped
	places *strings.Replacer
	env    []string
	orders chan order
}

// order is a call of systemctl, carried out by the test's own goroutine.
type order struct {
	verb, unit string
	done       chan<- error
}

const systemctlURL = "SYSTEMCTL_URL"

// systemctl is what the test's program is when it is called by that name.
func systemctl() int {
	res, err := http.Get(os.Getenv(systemctlURL) + "/" + strings.Join(os.Args[1:], "/"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, "systemctl:", os.Args[1:], res.Status)
		return 1
	}
	return 0
}

// newMachine installs the program and a configuration with the further lines, and
// starts it.
func newMachine(t *testing.T, config string) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir(), orders: make(chan order)}
	admin := free(t)
	m.places = strings.NewReplacer(
		"/etc/gallerywire", m.path("etc/gallerywire"), "/var/lib/gallerywire", m.path("lib"),
		"/var/backups", m.path("backups"), "/run/systemd", m.path("run"), "/usr/local/bin", m.path("bin"), "http://127.0.0.1:8081", "http://"+admin)
	m.configure("gallerywire.yaml", fmt.Sprintf("http: {listen: %q, admin_listen: %q}\n", free(t), admin)+config)
	m.install(gallerywire(t), m.path("bin/gallerywire"))
	for _, dir := range []string{"backups", "here"} {
		if err := os.Mkdir(m.path(dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(me, m.path("bin/systemctl")); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(m.systemctl))
	t.Cleanup(server.Close)
	m.env = append(unitEnvironment(t, m.places), "PATH="+m.path("bin")+":"+os.Getenv("PATH"), systemctlURL+"="+server.URL)
	m.start()
	m.node.ready()
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

// configure writes a configuration that is the embedded one's unless it says else.
func (m *machine) configure(name, text string) {
	write(m.t, m.path("etc/gallerywire/"+name), []byte(text))
}

// install copies a program.
func (m *machine) install(from, to string) {
	m.t.Helper()
	write(m.t, to, read(m.t, from))
	if err := os.Chmod(to, 0o755); err != nil {
		m.t.Fatal(err)
	}
}

var setting = regexp.MustCompile(`(?m)^Environment=(GALLERYWIRE_\S+)$`)

// unitEnvironment is what the unit sets, as it is here.
func unitEnvironment(t *testing.T, places *strings.Replacer) []string {
	t.Helper()
	var environ []string
	for _, match := range setting.FindAllStringSubmatch(string(read(t, deployments, "gallerywire.service")), -1) {
		environ = append(environ, places.Replace(strings.ReplaceAll(match[1], "%S", "/var/lib")))
	}
	if len(environ) < 2 {
		t.Fatalf("the unit sets %v", environ)
	}
	return environ
}

// systemctl hands a call over and answers when it is carried out.
func (m *machine) systemctl(w http.ResponseWriter, r *http.Request) {
	verb, unit, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	done := make(chan error, 1)
	select {
	case m.orders <- order{verb: verb, unit: unit, done: done}:
	case <-r.Context().Done():
		return
	}
	select {
	case err := <-done:
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	case <-r.Context().Done():
	}
}

func (m *machine) obey(o order) error {
	switch {
	case o.verb == "daemon-reload":
	case o.unit != "gallerywire":
		return fmt.Errorf("there is no unit %q", o.unit)
	case o.verb == "start":
		m.start()
	case o.verb == "stop":
		m.stop()
	case o.verb == "restart":
		m.stop()
		m.start()
	default:
		return fmt.Errorf("no verb %q", o.verb)
	}
	return nil
}

// start starts the node unless it runs.
func (m *machine) start() {
	if m.node != nil {
		return
	}
	cmd := exec.Command(m.path("bin/gallerywire"), append([]string{"serve"}, m.flags()...)...)
	cmd.Env, cmd.Dir = m.env, m.dir
	m.node = start(m.t, cmd)
}

// flags are those of the unit's drop-in, where there is one.
func (m *machine) flags() []string {
	text, err := os.ReadFile(m.path("run/system/gallerywire.service.d/damage.conf"))
	if err != nil {
		return nil
	}
	_, flags, _ := strings.Cut(string(text), "gallerywire serve ")
	return strings.Fields(flags)
}

func (m *machine) stop() {
	if m.node == nil {
		return
	}
	m.node.stop(syscall.SIGTERM)
	m.node = nil
}

// run runs a block of README.md below the heading, and what all of them need before it.
func (m *machine) run(heading string, block int) {
	m.t.Helper()
	script := shell(m.t, "Operations")[0] + shell(m.t, heading)[block]
	cmd := exec.CommandContext(m.t.Context(), "/bin/sh", "-euc", m.places.Replace(script))
	cmd.Env, cmd.Dir = m.env, m.path("here")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case o := <-m.orders:
			o.done <- m.obey(o)
		case err := <-ended:
			if err != nil {
				m.t.Fatalf("%v\n%s\n%s", err, script, &out)
			}
			return
		}
	}
}

// command runs the program as root does at a terminal.
func (m *machine) command(input string, args ...string) string {
	m.t.Helper()
	return run(m.t, m.env, input, args...)
}

var (
	headingLine = regexp.MustCompile(`(?m)^#{2,3} (.+)$`)
	shellBlock  = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
)

// shell returns the blocks of commands between a heading of README.md and the next.
func shell(t *testing.T, heading string) []string {
	t.Helper()
	text := string(read(t, deployments, "README.md"))
	found := headingLine.FindAllStringSubmatchIndex(text, -1)
	for i, at := range found {
		if text[at[2]:at[3]] != heading {
			continue
		}
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		var blocks []string
		for _, match := range shellBlock.FindAllStringSubmatch(text[at[1]:end], -1) {
			blocks = append(blocks, match[1])
		}
		return blocks
	}
	t.Fatalf("README.md has no heading %q", heading)
	return nil
}
