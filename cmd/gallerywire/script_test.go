package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gallerywire": main, "httpget": httpget, "receiver": receiver})
}

// TestScripts runs the scripts below testdata/script with the real program.
// In addition to testscript's own commands they have:
//
//	exits CODE COMMAND [ARG...]     runs the command, which must exit with CODE
//	start REGEXP COMMAND [ARG...]   starts it in the background and waits until a line that it
//	                                writes matches; named groups become variables
//	awaits REGEXP                   waits until what was started last has written a line that matches
//	hangup                          sends what was started last a SIGHUP
//	interrupt                       interrupts what was started last; it must exit with 0, and its
//	                                output is compared from then on
//	                                (testscript's own stop would end the script as passed)
//	until REGEXP COMMAND [ARG...]   repeats it until its standard output matches; named
//	                                groups become variables
//	httpget URL                     prints the status, the headers and the body
//	receiver                        takes what is POSTed: at /ok, once there is a file "mended" at
//	                                any address, and prints what it took
func TestScripts(t *testing.T) {
	// Under nohup the programs would inherit an ignored SIGHUP; a handled one they do not.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		WorkdirRoot:        t.TempDir(), // testscript leaves its own if only some scripts run
		Setup: func(env *testscript.Env) error {
			env.Values[startedKey{}] = &started{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "start": launch, "awaits": awaits, "hangup": hangup, "interrupt": interrupt, "until": until,
		},
	})
}

// waitLimit is far more than anything here takes.
const waitLimit = time.Minute

func httpget() {
	res, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer res.Body.Close()
	fmt.Println(res.Status)
	_ = res.Header.Write(os.Stdout)
	fmt.Println()
	_, _ = io.Copy(os.Stdout, res.Body)
}

func receiver() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("receives at=http://%s\n", listener.Addr())
	_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, err := os.Stat("mended"); err != nil && r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Printf("%s %s\n", r.Header.Get("Webhook-Id"), body)
	}))
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		ts.Fatalf("%v", err)
	}
	got := 0
	if failed != nil {
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP COMMAND [ARG...]")
	}
	match(ts, args[0], func() string {
		_ = ts.Exec(args[1], args[2:]...) // it may not be there yet
		return ts.ReadFile("stdout")
	})
}

func awaits(ts *testscript.TestScript, neg bool, args []string) {
	b := ts.Value(startedKey{}).(*started).last
	if neg || len(args) != 1 || b == nil {
		ts.Fatalf("usage: awaits REGEXP, after start")
	}
	match(ts, args[0], b.output.text)
}

// match waits until a line of what text returns matches.
func match(ts *testscript.TestScript, expression string, text func() string) {
	wanted, err := regexp.Compile("(?m)" + expression)
	ts.Check(err)
	for began := time.Now(); ; { // what takes long is looked at more rarely: a command costs something
		if found := wanted.FindStringSubmatch(text()); found != nil {
			setNamed(ts, wanted, found)
			return
		}
		waited := time.Since(began)
		if waited > waitLimit {
			ts.Fatalf("no match for %s", expression)
		}
		<-time.After(min(max(waited/5, 50*time.Millisecond), time.Second))
	}
}
