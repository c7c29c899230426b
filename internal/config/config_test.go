package config

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sameValues compares what was chosen, not where it was stated.
func sameValues() cmp.Option { return cmpopts.IgnoreUnexported(Config{}) }

func mustLoad(t *testing.T, path string, environ ...string) Config {
	t.Helper()
	c, err := Load(path, environ)
	if err != nil {
		t.Fatalf("Load(%q, %q): %v", path, environ, err)
	}
	return c
}

func TestDefaultsAreWhatNothingStatedGives(t *testing.T) {
	if diff := cmp.Diff(Default(), mustLoad(t, ""), sameValues()); diff != "" {
		t.Errorf("Load of nothing (-Default +Load):\n%s", diff)
	}
}

func TestDefaultListsAreTheCallersOwn(t *testing.T) {
	c := Default()
	c.Feeds[0].Name = "changed"
	c.Events.Subjects[0] = "changed"
	if d := Default(); d.Feeds[0].Name != "all" || d.Events.Subjects[0] != "article.published" {
		t.Error("a change to one default configuration shows in the next")
	}
}

func TestReferenceFileStatesTheDefaults(t *testing.T) {
	c := mustLoad(t, reference)
	if diff := cmp.Diff(Default(), c, sameValues()); diff != "" {
		t.Errorf("reference file (-Default +file):\n%s", diff)
	}
}

func TestEveryFieldIsAKeyOfItsOwn(t *testing.T) {
	names := map[string]string{}
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		if other, ok := names[envName(key)]; ok {
			t.Errorf("%s and %s share the variable %s", key, other, envName(key))
		}
		names[envName(key)] = key
	}
	untagged := reflect.VisibleFields(reflect.TypeFor[Config]())
	untagged = slices.DeleteFunc(untagged, func(f reflect.StructField) bool { return !f.IsExported() || f.Tag.Get("yaml") != "" })
	if len(untagged) > 0 {
		t.Errorf("field %s has no yaml tag", untagged[0].Name)
	}
}

func TestAskedTellsStatedFromDefault(t *testing.T) {
	c, err := load("g.yaml", []byte("http: {listen: '127.0.0.1:8080'}\nlog:\n"), []string{"GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:4222"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"http":                 true,
		"http.listen":          true,
		"http.admin_listen":    false,
		"nats.embedded.listen": true,
		"nats.url":             false,
		"log":                  true,
		"log.level":            false,
		"no.such.key":          false,
	} {
		if got := c.Configured(path); got != want {
			t.Errorf("Asked(%q) = %t, want %t", path, got, want)
		}
	}
	if Default().Configured("http.listen") {
		t.Error("a default counts as asked for")
	}
}

func TestProblemIsPlacedWhereTheValueWasStated(t *testing.T) {
	text := "schedule:\n  republish: nonsense\nfeeds:\n  - name: all\n"
	c, err := load("g.yaml", []byte(text), []string{"GALLERYWIRE_SCHEDULE_NOTICES=rubbish"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"schedule.republish": "g.yaml:2:3: schedule.republish: wrong",
		"schedule.notices":   "GALLERYWIRE_SCHEDULE_NOTICES: schedule.notices: wrong",
		"schedule.timezone":  "g.yaml:1:1: schedule.timezone: wrong",
		"feeds[0].items":     "g.yaml:4:5: feeds[0].items: wrong",
		"http.listen":        "g.yaml: http.listen: wrong",
	} {
		if got := c.Problem(path, "wrong").Error(); got != want {
			t.Errorf("Problem(%q) = %q, want %q", path, got, want)
		}
	}
	if got, want := Default().Problem("http.listen", "is taken").Error(), "http.listen: is taken"; got != want {
		t.Errorf("Problem of a default = %q, want %q", got, want)
	}
}
