package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretsThatEverybodyCanReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		return path
	}
	token := "a token that nobody guesses\n"
	open, kept := file("open", token, 0o644), file("kept", token, 0o640)
	lines := file("lines", signing(24)+"\n", 0o604)
	hash := "sha256:" + strings.Repeat("0f", 32)
	hashes, mixed := file("hashes", "# of two keys\n"+hash+"\n"+hash+"\n", 0o644), file("mixed", hash+"\n"+token, 0o644)
	hook := "webhooks: [{name: a, url: \"https://a.example\", "
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want []string // key and start of the message
	}{
		"nothing":                  {"log: {level: info}\n", 0o644, nil},
		"kept":                     {"http: {admin_token_file: " + kept + "}\n", 0o644, nil},
		"token":                    {"http: {admin_token_file: " + open + "}\n", 0o600, []string{`http.admin_token_file: "` + open + `" can be read by every user of this machine: run chmod o= ` + open}},
		"secrets":                  {hook + "secrets_file: " + lines + "}]\n", 0o600, []string{`webhooks[0].secrets_file: "` + lines + `" can be read`}},
		"credentials":              {"nats: {url: nats://h, credentials_file: " + open + "}\n", 0o600, []string{"nats.credentials_file: "}},
		"key":                      {"nats: {url: nats://h, tls: {cert_file: " + open + ", key_file: " + open + "}}\n", 0o600, []string{"nats.tls.key_file: "}},
		"inline":                   {hook + "secrets: [" + signing(24) + "]}]\n", 0o644, []string{"webhooks[0].secrets: is a secret, and every user of this machine can read this file: move it to a file of its own, or run chmod o= on this one"}},
		"an intake key":            {"intake: {keys: [{name: a, kind: superdesk, secret_file: " + open + "}]}\n", 0o600, []string{"intake.keys[0].secret_file: "}},
		"hashes":                   {"intake: {keys: [{name: a, kind: bearer, secret_file: " + hashes + "}]}\n", 0o600, nil},
		"hashes and a key":         {"intake: {keys: [{name: a, kind: bearer, secret_file: " + mixed + "}]}\n", 0o600, []string{"intake.keys[0].secret_file: "}},
		"hashes of another kind":   {"intake: {keys: [{name: a, kind: superdesk, secret_file: " + hashes + "}]}\n", 0o600, []string{"intake.keys[0].secret_file: "}},
		"inline key":               {"intake: {keys: [{name: a, kind: bearer, secret: hunter2-0123456789abcdef}]}\n", 0o644, []string{"intake.keys[0].secret: is a secret"}},
		"inline hash":              {"intake: {keys: [{name: a, kind: bearer, secret: \"" + hash + "\"}]}\n", 0o644, nil},
		"inline callback":          {"intake: {keys: [{name: a, kind: bearer, secret: \"" + hash + "\", callback: {url: \"https://a.example\", secret: " + signing(24) + "}}]}\n", 0o644, []string{"intake.keys[0].callback.secret: is a secret"}},
		"callback":                 {"intake: {keys: [{name: a, kind: bearer, secret: \"" + hash + "\", callback: {url: \"https://a.example\", secret_file: " + lines + "}}]}\n", 0o600, []string{"intake.keys[0].callback.secret_file: "}},
		"inline, kept":             {hook + "secrets: [" + signing(24) + "]}]\n", 0o640, nil},
		"password":                 {"nats: {url: \"nats://u:hunter2@h\"}\n", 0o644, []string{"nats.url: is a secret"}},
		"mail without a password":  {"digests: [{name: a, schedule: \"@daily\", to: [\"smtp://h:25/?from=a@b&to=c@d\"]}]\n", 0o644, nil},
		"mail with a password":     {"digests: [{name: a, schedule: \"@daily\", to: [\"smtp://u:hunter2@h:25/?to=c@d\"]}]\n", 0o644, []string{"digests[0].to: is a secret"}},
		"chat, whose path is one":  {"digests: [{name: a, schedule: \"@daily\", to: [\"slack://hunter2\"]}]\n", 0o644, []string{"digests[0].to: is a secret"}},
		"a publisher of the place": {"nats: {embedded: {publishers: [{name: a, token_file: " + open + "}]}}\n", 0o600, []string{"nats.embedded.publishers[0].token_file: "}},
	} {
		path := file("gallerywire.yaml", c.text, c.mode)
		loaded, err := Load(path, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for i, p := range loaded.Exposed() {
			line := p.Key + ": " + p.Message
			if i < len(c.want) && strings.HasPrefix(line, c.want[i]) {
				line = c.want[i]
			}
			if strings.Contains(p.Error(), "hunter2") || p.Source != path || p.Line == 0 {
				t.Errorf("%s: %v", name, p)
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	loaded, err := Load("", []string{"GALLERYWIRE_NATS_URL=nats://u:p@h"})
	if err != nil || loaded.Exposed() != nil {
		t.Errorf("a password of the environment: %v, %v", loaded.Exposed(), err)
	}
}
