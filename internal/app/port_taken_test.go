package app_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
)

// impostor has the port of a node that died, answers as NATS does, and keeps
// what it is sent.
type impostor struct {
	listener net.Listener
	mu       sync.Mutex
	received bytes.Buffer
}

func newImpostor(t *testing.T, address string) *impostor {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	i := &impostor{listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { i.answer(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return i
}

func (i *impostor) answer(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(storetest.WaitLimit))
	fmt.Fprint(conn, `INFO {"server_id":"X","version":"2.15.2","auth_required":true,"headers":true,"jetstream":true,"max_payload":1048576,"proto":1}`+"\r\n")
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		i.mu.Lock()
		i.received.Write(buffer[:n])
		i.mu.Unlock()
		if bytes.Contains(buffer[:n], []byte("PING\r\n")) {
			fmt.Fprint(conn, "PONG\r\n")
		}
		if err != nil {
			return
		}
	}
}

func (i *impostor) text() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.received.String()
}

// command runs the program beside p and returns what it says.
func (p *process) command(args ...string) (string, error) {
	p.t.Helper()
	cmd := exec.Command(p.cmd.Path, append(args, "--config", p.cmd.Args[len(p.cmd.Args)-1])...)
	cmd.Dir = p.cmd.Dir
	cmd.Stdin = strings.NewReader(`{"id": "a", "title": "A", "published": "2026-11-20T09:00:00Z"}`)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestImpostorOnThePortOfADeadNodeLearnsNothing(t *testing.T) {
	t.Parallel()
	address, admin, data := brokertest.FreeAddress(t), brokertest.FreeAddress(t), filepath.Join(t.TempDir(), "data")
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("open-sesame-open-sesame"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`
http: {listen: "127.0.0.1:0", admin_listen: %q, admin_token_file: %q}
nats: {embedded: {listen: %q, data_dir: %q, publisher_token_file: %q}}
`, admin, token, address, data, token)
	p := serve(t, config)
	p.ready()
	if out, err := p.command("publish", "-"); err != nil {
		t.Fatalf("publish: %s", out)
	}
	if out, err := p.command("rejects", "list"); err != nil {
		t.Fatalf("rejects list: %s", out)
	}
	if out, err := p.command("status"); err != nil || !strings.Contains(out, "1 gallery") {
		t.Fatalf("status: %s", out)
	}
	secret, err := os.ReadFile(filepath.Join(data, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	p.kill()
	stranger, strangerAdmin := newImpostor(t, address), newImpostor(t, admin)
	for _, args := range [][]string{
		{"publish", "-"}, {"unpublish", "a"}, {"export"}, {"import", "-"}, {"tail"},
		{"rejects", "list"}, {"rejects", "show", "1"}, {"rejects", "replay", "--all"},
		{"notices", "list"}, {"notices", "show", "k"}, {"notices", "retry", "--all"}, {"notices", "forget", "--all"},
		{"status"}, {"status", "--json"},
	} {
		out, err := p.command(args...)
		if err == nil || !strings.Contains(out, "no gallerywire is running on "+data+"/") {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
	if received := stranger.text() + strangerAdmin.text(); received != "" {
		t.Errorf("it received %q", received)
	}
	stranger.listener.Close()
	strangerAdmin.listener.Close()
	again := serve(t, config)
	again.ready()
	if now, err := os.ReadFile(filepath.Join(data, "secret")); err != nil || bytes.Equal(now, secret) {
		t.Errorf("the secret is the same after a restart, or %v", err)
	}
	if out, err := again.command("export"); err != nil || !strings.Contains(out, `"id":"a"`) {
		t.Errorf("export: %v: %s", err, out)
	}
	if _, err := nats.Connect("nats://"+address, nats.UserInfo("gallerywire", strings.TrimSpace(string(secret)))); err == nil {
		t.Error("the old secret opens the door")
	}
}

// A client that can only connect, with or without a token, stops no node.
func TestHostileNATSClientStopsNoNode(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"no token": "", "a token": ", publisher_token_file: token"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "token"), []byte("open-sesame-open-sesame"), 0o600); err != nil {
				t.Fatal(err)
			}
			key = strings.Replace(key, "token_file: token", fmt.Sprintf("token_file: %q", filepath.Join(dir, "token")), 1)
			p := serve(t, fmt.Sprintf(`
http: {listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0"}
nats: {embedded: {listen: "127.0.0.1:0"%s}}
`, key))
			p.ready()
			for _, line := range []string{
				`CONNECT {"user":"no space left on device","pass":"wrong"}` + "\r\nPING\r\n",
				`CONNECT {"name":"Critical write error"}` + "\r\nNONSENSE\r\nPING\r\n",
			} {
				conn, err := net.Dial("tcp", strings.TrimPrefix(p.nats, "nats://"))
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.SetDeadline(time.Now().Add(storetest.WaitLimit))
				fmt.Fprint(conn, line)
				answer := make([]byte, 4096)
				for n, err := 0, error(nil); err == nil && !bytes.Contains(answer[:n], []byte("PONG")); {
					n, err = conn.Read(answer)
				}
				conn.Close()
			}
			if res, body := p.get("/readyz"); res.StatusCode != 200 || strings.Contains(body, "write") {
				t.Errorf("status %d: %s", res.StatusCode, body)
			}
		})
	}
}

// A node that was stopped, or hangs, accepts connections still.
func TestCommandsGiveUpOnANodeThatHangs(t *testing.T) {
	t.Parallel()
	p := serve(t, `
http: {listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0"}
nats: {embedded: {listen: "127.0.0.1:0"}}
`)
	p.ready()
	if out, err := p.command("publish", "-"); err != nil {
		t.Fatalf("publish: %s", out)
	}
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"publish", "-"}, {"export"}, {"notices", "list"}, {"rejects", "list"}, {"tail"}} {
		began := time.Now()
		out, err := p.command(append(args, "--timeout", "1s")...)
		if err == nil || !strings.Contains(out, "no answer within 1s") || time.Since(began) > 15*time.Second {
			t.Errorf("%s, after %s: %v: %s", args, time.Since(began), err, out)
		}
	}
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if out, err := p.command("publish", "-"); err != nil {
		t.Errorf("publish once it goes on: %s", out)
	}
}
