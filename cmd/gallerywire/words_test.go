package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats-server/v2/server"
)

// foreign are words of the libraries that this program uses, which mean nothing to
// the people who use it.
var foreign = regexp.MustCompile(`jsontext|\sjson: |parsing time|strconv|invalid syntax|context deadline exceeded|context canceled|nats: |unmarshal|\bEOF\b|EOL|dial tcp|dial unix|` +
	`\btime: invalid|time: missing|unknown unit|64 bit|parse "|goroutine|runtime error|kong|uint|err_code|%!|\*errors|net/http|malformed`)

// program runs a command line in dir, and returns all that it says.
func program(t *testing.T, dir string, environ []string, stdin string, args ...string) (code int, output string) {
	t.Helper()
	t.Chdir(dir)
	var out bytes.Buffer
	ctx, stop := context.WithTimeout(t.Context(), waitLimit)
	defer stop()
	code = run(ctx, args, console{in: strings.NewReader(stdin), out: &out, err: &out, environ: environ})
	return code, out.String()
}

func TestErrorsAreInOurWords(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("good.json", `{"id":"a","title":"A","published":"2026-11-20T09:00:00Z"}`)
	put("garbage", "\x00\x01{{{")
	put("cut.ndjson", `{"format":1,"site":"a"}`+"\n"+`{"format":1,"id":`)
	const huge = "99999999999999999999999999"
	for i, bad := range []string{`{`, `{"id":`, `nul`, `{"id":"a" "b"}`, `{"id":"\ud800"}`, "{\"id\":\"\xff\"}", `{"id":"a",}`, `[1,2`, ``, `{"id":"a","version":` + huge + `}`,
		`{"id":"a","version":1e999}`, `{"id":"a","published":"tomorrow"}`, `{"id":"a","published":` + huge + `}`, `{"id":7,"slides":{}}`, `{"id":"a","url":"http://[::1","license":"::"}`,
		`{"id":"a","title":"A","published":"2026-11-20T09:00:00Z","slides":[{"image":{"url":"http://h/%zz","width":` + huge + `}}]}`,
		`{"specversion":"1.0","id":7,"source":1,"type":"article.published","data":{}}`,
		`{"specversion":"1.0","id":"1","source":"/x","type":"article.published","time":"yesterday","data":{"id":"a"}}`,
		`{"specversion":"1.0","id":"1","source":"/x","type":"article.published","data_base64":"%%%"}`,
		`{"uri":"tag:x","type":"picture","versioncreated":"tomorrow","version":` + huge + `,"renditions":{"a":{"href":"http://[","width":` + huge + `}}}`} {
		name := fmt.Sprintf("bad%02d.json", i)
		put(name, bad)
		for _, command := range [][]string{{"check", name}, {"check", "--json", name}, {"render", name}, {"import", name}, {"publish", name}} {
			speaks(t, dir, nil, "", command...)
		}
	}
	for _, line := range []string{
		"rejects show abc", "rejects show " + huge, "rejects show -- -1", "rejects show 1.5", "rejects replay 1 x", "rejects replay " + huge, "rejects show",
		"render --at tomorrow good.json", "render --at=" + huge + " good.json", "render --at 2026-13-01T00:00:00Z good.json", "render --feed none good.json", "render --format pdf good.json", "render garbage",
		"unpublish --updated tomorrow a", "unpublish --version x a", "unpublish --version " + huge + " a", "unpublish --version=-1 a", "unpublish --version 1e9 a",
		"health --timeout soon", "health --timeout " + huge + "h", "health --timeout 5", "health --timeout", "health --url", "health --url foo", "health --url http://[::1", "health --url http://127.0.0.1:1",
		"health --url http://127.0.0.1:" + huge, "status --url ftp://x", "status --url http://127.0.0.1:1", "status --timeout -1s",
		"demo --every x", "demo --every " + huge + "s", "serve --accept-damage=maybe", "serve -c garbage", "serve -c none.yaml", "serve -c", "check garbage", "check none", "check .",
		"publish garbage", "publish none.json", "import garbage", "import cut.ndjson", "export", "export -o none/file", "notices list", "notices show abc", "notices retry abc", "notices test none",
		"tail", "rejects list", "completion tcsh", "help none", "nosuch", "--nosuch",
	} {
		speaks(t, dir, []string{"GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:1", "GALLERYWIRE_HTTP_LISTEN=127.0.0.1:1", "GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:1"}, "", strings.Fields(line)...)
	}
	for _, set := range []string{
		"FEEDS=[{name: a, items: " + huge + "}]", "FEEDS=[{name: a, items: x}]", "FEEDS=[{", "FEEDS=:", "FEEDS={a: b", "FEEDS=[a", "FEEDS=\"", "FEEDS=@", "FEEDS=- -", "FEEDS=*a", "FEEDS=%", "FEEDS=!!int x",
		"HTTP_MAX_AGE=soon", "HTTP_MAX_AGE=" + huge + "h", "HTTP_LISTEN=:" + huge, "HTTP_LISTEN=::1:80", "HTTP_CACHE_BYTES=" + huge, "HTTP_CACHE_BYTES=9e9GiB", "HTTP_MAX_CONNECTIONS=" + huge, "HTTP_MAX_CONNECTIONS=1.5",
		"NATS_URL=nats://[::1", "NATS_URL=nats://u:p%zz@h", "NATS_URL=http://x", "NATS_EMBEDDED_SYNC=" + huge + "h", "NATS_EMBEDDED_SYNC=x", "NATS_REPLICAS=" + huge, "NATS_CREDENTIALS_FILE=none",
		"EVENTS_MAX_EVENT=" + huge + "MiB", "EVENTS_URL_TEMPLATE=http://[{slug}", "SITE_BASE_URL=http://[::1", "SITE_BASE_URL=http://h:" + huge, "SITE_LANGUAGE=" + huge, "SITE_AUTHOR_EMAIL=a@@b", "SITE_ICON=%",
		"SCHEDULE_REPUBLISH=x", "SCHEDULE_REPUBLISH=@every x", "SCHEDULE_REPUBLISH=@every " + huge + "h", "SCHEDULE_REPUBLISH=" + huge + " * * * *", "SCHEDULE_REPUBLISH=x * * * *", "SCHEDULE_REPUBLISH=1/x * * * *",
		"SCHEDULE_TIMEZONE=Nowhere/None", "OUTBOUND_ALLOW_NETWORKS=[x]", "OUTBOUND_ALLOW_NETWORKS=[10.0.0.0/" + huge + "]", "LOG_LEVEL=loud", "LOG_FORMAT=xml", "WEBSUB_HUB=perhaps",
		"WEBHOOKS=[{name: a, url: \"http://[\", secrets: [whsec_%]}]", "DIGESTS=[{name: a, schedule: x, to: [\"smtp://[\"]}]", "DIGESTS=[{name: a, schedule: \"@daily\", to: [\"smtp://h:" + huge + "/?from=a&to=b\"]}]",
	} {
		code, output := program(t, dir, []string{"GALLERYWIRE_" + set}, "", "export")
		if code != exitUsage || foreign.MatchString(output) {
			t.Errorf("%s: exit code %d\n%s", set, code, output)
		}
	}
}

