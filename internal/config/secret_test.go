package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestNoFormattingPrintsASecret(t *testing.T) {
	c := Default()
	c.HTTP.AdminToken = "hunter2-admin"
	c.NATS.Embedded.PublisherToken = "hunter2-publisher"
	c.Webhooks = []Webhook{{Secrets: []InlineSecret{"whsec_hunter2"}, SecretsFile: SecretLines{"whsec_hunter2"}}}
	c.Intake.Keys = []IntakeKey{{Secret: "hunter2-sender", Callback: Callback{Secret: "whsec_hunter2", SecretFile: SecretLines{"whsec_hunter2"}}}}
	c.Digests = []Digest{{To: []InlineSecret{"smtp://u:hunter2@h"}, ToFile: SecretLines{"smtp://u:hunter2@h"}}}
	c.NATS.URL = "nats://hunter2:hunter2,pw@h1:4222,nats://hunter2@h2:4222"
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3v", "%T"} {
		printed[verb] = fmt.Sprintf(verb+verb+verb, c, &c, c.NATS.URL) + fmt.Sprintf(verb, c.HTTP.AdminToken) + fmt.Sprintf(verb+verb, c.Webhooks[0].Secrets, c.Digests[0].To[0])
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed["json"] = string(encoded)
	printed["slog"] = logged(c)
	printed["error"] = fmt.Errorf("connect to %s with %v to %v", c.NATS.URL, c.HTTP.AdminToken, c.Digests[0].To).Error()
	for how, text := range printed {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%s prints a secret: %s", how, text)
		}
	}
	for _, want := range []string{"[redacted]", "nats://[redacted]@h2:4222", "127.0.0.1:8080"} {
		if !strings.Contains(printed["%+v"], want) {
			t.Errorf("%%+v lacks %q: %s", want, printed["%+v"])
		}
	}
}

// logged is c in every way that slog writes it.
func logged(c Config) string {
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("configuration", "config", c, "nats", c.NATS, "url", c.NATS.URL, "token", c.HTTP.AdminToken, "to", c.Digests[0].To, "secret", c.Webhooks[0].Secrets[0])
	}
	return out.String()
}

func TestSecretsOfAListComeFromTheFileToo(t *testing.T) {
	dir := t.TempDir()
	secrets := write(t, dir, "secrets", "# the old one\r\n"+signing(24)+"\r\n\n  "+signing(25)+"  ")
	addresses := write(t, dir, "to", "smtp://u:p@h\n")
	c, err := load("g.yaml", []byte(`
webhooks:
  - {name: both, url: "https://a.example", secrets: [`+signing(64)+`], secrets_file: `+secrets+`}
  - {name: one, url: "https://a.example", secrets_file: `+secrets+`}
digests:
  - {name: both, schedule: "@daily", to: ["slack://t"], to_file: `+addresses+`}
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	of := []InlineSecret{InlineSecret(signing(64)), InlineSecret(signing(24)), InlineSecret(signing(25))}
	want := [][]InlineSecret{of, of[1:], {"slack://t", "smtp://u:p@h"}}
	got := [][]InlineSecret{c.Webhooks[0].Secrets, c.Webhooks[1].Secrets, c.Digests[0].To}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Error("a list lacks what it states or what is in its file, or has another order")
	}
}

func TestBadSecretsAreReportedWithoutThem(t *testing.T) {
	dir := t.TempDir()
	secrets := write(t, dir, "secrets", signing(24)+"\n# one more\nwhsec_hunter2\n")
	addresses := write(t, dir, "to", "smtp://h\nu:hunter2@h\n")
	for _, tt := range []struct{ text, want string }{
		{`{secrets: [whsec_hunter2]}`, `secrets[0]: is not a secret: write whsec_ and 24 to 64 random bytes in base64`},
		{`{secrets: whsec_hunter2}`, `secrets: is a single value: write a list`},
		{`{secrets: {whsec_hunter2: }}`, `secrets: is a mapping: write a list`},
		{`{secrets: {whsec_hunter2: , whsec_hunter2: }}`, `secrets: is a duplicate of line 1`},
		{`{secrets: [{whsec_hunter2: }]}`, `secrets[0]: is a mapping: write a single value`},
		{`{secrets: ["whsec_hunter2\u0000"]}`, `secrets[0]: contains a control character`},
		{`{secrets_file: whsec_hunter2}`, `secrets_file: cannot be read (no such file or directory): name a file`},
		{`{secrets_file: [whsec_hunter2]}`, `secrets_file: is a list: write a single value`},
		{`{secrets_file: ` + secrets + `}`, `secrets_file: number 2 in the file is not a secret: write whsec_`},
		{`{secrets_file: ` + dir + `}`, `secrets_file: "` + dir + `" cannot be read (is a directory)`},
		{`{secrets_file: ` + dir + `/missing}`, `secrets_file: "` + dir + `/missing" cannot be read (no such file or directory): name a file`},
		{`{secrets_file: hunter2/hunter2}`, `secrets_file: cannot be read (no such file or directory): name a file`},
		{`{secrets_file: /hunter2}`, `secrets_file: cannot be read (no such file or directory): name a file`},
		{`{secrets_file: ` + write(t, dir, "none", "\n# hunter2\n") + `}`, `secrets_file: names a file without secrets`},
		{`{secrets_file: ` + write(t, dir, "control", "hunter2\x00\n") + `}`, `secrets_file: names a file with a control character`},
		{`{secrets_file: ` + write(t, dir, "long", strings.Repeat("hunter2\n", 9000)) + `}`, `secrets_file: names a file larger than 64KiB`},
		{`{url: "https://u:hunter2@a.example"}`, `url: contains a user or a password`},
		{`{url: "https://a.example:hunter2"}`, `url: is not an address`},
		{`{url: "a.example/?hunter2"}`, `url: does not begin with`},
		{`{url: "https://a.example/?x#hunter2"}`, `url: has a fragment`},
		{`{to: [hunter2@h]}`, `to[0]: is not an address: write one that begins with a service`},
		{`{to: ["smtp://u:hunter2 x@h"]}`, `to[0]: is not an address`},
		{`{to: "smtp://u:hunter2@h"}`, `to: is a single value: write a list`},
		{`{to_file: "smtp://u:hunter2@h"}`, `to_file: cannot be read (no such file or directory): name a file`},
		{`{to_file: ` + addresses + `}`, `to_file: number 2 in the file is not an address`},
	} {
		list := "webhooks"
		if strings.HasPrefix(tt.text, "{to") {
			list = "digests"
		}
		got := problemsOf(t, list+": ["+tt.text+"]")
		if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, " "+list+"[0]."+tt.want) }) {
			t.Errorf("%s: %q, want %s", tt.text, got, tt.want)
		}
		if strings.Contains(strings.Join(got, "\n"), "hunter2") {
			t.Errorf("%s: a secret is quoted: %q", tt.text, got)
		}
	}
}

// TestMistakesNearASecretDoNotQuoteIt puts each character that means something in
// YAML into each place of a configuration.
func TestMistakesNearASecretDoNotQuoteIt(t *testing.T) {
	for _, text := range []string{
		"webhooks:\n  - name: a\n    secrets:\n      - hunter2\n    url: https://h/?hunter2\n",
		"digests:\n- feeds:\n  - all\n  to:\n  - smtp://u:hunter2@h\n  name: a\n  to_file: hunter2\n  schedule: a\n",
		"digests: [{name: a, to: [\"smtp://u:hunter2@h\", 'x://hunter2'], to_file: hunter2}]\n",
		"nats: {url: 'nats://u:hunter2@h'}\n",
	} {
		for at := range len(text) + 1 {
			for _, mistake := range strings.Split("\n \t : [ ] { } , # & * ! | > ' \" % @ ` - ? \\ --- << \xff \x00", " ") {
				for _, broken := range []string{text[:at] + mistake + text[at:], text[:at] + mistake, text[:at] + " " + mistake + " " + text[at:]} {
					if got := strings.Join(problemsOf(t, broken), "\n"); strings.Contains(got, "hunter2") {
						t.Errorf("%q: %s", broken, got)
					}
				}
			}
		}
	}
}

