package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const (
	wordpressCode = "/usr/share/wordpress" // Debian's package
	wordpressKey  = "a-key-of-the-test-0123456789abcdef0123456789abcdef"
)

// wordpress is a real WordPress with its own database, which sends its galleries by
// deployments/wordpress/gallerywire.php.
type wordpress struct {
	t        *testing.T
	dir      string
	url      string
	php      string
	receiver string // where events go, while it is there
}

// newWordpress installs WordPress on an empty database. The events go to the receiver.
func newWordpress(t *testing.T, receiver string) *wordpress {
	t.Helper()
	dir, err := os.MkdirTemp("", "gwwp") // a short name: the path of a socket has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &wordpress{t: t, dir: dir, receiver: receiver, php: tool(t, "php", "php-cli")}
	if _, err := os.Stat(wordpressCode); err != nil {
		tool(t, "wordpress", "wordpress php-mysql php-gd")
	}
	w.startDatabase()
	w.command("cp", "-a", wordpressCode, w.path("www"))
	listen := free(t)
	w.url = "http://" + listen
	for from, to := range map[string]string{
		"testdata/wordpress/run.php":               "www/run.php",
		"testdata/wordpress/wp-config.php":         "www/wp-config.php",
		deployments + "/wordpress/gallerywire.php": "www/wp-content/mu-plugins/gallerywire.php",
	} {
		write(t, w.path(to), read(t, from))
	}
	write(t, w.path("site"), []byte(w.url))
	write(t, w.path("key"), []byte(wordpressKey+"\n"))
	w.sendTo(receiver)
	w.command(w.php, "testdata/wordpress/install.php")
	w.serve(listen)
	t.Cleanup(w.noComplaints)
	return w
}

func (w *wordpress) path(name string) string { return filepath.Join(w.dir, name) }

// startDatabase runs MariaDB on a socket of its own.
func (w *wordpress) startDatabase() {
	w.t.Helper()
	server := tool(w.t, "mariadbd", "mariadb-server-core")
	own := []string{"--no-defaults", "--datadir=" + w.path("db"), "--innodb-log-file-size=8M"}
	if os.Geteuid() == 0 {
		own = append(own, "--user=root") // a test's directory is its owner's alone
	}
	w.command("mariadb-install-db", append(own, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	w.background(exec.Command(server, append(own, "--socket="+w.path("db.sock"), "--skip-networking", "--performance-schema=0",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--pid-file="+w.path("db.pid"))...))
	eventually(w.t, func() error {
		out, err := exec.Command("mariadb", "--no-defaults", "--socket="+w.path("db.sock"), "--user=root", "--execute=CREATE DATABASE IF NOT EXISTS wordpress").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// background runs a program, and what it starts, until the test ends.
func (w *wordpress) background(cmd *exec.Cmd) {
	w.t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
	})
}

// serve answers browsers, several at a time.
func (w *wordpress) serve(listen string) {
	w.t.Helper()
	cmd := exec.Command(w.php, "-S", listen, "-t", w.path("www"))
	cmd.Env = append(os.Environ(), "PHP_CLI_SERVER_WORKERS=4")
	w.background(cmd)
	eventually(w.t, func() error {
		_, _, err := get(w.url + "/readme.html")
		return err
	})
}

// command runs a program in the site, which must succeed.
func (w *wordpress) command(name string, args ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), waitLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "SITE="+w.path("www"))
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%s: %v\n%s%s", name, err, &out, &complaints)
	}
}

// sendTo says where events go from now on.
func (w *wordpress) sendTo(receiver string) { write(w.t, w.path("receiver"), []byte(receiver)) }

// run runs PHP inside WordPress, as one request, and returns what the code returns.
func (w *wordpress) run(code string) any {
	w.t.Helper()
	res, body, err := answer(http.PostForm(w.url+"/run.php", url.Values{"key": {wordpressKey}, "code": {code}}))
	if err != nil {
		w.t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal([]byte(body[strings.LastIndex(strings.TrimSpace(body), "\n")+1:]), &value); err != nil {
		log, _ := os.ReadFile(w.path("php.log"))
		w.t.Fatalf("%s: %v\n%s\n%s\n%s", res.Status, err, code, body, log[max(0, len(log)-2000):])
	}
	return value
}

// post runs code that returns the number of a post.
func (w *wordpress) post(code string) int {
	w.t.Helper()
	number, ok := w.run(code).(float64)
	if !ok {
		w.t.Fatalf("no number of a post: %s", code)
	}
	return int(number)
}

// cron does what WordPress does on a schedule, as if all of it were due.
func (w *wordpress) cron() {
	w.t.Helper()
	w.run(`delete_option('gallerywire_pause'); do_action('gallerywire_send'); return 0;`)
}

// queue is how many posts wait to be sent.
func (w *wordpress) queue() int {
	w.t.Helper()
	return w.post(`return Gallerywire\Queue::length();`)
}

// noComplaints holds the plugin to PHP without warnings; those of WordPress itself do not count.
func (w *wordpress) noComplaints() {
	log, _ := os.ReadFile(w.path("php.log"))
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "gallerywire") {
			w.t.Error(strings.TrimSpace(line))
		}
	}
}

// browser is logged in as the editor.
func (w *wordpress) browser() *http.Client {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: waitLimit}
	w.page(browser, "/wp-login.php", nil)
	w.page(browser, "/wp-login.php", url.Values{"log": {"editor"}, "pwd": {"a password of the test"}, "testcookie": {"1"}})
	return browser
}

// page opens an address, with a form it sends it, and returns what the browser gets.
func (w *wordpress) page(browser *http.Client, path string, form url.Values) string {
	w.t.Helper()
	send := func() (*http.Response, error) { return browser.Get(w.url + path) }
	if form != nil {
		send = func() (*http.Response, error) { return browser.PostForm(w.url+path, form) }
	}
	res, body, err := answer(send())
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s\n%s", path, res.Status, body)
	}
	return body
}
