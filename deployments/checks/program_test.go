package checks

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The folders that the tests read, seen from here.
const (
	repository  = "../.."
	deployments = ".."
)

// waitLimit is far longer than any step here takes.
const waitLimit = 60 * time.Second

// program is the real program, built once for all tests.
var program = sync.OnceValues(func() (string, error) { return build("gallerywire") })

// workshop is where programs are built.
var workshop = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "gallerywire-checks-") })

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "systemctl" {
		os.Exit(systemctl())
	}
	code := m.Run()
	if dir, err := workshop(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// build makes a program of that name from the main module.
func build(name string, flags ...string) (string, error) {
	dir, err := workshop()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "./cmd/gallerywire")...)
	cmd.Dir = repository
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
}

func gallerywire(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// tool returns the path of a program that .ci/run installs. Without it the test
// is skipped, but where CI decides it fails.
func tool(t testing.TB, name, install string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is needed: install %s", name, install)
	}
	t.Skipf("%s is not installed (Debian: %s)", name, install)
	return ""
}

// node is a running "gallerywire serve".
type node struct {
	t     testing.TB
	cmd   *exec.Cmd
	http  string // where readers are served: host:port
	admin string // the operators' listener: http://host:port
	nats  string // where a CMS publishes
	log   *transcript
	ended chan struct{}
}

// up is the line that a node logs when its listeners are bound.
type up struct {
	Msg   string `json:"msg"`
	HTTP  string `json:"http"`
	Admin string `json:"admin"`
	NATS  string `json:"nats"`
}

// loopback is the environment of a node that must get in nobody's way.
func loopback(more ...string) []string {
	return append([]string{
		"GALLERYWIRE_HTTP_LISTEN=127.0.0.1:0",
		"GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:0",
		"GALLERYWIRE_LOG_FORMAT=json",
	}, more...)
}

// serve starts the program with exactly this environment and returns once it is
// up. It is killed when the test ends.
func serve(t testing.TB, path string, environ []string) *node {
	t.Helper()
	cmd := exec.Command(path, "serve")
	cmd.Env, cmd.Dir = environ, t.TempDir()
	return start(t, cmd)
}

func start(t testing.TB, cmd *exec.Cmd) *node {
	t.Helper()
	n := &node{t: t, cmd: cmd, log: &transcript{}, ended: make(chan struct{})}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan up, 1)
	go n.read(stderr, found)
	t.Cleanup(n.kill)
	select {
	case line := <-found:
		n.http, n.admin, n.nats = line.HTTP, line.Admin, line.NATS
	case <-n.ended:
		t.Fatalf("serve ended at once:\n%s", n.log)
	case <-time.After(waitLimit):
		t.Fatalf("serve is not up:\n%s", n.log)
	}
	return n
}

func (n *node) read(stderr io.Reader, found chan<- up) {
	defer close(n.ended)
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		n.log.add(lines.Text())
		var line up
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "gallerywire is up" {
			found <- line
		}
	}
	_ = n.cmd.Wait()
}

func (n *node) kill() {
	_ = n.cmd.Process.Kill() // it may have ended
	<-n.ended
}

// stop ends the node in order; it must exit with 0.
func (n *node) stop(signal syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(signal); err != nil {
		n.t.Fatal(err)
	}
	select {
	case <-n.ended:
	case <-time.After(waitLimit):
		n.t.Fatalf("serve does not stop:\n%s", n.log)
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		n.t.Errorf("serve exits with %d:\n%s", code, n.log)
	}
}

// ready returns once the node says that it can do its work.
func (n *node) ready() {
	n.t.Helper()
	n.until("/readyz", "ready")
}

// until returns once the address answers with the text in it.
func (n *node) until(path, text string) {
	n.t.Helper()
	eventually(n.t, func() error {
		res, body, err := get("http://" + n.http + path)
		if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(body, text)) {
			err = fmt.Errorf("%s without %q: %s\n%s", res.Status, text, path, body)
		}
		return err
	})
}

// eventually repeats try until it succeeds.
func eventually(t testing.TB, try func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(waitLimit); ; <-tick.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// client never follows a redirect and adds no header of its own.
var client = &http.Client{
	Timeout:       30 * time.Second,
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// get asks with headers that are given as pairs; one that is given twice is sent twice.
func get(url string, headers ...string) (*http.Response, string, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return answer(client.Do(req))
}

func answer(res *http.Response, err error) (*http.Response, string, error) {
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// run runs the program with the environment and returns what it says on both
// outputs. It must exit with 0.
func run(t testing.TB, environ []string, input string, args ...string) string {
	t.Helper()
	out, err := try(t.Context(), t, environ, input, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// try is run, and the exit code is an error.
func try(ctx context.Context, t testing.TB, environ []string, input string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(ctx, gallerywire(t), args...)
	cmd.Env, cmd.Dir, cmd.Stdin = environ, t.TempDir(), strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("gallerywire %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// check has the program say what is wrong with a configuration.
func check(t testing.TB, file string) {
	t.Helper()
	whole, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	run(t, nil, "", "check", whole)
}

// galleryOf is an event that publishes a gallery.
func galleryOf(id, title string) string {
	return fmt.Sprintf(`{"id":%q,"title":%q,"section":"Travel","published":"2026-11-20T09:00:00Z","slides":[{"caption":"Boats","image":{"url":"https://img.example.com/1.jpg"}}]}`, id, title)
}

// transcript keeps what a process wrote.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

func (l *transcript) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// String is the end of it.
func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-60):], "\n")
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t testing.TB, file string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// replaced returns text with all that stands for something else here; each must
// be there.
func replaced(t testing.TB, text []byte, pairs ...string) []byte {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !bytes.Contains(text, []byte(pairs[i])) {
			t.Fatalf("there is no %q in\n%s", pairs[i], text)
		}
		text = bytes.ReplaceAll(text, []byte(pairs[i]), []byte(pairs[i+1]))
	}
	return text
}
