package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/go-json-experiment/json"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	repository = "../../"
	readme     = "README.md"
	events     = "docs/events.md"
	notices    = "docs/notices.md"
	partners   = "docs/partners.md"
	operations = "deployments/README.md"
)

// documents are all that people read.
func documents() []string {
	return []string{readme, events, "docs/feeds.md", notices, partners, "docs/decisions.md", "docs/contributing.md", operations}
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(repository + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// examples returns what stands in a document between the lines that match opening
// and closing.
func examples(t *testing.T, name, opening, closing string) []string {
	t.Helper()
	var found []string
	for _, match := range regexp.MustCompile(`(?ms)^`+opening+`$\n(.*?)^`+closing+`$`).FindAllStringSubmatch(document(t, name), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s has nothing between %s and %s", name, opening, closing)
	}
	return found
}

func TestReadmeEventsAreAccepted(t *testing.T) {
	all := append(examples(t, events, "```json", "```"), examples(t, readme, "cat > gallery.json <<'END'", "END")...)
	for _, text := range append(all, "{"+examples(t, partners, "```json\n\\{", "```")[0]) {
		for item := range publish.Read("gallery.json", strings.NewReader(text), event.Reader{MaxBytes: 1 << 20}) {
			if item.Fault != nil || item.ID != "harbour-lights" {
				t.Errorf("gallery %q: %v\n%s", item.ID, item.Fault, text)
			}
		}
	}
}

// Every feed named in an example is there.
func TestReadmeSlugsAreThoseOfTheExample(t *testing.T) {
	slugs := map[string][]string{
		"sections": {gallery.Slug("Travel"), gallery.Slug("Food")}, "tags": {gallery.Slug("night"), gallery.Slug("harbours"), url.PathEscape(gallery.Slug("São João"))},
		"authors": {gallery.Slug("A. Writer"), gallery.SlugStem("A. Writer")},
	}
	example := regexp.MustCompile(`\b(sections|tags|authors)/([\pL\pN~%-]+)`)
	named := map[string]bool{}
	for _, name := range append(documents(), "config/gallerywire.yaml", "config/production.yaml") {
		for _, match := range example.FindAllStringSubmatch(document(t, name), -1) {
			named[match[1]] = true
			if !slices.Contains(slugs[match[1]], match[2]) {
				t.Errorf("%s: %s is not where the example is, that is at %q", name, match[0], slugs[match[1]])
			}
		}
	}
	if len(named) != len(slugs) {
		t.Errorf("only these have examples: %v", named)
	}
}

// TestReadmeLinePublishesIntoTheDemo runs that line, and the one that the demo prints.
func TestReadmeLinePublishesIntoTheDemo(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("curl is needed: install it")
		}
		t.Skip("curl is not installed")
	}
	c, err := app.LoadConfig("", []string{"GALLERYWIRE_HTTP_LISTEN=127.0.0.1:0", "GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- app.Demo(ctx, app.DemoOptions{Config: c, Every: time.Minute, Out: in, Logger: slog.New(slog.DiscardHandler)})
		in.Close()
	}()
	defer func() {
		stop()
		go io.Copy(io.Discard, out)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	lines := bufio.NewScanner(out)
	printed := ""
	for !strings.HasPrefix(printed, "  curl ") && lines.Scan() {
		printed = lines.Text()
	}
	curls := slices.DeleteFunc(examples(t, readme, "```sh", "```"), func(text string) bool { return !strings.HasPrefix(text, "curl --json '") })
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	if len(curls) != 1 || printed == "" {
		t.Fatalf("%s has %q, the demo prints %q", readme, curls, printed)
	}
	for _, line := range append(curls, printed) {
		line = address.ReplaceAllString(line, address.FindString(printed))
		if got, err := exec.CommandContext(ctx, "sh", "-c", line).Output(); err != nil || !strings.Contains(string(got), `"duplicate":false`) {
			t.Errorf("%s: %v: %s", line, err, got)
		}
	}
}

func TestReadmeNoticeIsWhatIsSent(t *testing.T) {
	var update event.Update
	var outcome event.Outcome
	all := examples(t, notices, "```json", "```")
	if len(all) != 2 {
		t.Fatalf("%s has %d examples of notices", notices, len(all))
	}
	isWhatIsSent(t, all[0], &update, func(e event.CloudEvent, site string) event.CloudEvent { return event.NewUpdate(e.ID, site, update) })
	if len(update.Formats) != 3 || len(update.Added) != 1 {
		t.Errorf("read as %+v", update)
	}
	isWhatIsSent(t, all[1], &outcome, func(e event.CloudEvent, site string) event.CloudEvent { return event.NewWithheld(e.ID, site, outcome) })
	if len(outcome.Partners) != 2 || len(outcome.Partners[1].Slides) != 2 {
		t.Errorf("read as %+v", outcome)
	}
}

// isWhatIsSent reads an example, with its data, and wants the event made again of that.
func isWhatIsSent(t *testing.T, text string, data any, again func(e event.CloudEvent, site string) event.CloudEvent) {
	t.Helper()
	e := event.CloudEvent{Data: data}
	if err := json.Unmarshal([]byte(text), &e, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	want, err := again(e, strings.TrimPrefix(e.Source, "//")).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(strings.FieldsFunc(text, unicode.IsSpace), ""); got != string(want) {
		t.Errorf("the example is\n%s\nand what is sent\n%s", got, want)
	}
}

func TestReadmeListOfChangesIsWhatIsServed(t *testing.T) {
	var list edition.Changes
	text := examples(t, partners, "```json", "```")[1]
	if err := json.Unmarshal([]byte(text), &list, json.RejectUnknownMembers(true)); err != nil || len(list.Changes) != 2 {
		t.Errorf("%v: %+v", err, list)
	}
}

func TestReadmeConfigurationIsGood(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "blog.secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{readme, notices, partners} {
		for _, text := range examples(t, name, "```yaml", "```") {
			text = strings.ReplaceAll(text, "/etc/gallerywire/blog.secret", secret)
			file := filepath.Join(t.TempDir(), "gallerywire.yaml")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := app.LoadConfig(file, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestReadmeListsEveryMetric(t *testing.T) {
	text := document(t, operations)
	declared := regexp.MustCompile(`(?:Name: +|NewDesc\()"(gallerywire_[a-z_]+)",\s`)
	n := 0
	for _, file := range sources(t) {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declared.FindAllStringSubmatch(string(code), -1) {
			n++
			if !strings.Contains(text, "`"+match[1]) {
				t.Errorf("%s is not in %s", match[1], operations)
			}
		}
	}
	if n == 0 {
		t.Error("no metric was found: how they are declared has changed")
	}
}

func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, folder := range []string{"internal/*/", "internal/*/*/"} {
		found, err := filepath.Glob(repository + folder + "*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

// TestReadmeIsShort leaves room for a few lines and for no second manual.
func TestReadmeIsShort(t *testing.T) {
	if n := strings.Count(document(t, readme), "\n"); n >= 300 {
		t.Errorf("%s has %d lines, want fewer than 300: move what only some need to docs or deployments", readme, n)
	}
}

var leads = regexp.MustCompile(`(?:\]\(|href="|src=")([^):"#]*)(#[a-z0-9-]+)?[)"]`)

func TestReadmeLinksLeadSomewhere(t *testing.T) {
	for _, name := range documents() {
		for _, match := range leads.FindAllStringSubmatch(document(t, name), -1) {
			target := name
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(name), match[1])
			}
			if _, err := fs.Stat(os.DirFS(repository), target); err != nil {
				t.Errorf("%s: %s: %v", name, match[0], err)
			} else if match[2] != "" && !headings(t, target)[match[2]] {
				t.Errorf("%s: %s: %s has no such heading", name, match[0], target)
			}
		}
	}
}

// headings are the anchors of a document's headings.
func headings(t *testing.T, name string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(document(t, name), -1) {
		anchor := strings.ReplaceAll(strings.ToLower(match[1]), " ", "-")
		found["#"+regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(anchor, "")] = true
	}
	return found
}

func TestReadmePicturesAreSmall(t *testing.T) {
	pictures := regexp.MustCompile(`<img src="([^"]+)"[^>]* alt="[^"]+`).FindAllStringSubmatch(document(t, readme), -1)
	if len(pictures) != 2 {
		t.Errorf("%d pictures, want 2", len(pictures))
	}
	for _, match := range pictures {
		info, err := os.Stat(repository + match[1])
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 300<<10 {
			t.Errorf("%s has %d bytes", match[1], info.Size())
		}
	}
}

// says runs an example in Python, at the time of the test, and returns what it says
// of a call with each list of arguments.
func says(t *testing.T, example, call string, each [][]string) []string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3 is needed: install it")
		}
		t.Skip("python3 is not installed")
	}
	clock := "import time\ntime.time = lambda: " + strconv.FormatInt(time.Now().Unix(), 10) + "\n" // .ci/run moves that of the tests
	script := clock + example + "\nimport json, sys\nfor argv in json.loads(sys.argv[1]):\n    print(" + call + ")\n"
	args, err := json.Marshal(each)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", script, string(args)).CombinedOutput()
	said := strings.Fields(string(out))
	if err != nil || len(said) != len(each) {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	return said
}

// pythons are the examples of a document that define the function.
func pythons(t *testing.T, name, function string) []string {
	t.Helper()
	return slices.DeleteFunc(examples(t, name, "```python", "```"), func(text string) bool { return !strings.Contains(text, "def "+function+"(") })
}

func TestReadmeKeyIsThatOfTheGallery(t *testing.T) {
	for _, text := range pythons(t, "docs/feeds.md", "key") {
		ids := [][]string{{"harbour-lights"}, {"a b"}, {"fêtes/2026"}, {"urn:newsml:1"}, {"x\n"}, {strings.Repeat("x", 80)}, {strings.Repeat("x", 81)}}
		for i, got := range says(t, text, "key(argv[0])", ids) {
			if want := gallery.Key(ids[i][0]); got != want {
				t.Errorf("the key of %q is %q, want %q", ids[i], got, want)
			}
		}
	}
}

func TestReadmeWebhookReceiverKnowsWhatIsGenuine(t *testing.T) {
	const secret, body = "whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz", `{"x": "é"}`
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	const call = `from_gallerywire(argv[0], {"webhook-id": argv[1], "webhook-timestamp": argv[2], "webhook-signature": argv[3]}, argv[4].encode())`
	now, old := time.Now(), time.Now().Add(-time.Hour)
	signed := func(at time.Time) string {
		signature, err := hook.Sign("a-1", at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	found := pythons(t, notices, "from_gallerywire")
	if len(found) != 1 {
		t.Fatalf("%d examples, want one in %s", len(found), notices)
	}
	tests := []struct {
		name, id   string
		at         time.Time
		signatures string
		body, want string
	}{
		{"genuine", "a-1", now, signed(now), body, "True"},
		{"signed with another secret too", "a-1", now, "v1,b3RoZXI= " + signed(now), body, "True"},
		{"another body", "a-1", now, signed(now), body + " ", "False"},
		{"another id", "a-2", now, signed(now), body, "False"},
		{"another signature", "a-1", now, "v1,b3RoZXI=", body, "False"},
		{"sent again later", "a-1", old, signed(old), body, "False"},
	}
	var each [][]string
	for _, tt := range tests {
		each = append(each, []string{secret, tt.id, strconv.FormatInt(tt.at.Unix(), 10), tt.signatures, tt.body})
	}
	for i, got := range says(t, found[0], call, each) {
		if tt := tests[i]; got != tt.want {
			t.Errorf("%s: the example says %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestReadmeSubscriberKnowsWhatIsGenuine(t *testing.T) {
	const secret, body = "a-long-random-text", "<rss/>"
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	for _, example := range pythons(t, notices, "from_hub") {
		said := says(t, example, `from_hub(argv[0], argv[1], argv[2].encode())`, [][]string{{secret, signature, body}, {secret, signature, body + " "}})
		if !slices.Equal(said, []string{"True", "False"}) {
			t.Errorf("of the body and of another one the example says %s", said)
		}
	}
}