// speaks runs a command that cannot do what it is asked, and reads what it says.
func speaks(t *testing.T, dir string, environ []string, stdin string, args ...string) {
	t.Helper()
	code, output := program(t, dir, environ, stdin, args...)
	if code == exitDone && args[0] != "check" || strings.TrimSpace(output) == "" || foreign.MatchString(output) {
		t.Errorf("%s: exit code %d\n%s", strings.Join(args, " "), code, output)
	}
}

func TestAnswersOverHTTPAreInOurWords(t *testing.T) {
	cfg, err := app.LoadConfig("", []string{
		"GALLERYWIRE_HTTP_LISTEN=127.0.0.1:0", "GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR=" + t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), app.Options{Config: cfg, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() { stop(); <-ended }()
	for until := time.Now().Add(waitLimit); ; {
		if res, err := http.Get(a.URL() + "/readyz"); err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(until) {
			t.Fatal("it is not ready")
		}
	}
	answer := func(what string, res *http.Response, err error) {
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body bytes.Buffer
		_, _ = body.ReadFrom(res.Body)
		if words := foreign.FindString(body.String()); words != "" || res.StatusCode < 300 {
			t.Errorf("%s: %s %q in\n%s", what, res.Status, words, body.String())
		}
	}
	topic := a.URL() + "/feeds/all.rss"
	for _, form := range []url.Values{
		{}, {"hub.mode": {"x"}}, {"hub.mode": {"subscribe"}, "hub.topic": {"http://["}, "hub.callback": {"http://["}},
		{"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {"http://["}}, {"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {"http://h:999999999999/"}},
		{"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {"https://subscriber.example.net/"}, "hub.lease_seconds": {"soon"}},
		{"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {"https://subscriber.example.net/"}, "hub.lease_seconds": {"99999999999999999999999"}},
		{"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {"http://127.0.0.1:1/"}},
	} {
		res, err := http.PostForm(a.URL()+"/hub", form)
		answer("/hub "+form.Encode(), res, err)
	}
	for _, path := range []string{"/feeds/none.rss", "/feeds/all/archive/x.atom", "/feeds/all/archive/99999999999999999999999.atom", "/galleries/none", "/tags/%zz.rss", "/nosuch"} {
		res, err := http.Get(a.URL() + strings.ReplaceAll(path, "%zz", "%25zz"))
		answer(path, res, err)
	}
	res, err := http.Get(a.AdminURL() + "/nosuch")
	answer("/nosuch for operators", res, err)
}

func TestCommandsNameTheRightThatIsMissing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gallery.json"), []byte(`{"id":"a","title":"A","published":"2026-11-20T09:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "export.ndjson"), []byte(`{"format":1,"site":"a.example.com"}`+"\n"+`{"format":1,"galleries":0}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	nothing := &server.SubjectPermission{Allow: []string{"nothing"}}
	for name, change := range map[string]func(p *server.Permissions){
		"publish on":   func(p *server.Permissions) { p.Publish = nothing },
		"subscribe to": func(p *server.Permissions) { p.Subscribe = nothing },
	} {
		t.Run(name, func(t *testing.T) {
			address := brokertest.Documented(t, func(users map[string]*server.Permissions) {
				change(users["gallerywire"])
				change(users["cms"])
			})
			for _, line := range []string{"rejects list", "rejects show 1", "rejects replay 1", "notices list", "notices show a", "export", "import export.ndjson", "tail", "publish gallery.json", "unpublish a", "publish --json gallery.json"} {
				if line == "tail" && name == "publish on" {
					continue // it publishes nothing
				}
				user := "gallerywire:node"
				if strings.Contains(line, "publish") {
					user = "cms:cms"
				}
				began := time.Now()
				code, output := program(t, dir, []string{"GALLERYWIRE_NATS_URL=nats://" + user + "@" + address}, "", strings.Fields(line)...)
				if took := time.Since(began); code != exitFailed || took > 10*time.Second || foreign.MatchString(output) ||
					!strings.Contains(output, "does not let this user "+name) || !strings.Contains(output, "deployments/README.md") || strings.Count(output, "\n") > 2 {
					t.Errorf("%s: exit code %d after %s\n%s", line, code, took, output)
				}
			}
		})
	}
}

// With the configuration of the node, on servers that tell its user from a CMS's.
func TestPublishAsTheServiceNamesTheUserToUse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gallery.json"), []byte(`{"id":"a","title":"A","published":"2026-11-20T09:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	address := brokertest.Documented(t, func(map[string]*server.Permissions) {})
	code, output := program(t, dir, []string{"GALLERYWIRE_NATS_URL=nats://gallerywire:node@" + address}, "", "publish", "gallery.json")
	if code != exitFailed || !strings.Contains(output, "subscribe to _INBOX.>") || !strings.Contains(output, "or publish as the user cms there") || !strings.Contains(output, "The events may be stored") {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

func TestCommandsNeedNoMoreThanTheListedRights(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "export.ndjson"), []byte(`{"format":1,"site":"a.example.com"}`+"\n"+`{"format":1,"galleries":0}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := brokertest.Documented(t, func(map[string]*server.Permissions) {})
	for _, line := range []string{"import export.ndjson", "export", "rejects list", "notices list"} {
		code, output := program(t, dir, []string{"GALLERYWIRE_NATS_URL=nats://gallerywire:node@" + address}, "", strings.Fields(line)...)
		if code != exitDone || foreign.MatchString(output) {
			t.Errorf("%s: exit code %d\n%s", line, code, output)
		}
	}
}