func TestBadListOfTheEnvironmentIsReportedWithoutItsSecrets(t *testing.T) {
	for _, text := range []string{"[{secrets: [hunter2", "{hunter2: [*hunter2]}", "- name: a\n  secrets: |hunter2", "hunter2", "[hunter2]", "[{'hunter2': 1}]"} {
		got := strings.Join(problemsOf(t, "", "GALLERYWIRE_WEBHOOKS="+text), "\n")
		if !strings.HasPrefix(got, "GALLERYWIRE_WEBHOOKS:") || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestServersAreShownWithoutWhoConnects(t *testing.T) {
	for servers, want := range map[Servers]string{
		"":                              "",
		"nats://h1:4222,nats://h2:4222": "nats://h1:4222,nats://h2:4222",
		"nats://u:p@h:4222":             "nats://[redacted]@h:4222",
		"u:p@h":                         "[redacted]@h",
		"tls://token@h":                 "tls://[redacted]@h",
		"nats://u:p,w/x?#@h1,nats://h2": "nats://[redacted]@h1,nats://h2",
		"nats://h1,nats://u:p@h2":       "nats://[redacted]@h2",
		"u:p://x@h":                     "[redacted]@h",
		"nats://u:p@ss@h":               "nats://[redacted]@h",
	} {
		if got := servers.String(); got != want {
			t.Errorf("%q is shown as %q, want %q", string(servers), got, want)
		}
	}
}

func TestEmptySecretShowsThatThereIsNone(t *testing.T) {
	if got := fmt.Sprintf("%v|%q|%#v", Secret(""), Secret(""), Secret("x")); got != `|""|"[redacted]"` {
		t.Errorf("got %s", got)
	}
}

func TestBadServerAddressIsReportedWithoutItsPassword(t *testing.T) {
	for _, url := range []string{"nats://u:hunter2,x@h", "nats://u:hunter2%zz@h", "http://u:hunter2@h", "u:hunter2@h:port"} {
		got := strings.Join(problemsOf(t, "nats: {url: '"+url+"'}"), "\n")
		if !strings.Contains(got, "is not a NATS address") || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q", url, got)
		}
	}
}
