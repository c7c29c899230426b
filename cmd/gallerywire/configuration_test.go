package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReferenceConfigurationStatesTheDefaults(t *testing.T) {
	got, err := app.LoadConfig("../../config/gallerywire.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got, cmpopts.IgnoreUnexported(config.Config{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the defaults and what config/gallerywire.yaml says (-default +file):\n%s", diff)
	}
}

// production is the example with the files that it names in dir, where they exist.
func production(t *testing.T, dir string) (text string, files int) {
	t.Helper()
	example, err := os.ReadFile("../../config/production.yaml")
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{
		".token":     "open-sesame-open-sesame\n",
		".secrets":   "# new\nwhsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz\nwhsec_b3IgZWxzZSB3aXRoIHJhbmRvbSBieXRlcyB0aGF0IGFyZSBvbGQ=\n",
		".addresses": "smtp://user:password@mail.example.com:587/?from=feeds@example.com&to=desk@example.com\n",
		".creds":     "a key\n",
		".pem":       "a certificate\n",
		".key":       "sha256:03dc9a74c705a841c499a48b77ca1d13eb81dbf912f8ef2bc703b4570fe9d298\n",
	}
	text = regexp.MustCompile(`/etc/gallerywire/[^\s}]+`).ReplaceAllStringFunc(string(example), func(name string) string {
		files++
		file := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(file, []byte(contents[filepath.Ext(name)]), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	})
	return text, files
}

func TestProductionConfigurationIsGood(t *testing.T) {
	dir := t.TempDir()
	text, files := production(t, dir)
	file := filepath.Join(dir, "production.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := app.LoadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(c.NATS.URL), ",") != 2 || c.NATS.Replicas != 3 || c.HTTP.AdminToken == "" || len(c.Digests[0].To) != 1 {
		t.Errorf("a cluster and its secrets, as loaded: %+v", c)
	}
	for _, w := range c.Webhooks {
		if len(w.Secrets) != 2 {
			t.Errorf("webhook %s has %d secrets, want the 2 of its file", w.Name, len(w.Secrets))
		}
	}
	if want := len(regexp.MustCompile(`(?m)_file: \S`).FindAllString(text, -1)); files != want {
		t.Errorf("%d files are below /etc/gallerywire, want all %d that are named", files, want)
	}
}
