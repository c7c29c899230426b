package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPublishersHaveTokensAndIDsOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("the secret token of "+strings.Replace(name, "c", "a", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one := func(name, token, prefix string) string {
		return fmt.Sprintf("{name: %s, token_file: %q, id_prefix: %q}", name, filepath.Join(dir, token), prefix)
	}
	guids := func(name, prefix, guids string) string {
		return fmt.Sprintf("{name: %s, token_file: %q, id_prefix: %s, guid_prefixes: [%s]}", name, filepath.Join(dir, name), prefix, guids)
	}
	without := "{name: a, id_prefix: a-}"
	for _, c := range []struct {
		publishers []string
		more       string
		wrong      string // empty: nothing
	}{
		{publishers: []string{one("a", "a", "a-"), one("b", "b", "b-")}},
		{publishers: []string{one("a", "a", ""), one("b", "b", "")}},
		{publishers: []string{one("a", "a", "x"), one("b", "b", "")}},
		{publishers: []string{one("A", "a", "")}, wrong: "publishers[0].name: is not a name"},
		{publishers: []string{one("a", "a", ""), one("a", "b", "")}, wrong: `publishers[1].name: "a" is already nats.embedded.publishers[0].name`},
		{publishers: []string{without}, wrong: "publishers[0].token_file: is missing"},
		{publishers: []string{one("a", "a", ""), one("b", "c", "")}, wrong: "publishers[1].token_file: contains the same token as nats.embedded.publishers[0].token_file"},
		{publishers: []string{one("a", "a", "")}, more: fmt.Sprintf(", publisher_token_file: %q", filepath.Join(dir, "c")), wrong: "publishers[0].token_file: contains the same token as nats.embedded.publisher_token_file"},
		{publishers: []string{one("a", "a", "blog-"), one("b", "b", "blog-b-")}, wrong: "publishers[1].id_prefix: "},
		{publishers: []string{one("a", "a", "blog"), one("b", "b", "b")}, wrong: "publishers[1].id_prefix: "},
		{publishers: []string{one("a", "a", strings.Repeat("x", 101))}, wrong: "publishers[0].id_prefix: is not a valid beginning of an id"},
		{publishers: []string{guids("a", "a-", "https://a.example.com/"), guids("b", "b-", "https://b.example.com/")}},
		{publishers: []string{guids("a", "a-", "http")}, more: "}}\nintake: {keys: [{name: a, kind: bearer, secret: a, id_prefix: a-, guid_prefixes: [https]}]", wrong: ""},
		{publishers: []string{guids("a", "a-", "https://a.example.com"), guids("b", "b-", "urn:b:, HTTPS://a.example.com.au/")}, wrong: `publishers[1].guid_prefixes[1]: "HTTPS://a.example.com.au/" and "https://a.example.com" of nats.embedded.publishers[0] allow the same guids`},
		{publishers: []string{guids("a", "a-", "http")}, more: "}}\nintake: {keys: [{name: a, kind: bearer, secret: a, id_prefix: b-, guid_prefixes: [https]}]", wrong: `intake.keys[0].guid_prefixes[0]: "https" and "http" of nats.embedded.publishers[0] allow the same guids`},
		{publishers: []string{guids("a", `""`, "urn:a:")}, wrong: "publishers[0].guid_prefixes: is without id_prefix"},
		{publishers: []string{guids("a", "a-", `" urn:a:"`)}, wrong: "publishers[0].guid_prefixes[0]: is not a valid beginning of a guid"},
		{publishers: []string{guids("a", "a-", `"urn:a:\uFDD0"`)}, wrong: "publishers[0].guid_prefixes[0]: is not a valid beginning of a guid"},
		{publishers: []string{one("a", "a", "")}, more: `}, url: "nats://127.0.0.1:1"`, wrong: "embedded.publishers: works with the embedded server only"},
		{publishers: []string{one("a", "a", "")}, more: `}}` + "\nevents: {subjects: [\"*.*.published\", article.unpublished]}\nlog: {level: info", wrong: ""},
		{publishers: []string{one("a", "a", "")}, more: `}}` + "\nevents: {subjects: [\"*.*.*.published\", article.published]}\nlog: {level: info", wrong: "events.subjects[0]: "},
	} {
		text := "nats: {embedded: {publishers: [" + strings.Join(c.publishers, ", ") + "]" + c.more
		text += strings.Repeat("}", strings.Count(text, "{")-strings.Count(text, "}"))
		_, err := load("x.yaml", []byte(text), nil, nil)
		if got := fmt.Sprint(err); (err != nil) != (c.wrong != "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%s\nis %v, want %q", text, err, c.wrong)
		}
	}
}
