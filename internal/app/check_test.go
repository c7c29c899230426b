package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/google/go-cmp/cmp"
)

func TestProblemsOfAllRoomsAreReportedTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gallerywire.yaml")
	text := `schedule: {republish: now and then, notices: "", timezone: Mars/Olympus}
http: {max_age: soon}
events: {url_template: "https://news.example.com/{headline}"}
digests:
  - {name: one, schedule: "CRON_TZ=Europe/Rome 0 7 * * 1-5", to: ["smtp://h/?from=a@example.com&to=b@example.com"]}
  - {name: two, schedule: "CRON_TZ=Europe/Rome", to: ["smtp://h"]}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadConfig(file, []string{"GALLERYWIRE_ARCHIVE_PAGE=1"})
	if err == nil {
		t.Fatal("accepted")
	}
	want := []string{
		`:1:12: schedule.republish: "now and then" is not a schedule (`,
		`:1:37: schedule.notices: is empty: `,
		`:1:50: schedule.timezone: "Mars/Olympus" is not a known time zone: `,
		`:2:8: http.max_age: "soon" is not a duration: `,
		`:3:10: events.url_template: {headline} is not known: `,
		`:6:17: digests[1].schedule: is not a schedule: write five cron fields `,
		`:6:55: digests[1].to[0]: a mail address needs a sender: `,
		`GALLERYWIRE_ARCHIVE_PAGE: archive.page: 1 is out of range: `,
	}
	wantBeginnings(t, want, strings.ReplaceAll(err.Error(), file, ""))
}

// wantBeginnings holds each line of a text to how it begins.
func wantBeginnings(t *testing.T, want []string, text string) {
	t.Helper()
	got := strings.Split(text, "\n")
	for i := range min(len(got), len(want)) {
		got[i] = got[i][:min(len(got[i]), len(want[i]))]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// faultsOf writes files, with DIR for their directory, and returns what LoadConfig says of
// the configuration among them, without the directory.
func faultsOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := LoadConfig(filepath.Join(dir, "gallerywire.yaml"), nil)
	return strings.ReplaceAll(fmt.Sprint(err), dir, "")
}

func TestKeysOfPartnersAreChecked(t *testing.T) {
	const key = "the-secret-key-of-msn"
	lines := faultsOf(t, map[string]string{
		"short": key[:20], "long": key + "-2026", "same": credential.HashOf(key+"-2026").String() + "\n", "other": key + "-2027",
		"hash": "sha256:0123", "gallerywire.yaml": `partners:
  - name: msn
    access:
      keys:
        - {name: a, secret_file: DIR/long}
        - {name: b, secret_file: DIR/short}
        - {name: c, secret_file: DIR/gone}
  - name: yahoo
    access:
      keys:
        - {name: a, secret_file: DIR/other}
        - {name: b, secret_file: DIR/same}
        - {name: c, secret_file: DIR/hash}
        - {name: d, secret_file: DIR/gone}
`})
	want := []string{
		`:6:21: partners[0].access.keys[1].secret_file: "/short" has a key of under 128 bits (22 characters, or 32 if all are hexadecimal digits): write`,
		`:12:21: partners[1].access.keys[1].secret_file: "/same" has the same key as partners[0].access.keys[0].secret_file, but a key says`,
		`:13:21: partners[1].access.keys[2].secret_file: "/hash" has sha256: and not 64 hexadecimal digits after it: write`,
	}
	wantBeginnings(t, want, strings.ReplaceAll(lines, "/gallerywire.yaml", ""))
	if strings.Contains(lines, key[:20]) {
		t.Errorf("a key is quoted: %s", lines)
	}
}

func TestSecretsOfSendersAreChecked(t *testing.T) {
	const key = "the-secret-key-of-the-blog"
	lines := faultsOf(t, map[string]string{
		"blog": key + "\n# the next\n" + key + "-2027\n", "desk": key + "-2027\n", "hash": credential.HashOf(key).String(), "msn": key + "-msn", "empty": "\n",
		"gallerywire.yaml": `partners: [{name: msn, access: {keys: [{name: a, secret_file: DIR/msn}]}}]
intake:
  keys:
    - {name: blog, kind: bearer, secret_file: DIR/blog}
    - {name: desk, kind: superdesk, secret_file: DIR/desk}
    - {name: same, kind: bearer, secret_file: DIR/hash}
    - {name: partners, kind: bearer, secret_file: DIR/msn}
    - {name: empty, kind: bearer, secret_file: DIR/empty}
    - {name: gone, kind: bearer, secret_file: DIR/gone}
    - {name: inline, kind: standard-webhooks, secret: ` + key + `}
    - {name: unkind, kind: unkind, secret: short}
    - {name: none, kind: bearer}
`})
	want := []string{
		`:5:37: intake.keys[1].secret_file: has a secret of intake.keys[0].secret_file too, but a secret says who sends: write another`,
		`:6:34: intake.keys[2].secret_file: has a secret of intake.keys[0].secret_file too`,
		`:7:38: intake.keys[3].secret_file: has a secret of partners[0].access.keys[0].secret_file too`,
		`:8:35: intake.keys[4].secret_file: "/empty" has no secret: write one`,
		`:9:34: intake.keys[5].secret_file: "/gone" cannot be read (no such file or directory): write the key into it, or remove its entry`,
		`:10:47: intake.keys[6].secret: has a line that is not a secret: write whsec_ and 24 to 64 random bytes in base64`,
		`:11:22: intake.keys[7].kind: "unkind" is not a valid choice: write`,
		`:12:7: intake.keys[8].secret_file: is missing, so that anybody could send events: `,
	}
	wantBeginnings(t, want, strings.ReplaceAll(lines, "/gallerywire.yaml", ""))
	if strings.Contains(lines, key) {
		t.Errorf("a secret is quoted: %s", lines)
	}
}

func TestAddressTemplate(t *testing.T) {
	for template, want := range map[string]string{
		"":                                    "",
		"https://news.example.com/{slug}":     "",
		"https://news.example.com/{headline}": "{headline} is not known",
		"https://news.example.com/{section}":  "all items would have one address",
		"/galleries/{id}":                     "does not begin with http:// or https://",
		"/galleries/{headline}":               "does not begin with http:// or https://",
		"https://news.example.com/{id}/{slug": "outside a placeholder",
	} {
		_, err := LoadConfig("", []string{"GALLERYWIRE_EVENTS_URL_TEMPLATE=" + template})
		if want == "" && err == nil {
			continue
		}
		if want == "" || err == nil || strings.Count(err.Error(), "events.url_template") != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one problem with %q", template, err, want)
		}
	}
}
