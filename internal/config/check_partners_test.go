package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPartnersHaveDefaults(t *testing.T) {
	c, err := load("g.yaml", []byte("site: {title: Example News}\npartners: [{name: msn, match: {languages: [en_us]}, exclude: {languages: [DE]}}, {name: b, title: News}]"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Partner{Name: "msn", Dialect: "standard", Title: "Example News", Items: 50, Order: "updated", Content: "full", UnstatedRights: "allow"}
	want.Match.Languages, want.Exclude.Languages = []string{"en-US"}, []string{"de"}
	if diff := cmp.Diff(want, c.Partners[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.Partners[1].Title != "News" {
		t.Errorf("the title is %q, want the one of the partner", c.Partners[1].Title)
	}
}

func TestEveryProblemOfAPartnerIsNamedAtOnceWithItsLine(t *testing.T) {
	text := `partners:
  - name: public
    dialect: flipboard
    max_age: 1h
    delay: 2h
    access:
      keys:
        - {name: a, secret_file: a.key, from: 2026-11-20T09:00:00Z, until: 2026-11-20T08:00:00Z}
      networks: [here]
  - name: b
  - name: b
`
	want := []string{
		`g.yaml:2:5: partners[0].name: "public" is reserved, because in rights it means everybody who reads the public feeds: choose another`,
		`g.yaml:3:5: partners[0].dialect: "flipboard" is not a valid choice: write standard`,
		`g.yaml:4:5: partners[0].max_age: 1h is not longer than the delay, which is 2h, so no gallery would ever be shown: raise it, or write 0s for no limit`,
		`g.yaml:8:69: partners[0].access.keys[0].until: 2026-11-20T08:00:00Z is not after from, which is 2026-11-20T09:00:00Z, so the key would never be good: write a later instant`,
		`g.yaml:9:18: partners[0].access.networks[0]: "here" is not a network: write a network such as 10.0.0.0/8 or fd00::/8, or an address`,
		`g.yaml:11:5: partners[2].name: "b" is already partners[1].name: choose another`,
	}
	if diff := cmp.Diff(want, problemsOf(t, text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWarningsOfPartners(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	write("key", "0123456789abcdef-0123456789\n", 0o600)
	write("open", "0123456789abcdef-0123456789\n", 0o644)
	write("hash", "sha256:"+strings.Repeat("0", 64)+"\n", 0o644)
	good := "access: {keys: [{name: a, secret_file: DIR/key}]}"
	for _, tt := range []struct {
		name, text string
		want       []string // key and message
	}{
		{"none", "rights: {rules: [{sources: [AP], deny: [Public, MSN, eu]}]}\npartners: [{name: msn, groups: [eu], " + good + "}]", nil},
		{"no partners", "log: {level: info}", nil},
		{"a rule names nobody", "rights: {rules: [{sources: [AP], allow: [public, nobody]}]}", []string{
			`rights.rules[0].allow[1]: "nobody" is no partner and no group of one, so it names nobody: write public, or a name in partners`,
		}},
		{"excluded too", "partners: [{name: msn, match: {tags: [a, B], languages: [en-US]}, exclude: {tags: [c, b], languages: [en], sections: [a]}, " + good + "}]", []string{
			`partners[0].match.tags[1]: "B" matches nothing, because partners[0].exclude.tags[1] excludes it: remove one of them`,
			`partners[0].match.languages[0]: "en-US" matches nothing, because partners[0].exclude.languages[0] excludes it: remove one of them`,
		}},
		{"a form of a language", "partners: [{name: msn, match: {languages: [en]}, exclude: {languages: [en-US]}, " + good + "}]", nil},
		{"no key", "partners: [{name: msn}]", []string{
			`partners[0].access.keys: has no key that is good now, so the partner gets nothing: make one with "gallerywire partners key"`,
		}},
		{"keys that end", "partners: [{name: msn, access: {keys: [" +
			"{name: a, secret_file: DIR/key, until: 2026-11-29T12:00:00Z}, {name: b, secret_file: DIR/hash, until: 2026-12-13T12:00:00Z}, {name: c, secret_file: DIR/key, until: 2026-12-13T12:00:01Z}]}}]", []string{
			`partners[0].access.keys[0].until: key "a" ended at 2026-11-29T12:00:00Z: remove it`,
			`partners[0].access.keys[1].until: key "b" ends at 2026-12-13T12:00:00Z: give the partner another one before, made with "gallerywire partners key"`,
		}},
		{"a key to come and a file that is missing", "partners: [{name: msn, access: {keys: [" +
			"{name: a, secret_file: DIR/key, from: 2026-11-29T12:00:01Z}, {name: b, secret_file: DIR/none}]}}]", []string{
			`partners[0].access.keys[1].secret_file: "DIR/none" does not exist, so key "b" is not good: write the key into it, or remove the entry`,
			`partners[0].access.keys: has no key that is good now, so the partner gets nothing: make one with "gallerywire partners key"`,
		}},
		{"a file that others can read", "partners: [{name: msn, access: {keys: [{name: a, secret_file: DIR/open}, {name: b, secret_file: DIR/hash}]}}]", []string{
			`partners[0].access.keys[0].secret_file: "DIR/open" can be read by every user of this machine: run chmod o= DIR/open`,
		}},
	} {
		c, err := load("g.yaml", []byte(strings.ReplaceAll(tt.text, "DIR", dir)), nil, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, p := range c.Warnings(now) {
			if p.Line == 0 {
				t.Errorf("%s: no line: %v", tt.name, p)
			}
			got = append(got, strings.ReplaceAll(p.Key+": "+p.Message, dir, "DIR"))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
