package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// problemsOf loads text, and the environment after it, and returns the lines of
// the error.
func problemsOf(t *testing.T, text string, environ ...string) []string {
	t.Helper()
	_, err := load("g.yaml", []byte(text), environ, nil)
	if err == nil {
		return nil
	}
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("the error is a %T, want Problems: %v", err, err)
	}
	return strings.Split(err.Error(), "\n")
}

// feedOf is a feed of which nothing else is stated.
func feedOf(name string, items int) Feed {
	return Feed{Name: name, Title: name, Items: items, Content: "full", Order: "published"}
}

func TestLanguagesAreCanonical(t *testing.T) {
	c, err := load("g.yaml", []byte(`
site: {language: pt_br}
feeds: [{name: a, match: {languages: [iw, zh_hant_tw]}}]
tombstones: {titles: [{language: I-DEFAULT, text: Gone}]}`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := append(c.Feeds[0].Match.Languages, c.Site.Language, c.Tombstones.Titles[0].Language)
	if want := []string{"he", "zh-Hant-TW", "pt-BR", "i-default"}; !slices.Equal(got, want) {
		t.Errorf("languages %q, want %q", got, want)
	}
}

func TestFileOverridesDefaultsAndEnvironmentOverridesFile(t *testing.T) {
	text := `
site: {title: 2026, base_url: "https://news.example.com/feeds/"}
http:
  max_age: 5m
nats:
  embedded:
    sync: 30s
events: {max_event: 8MiB}
feeds:
  - name: travel
    order: updated
    match: {sections: [Travel], languages: [en-US]}
  - {name: short, title: In short, items: 5, content: summary, aliases: [brief]}
dynamic: {tags: false, items: 20, order: updated}
archive: {page: 250}
tombstones: {keep: 0s}
limits: {document: 32MiB}
log: {level: debug}
`
	environ := []string{
		"GALLERYWIRE_HTTP_MAX_AGE=10s",
		"GALLERYWIRE_HTTP_LISTEN=:0",
		"GALLERYWIRE_NATS_EMBEDDED_DATA_DIR=/var/lib/a=b",
		"GALLERYWIRE_EVENTS_SUBJECTS=[cms.out, cms.gone]",
		"GALLERYWIRE_EVENTS_URL_TEMPLATE=https://{section}.example.com/{id}",
		"GALLERYWIRE_DYNAMIC_AUTHORS=False",
		"GALLERYWIRE_LIMITS_GALLERY=64KiB",
		"GALLERYWIRE_SERVICE_HOST=10.0.0.1",
		"GALLERYWIRE_NO_SUCH_KEY=1",
		"PATH=/bin",
	}
	want := Default()
	want.Site.Title, want.Site.BaseURL = "2026", "https://news.example.com/feeds"
	want.HTTP.MaxAge, want.HTTP.Listen = 10*time.Second, ":0"
	want.NATS.Embedded.Sync, want.NATS.Embedded.DataDir = Sync(30*time.Second), "/var/lib/a=b"
	want.Events.MaxEvent = 8 << 20
	want.Events.Subjects = []string{"cms.out", "cms.gone"}
	want.Feeds = []Feed{
		{Name: "travel", Title: "travel", Items: 50, Content: "full", Order: "updated", Match: Match{Sections: []string{"Travel"}, Languages: []string{"en-US"}}},
		{Name: "short", Title: "In short", Items: 5, Content: "summary", Order: "published", Aliases: []string{"brief"}},
	}
	want.Events.URLTemplate = "https://{section}.example.com/{id}"
	want.Dynamic = Dynamic{Sections: true, Items: 20, Order: "updated", Cache: 2000}
	want.Archive.Page = 250
	want.Tombstones.Keep = 0
	want.Limits = Limits{Gallery: 64 << 10, Document: 32 << 20}
	want.Log.Level = slog.LevelDebug

	got, err := load("g.yaml", []byte(text), environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameValues()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFeedsFromTheEnvironmentReplaceThoseOfTheFile(t *testing.T) {
	got, err := load("g.yaml", []byte("feeds: [{name: a}, {name: b}]"), []string{"GALLERYWIRE_FEEDS=- name: c\n  items: 3\n"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Feed{feedOf("c", 3)}
	if diff := cmp.Diff(want, got.Feeds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryProblemIsReportedAtOnceAndInOrder(t *testing.T) {
	text := `site:
  title: ""
  langauge: en
http:
  max_age: soon
  max_age: 60s
  listen: [a]
nats: hello
max_event: 3
feeds:
  - name: Travel!
    items: many
    match: {tag: [a]}
  - title: nameless
schedule: {timezone: Mars/Olympus}
notices: {quiet_period: 1m}
`
	got := problemsOf(t, text, "GALLERYWIRE_NATS_REPLICAS=two", "GALLERYWIRE_EVENTS_MAX_BYTES=1Gib", "GALLERYWIRE_EVENTS_SUBJECTS=[a, 'b c']")
	want := []string{
		`g.yaml:2:3: site.title: is empty: write the name that readers see`,
		`g.yaml:3:3: site.langauge: unknown key: did you mean site.language?`,
		`g.yaml:5:3: http.max_age: "soon" is not a duration: write 60s, 5m or 1h`,
		`g.yaml:6:3: http.max_age: is a duplicate of line 5: keep one`,
		`g.yaml:7:3: http.listen: is a list: write a single value`,
		`g.yaml:8:1: nats: is a single value: write keys and their values`,
		`g.yaml:9:1: max_event: unknown key: did you mean events.max_event?`,
		`g.yaml:11:5: feeds[0].name: "Travel!" is not a feed name: write 1 to 64 of a-z, 0-9, _ and -, first a letter or digit`,
		`g.yaml:12:5: feeds[0].items: "many" is not a whole number: write digits, such as 3`,
		`g.yaml:13:13: feeds[0].match.tag: unknown key: did you mean feeds[0].match.tags?`,
		`g.yaml:14:5: feeds[1].name: "" is not a feed name: write 1 to 64 of a-z, 0-9, _ and -, first a letter or digit`,
		`g.yaml:15:12: schedule.timezone: "Mars/Olympus" is not a known time zone: write UTC, or a name such as Europe/Rome`,
		`g.yaml:16:11: notices.quiet_period: 1m0s is longer than notices.max_wait, which is 10s: shorten it, or raise notices.max_wait`,
		`GALLERYWIRE_EVENTS_MAX_BYTES: events.max_bytes: "1Gib" is not a size: write a whole number with a unit, such as 512KiB, 8MiB or 1GiB`,
		`GALLERYWIRE_EVENTS_SUBJECTS:1:5: events.subjects[1]: "b c" is not a subject: write words with dots between them, such as article.published`,
		`GALLERYWIRE_NATS_REPLICAS: nats.replicas: "two" is not a whole number: write digits, such as 3`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChecksOfOthersAreReportedAmongTheRest(t *testing.T) {
	text := "schedule:\n  republish: never\n  notices: ' '\nhttp: {max_age: soon}\nfeeds: 3\nlog: {format: xml}\n"
	first := func(c Config, r Report) {
		r("schedule.republish", "cannot be read")
		r("schedule.notices", "is blamed already, by the checks of our own")
		r("http.max_age", "is blamed already, when it was read")
		r("http.listen", "goes ill with http.max_age", "http.max_age")
		r("feeds[0].name", "is blamed already, with the list that it is in")
		r("site.title", "is "+c.Site.Title)
	}
	second := func(_ Config, r Report) { r("schedule.republish", "is blamed already, by the check before") }
	_, err := load("g.yaml", []byte(text), nil, nil, first, second)
	want := strings.Join([]string{
		`g.yaml: site.title: is Gallery Wire`,
		`g.yaml:2:3: schedule.republish: cannot be read`,
		`g.yaml:3:3: schedule.notices: is empty: write a cron line such as "*/5 * * * *", or "@every 5m"`,
		`g.yaml:4:8: http.max_age: "soon" is not a duration: write 60s, 5m or 1h`,
		`g.yaml:5:1: feeds: is a single value: write a list, such as [a, b]`,
		`g.yaml:6:7: log.format: "xml" is not a valid choice: write text or json`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestChecksOfOthersThatFindNothing(t *testing.T) {
	asked := false
	_, err := load("g.yaml", []byte("log: {format: json}\n"), nil, nil, func(c Config, _ Report) { asked = c.Log.Format == "json" })
	if err != nil || !asked {
		t.Errorf("checked: %t, error: %v", asked, err)
	}
}

func TestOverriddenValueIsNotLookedAt(t *testing.T) {
	text := "http:\n  max_age: soon\n  admin_token_file: /no/such/file\n"
	if got := problemsOf(t, text, "GALLERYWIRE_HTTP_MAX_AGE=5s", "GALLERYWIRE_HTTP_ADMIN_TOKEN_FILE="); got != nil {
		t.Errorf("problems of values that do not count: %q", got)
	}
}

func TestProblemOfOneValueIsNotBlamedOnAnother(t *testing.T) {
	text := "notices: {quiet_period: 30s, max_wait: soon}\nnats: {url: [a], replicas: 3, credentials_file: x}\n"
	got := problemsOf(t, text)
	want := []string{
		`g.yaml:1:30: notices.max_wait: "soon" is not a duration: write 60s, 5m or 1h`,
		`g.yaml:2:8: nats.url: is a list: write a single value`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnvironmentIsReadThoughTheFileIsBroken(t *testing.T) {
	got := problemsOf(t, "site: [", "GALLERYWIRE_HTTP_MAX_AGE=soon", "GALLERYWIRE_FEEDS={")
	want := []string{
		`g.yaml:1:7: sequence end token ']' not found`,
		`GALLERYWIRE_FEEDS:1:1: feeds: could not find flow mapping end token '}'`,
		`GALLERYWIRE_HTTP_MAX_AGE: http.max_age: "soon" is not a duration: write 60s, 5m or 1h`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEmptySectionAndEmptyListKeepTheirMeaning(t *testing.T) {
	if got := problemsOf(t, "http:\n  # listen: :80\nsite: {copyright: }\n"); got != nil {
		t.Errorf("a section with every key commented out: %q", got)
	}
	want := "feeds: is empty, so there is nothing to serve"
	for _, text := range []string{"feeds: []", "feeds:\n"} {
		if got := problemsOf(t, text); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q: %q, want one problem with %q", text, got, want)
		}
	}
}

func TestMissingFileIsReportedWithTheOtherProblems(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.yaml")
	_, err := Load(missing, []string{"GALLERYWIRE_HTTP_MAX_AGE=soon"})
	want := missing + ": cannot be read (no such file or directory): name a file that this user may read\n" +
		`GALLERYWIRE_HTTP_MAX_AGE: http.max_age: "soon" is not a duration: write 60s, 5m or 1h`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Load(t.TempDir(), nil); err == nil {
		t.Error("a directory passes for a configuration")
	}
}

func TestSecretsAreReadFromTheirFiles(t *testing.T) {
	dir := t.TempDir()
	token := write(t, dir, "token", "hunter2-hunter2-hunter2\r\n")
	c := mustLoad(t, "", "GALLERYWIRE_HTTP_ADMIN_TOKEN_FILE="+token, "GALLERYWIRE_NATS_EMBEDDED_PUBLISHER_TOKEN_FILE="+token)
	if c.HTTP.AdminToken != "hunter2-hunter2-hunter2" || c.NATS.Embedded.PublisherToken != "hunter2-hunter2-hunter2" {
		t.Errorf("got %q and %q", string(c.HTTP.AdminToken), string(c.NATS.Embedded.PublisherToken))
	}
}

func TestSecretFileThatHoldsNoSecret(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		write(t, dir, "empty", "\n"):                             "is empty",
		write(t, dir, "lines", "hunter2-hunter2\nhunter3\n"):     "more than one line",
		write(t, dir, "guessed", "hunter2-hunter2\n"):            `has fewer than 16 characters, which can be guessed: write the output of "openssl rand -hex 24" into it`,
		write(t, dir, "large", strings.Repeat("x", maxSecret+1)): "is larger than 64KiB",
		filepath.Join(dir, "missing"):                            "no such file or directory",
		dir:                                                      "is a directory",
	} {
		got := problemsOf(t, "http:\n  admin_token_file: "+path+"\n")
		if len(got) != 1 || !strings.HasPrefix(got[0], "g.yaml:2:3: http.admin_token_file: ") || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q, want one problem with %q", path, got, want)
		}
		if strings.Contains(strings.Join(got, ""), "hunter") {
			t.Errorf("%s: the problem quotes the secret: %q", path, got)
		}
	}
}

func TestFilesOfAConnectionMustBeReadable(t *testing.T) {
	text := "nats:\n  url: nats://h\n  credentials_file: /no/creds\n  tls: {ca_file: /no/ca}\n"
	got := problemsOf(t, text)
	want := []string{
		`g.yaml:3:3: nats.credentials_file: "/no/creds" cannot be read (no such file or directory): name a file that this user may read`,
		`g.yaml:4:9: nats.tls.ca_file: "/no/ca" cannot be read (no such file or directory): name a file that this user may read`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
