package app_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// workshop is a directory for what is built for all stories.
var workshop string

// binary is the real program, built once for all stories.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workshop, "gallerywire")
	out, err := exec.Command("go", "build", "-o", path, "github.com/gallerywire/gallerywire/cmd/gallerywire").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "gallerywire-stories-")
	if err != nil {
		panic(err)
	}
	workshop = dir
	// Stories wait for other processes, disks and instants most of the time.
	if err := flag.Set("test.parallel", strconv.Itoa(max(6, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running "gallerywire serve".
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	http  string // address
	admin string
	nats  string
	logs  *logs
	done  chan struct{}
}

// logs keeps what a process wrote, for the failure of a test.
type logs struct {
	mu    sync.Mutex
	lines []string
}

func (l *logs) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

// Write takes a line of slog.
func (l *logs) Write(line []byte) (int, error) {
	l.add(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// whole is all that was written.
func (l *logs) whole() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines[max(0, len(l.lines)-60):], "\n")
}

var upLine = regexp.MustCompile(`msg="gallerywire is up" .*\bhttp=(\S+) admin=(\S+) nats=(\S+)`)

// serve starts the program with a configuration and flags, and returns once it is
// up. It is killed when the test ends. A short run has no such story.
func serve(t testing.TB, config string, flags ...string) *process {
	t.Helper()
	return serveIn(t, nil, config, flags...)
}

// serveIn is serve with more variables in the environment.
func serveIn(t testing.TB, environment []string, config string, flags ...string) *process {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the program as another process, which the race detector does not see")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gallerywire.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(path, append([]string{"serve", "--config", file}, flags...)...), logs: &logs{}, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = t.TempDir(), append(os.Environ(), environment...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up := make(chan []string, 1)
	go p.read(stderr, up)
	t.Cleanup(func() { p.kill() })
	select {
	case found := <-up:
		p.http, p.admin, p.nats = "http://"+found[1], found[2], found[3]
	case <-p.done:
		t.Fatalf("serve ended at once:\n%s", p.logs)
	case <-time.After(storetest.WaitLimit):
		t.Fatalf("serve is not up after %s:\n%s", storetest.WaitLimit, p.logs)
	}
	return p
}

func (p *process) read(stderr io.Reader, up chan<- []string) {
	defer close(p.done)
	scanner := bufio.NewScanner(stderr)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.logs.add(scanner.Text())
		if found := upLine.FindStringSubmatch(scanner.Text()); found != nil {
			up <- found
		}
	}
	_ = p.cmd.Wait()
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends the process in order and returns its exit code.
func (p *process) stop() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(storetest.WaitLimit):
		p.t.Fatalf("serve does not stop:\n%s", p.logs)
	}
	return p.cmd.ProcessState.ExitCode()
}

// get returns status, headers and body of an address of the process.
func (p *process) get(path string, header ...string) (*http.Response, string) {
	p.t.Helper()
	return p.fetch(p.http+path, header...)
}

func (p *process) fetch(url string, header ...string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.logs)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(body)
}

// ready waits until the node says so.
func (p *process) ready() {
	p.t.Helper()
	p.eventually("the node is ready", func() bool {
		resp, _ := p.get("/readyz")
		return resp.StatusCode == http.StatusOK
	})
}

// eventually waits for a condition.
func (p *process) eventually(what string, is func() bool) {
	p.t.Helper()
	if !eventually(is) {
		p.t.Fatalf("in vain: %s\n%s", what, p.logs)
	}
}

// eventually reports whether a condition became true. To look costs a node something, so
// that one that takes long is looked at more rarely.
func eventually(is func() bool) bool {
	for began := time.Now(); !is(); {
		waited := time.Since(began)
		if waited > storetest.WaitLimit {
			return false
		}
		<-time.After(min(max(waited/10, 10*time.Millisecond), 200*time.Millisecond))
	}
	return true
}

// metrics is what Prometheus would read.
func (p *process) metrics() string {
	p.t.Helper()
	_, text := p.fetch(p.admin+"/metrics", "Accept-Encoding", "identity")
	return text
}

// connect is how a CMS or a partner connects.
func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.RetryOnFailedConnect(true), nats.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// publish sends one event until it is acknowledged.
func publish(t testing.TB, conn *nats.Conn, subject, data string) (sequence uint64) {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(60 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		ack, err := js.Publish(ctx, subject, []byte(data))
		cancel()
		if err == nil {
			return ack.Sequence
		}
		if time.Now().After(deadline) {
			t.Fatalf("publish: %v", err)
		}
	}
}
