package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/publish"
)

// examples returns what stands in the README between the lines that match
// opening and closing.
func examples(t *testing.T, opening, closing string) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile(`(?ms)^`+opening+`$\n(.*?)^`+closing+`$`).FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("the README has nothing between %s and %s", opening, closing)
	}
	return found
}

func TestReadmeEventsAreAccepted(t *testing.T) {
	events := append(examples(t, "```json", "```"), examples(t, "cat > gallery.json <<'END'", "END")...)
	for _, text := range events {
		for item := range publish.Read("README.md", strings.NewReader(text), event.Reader{MaxBytes: 1 << 20}) {
			if item.Fault != nil || item.ID != "harbour-lights" {
				t.Errorf("gallery %q: %v\n%s", item.ID, item.Fault, text)
			}
		}
	}
}

func TestReadmeConfigurationIsGood(t *testing.T) {
	for _, text := range examples(t, "```yaml", "```") {
		file := filepath.Join(t.TempDir(), "gallerywire.yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := app.LoadConfig(file, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestReadmeListsEveryMetric(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`Name: +"(gallerywire_[a-z_]+)",\n\s+Help:`)
	n := 0
	for _, file := range sources(t) {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declared.FindAllStringSubmatch(string(code), -1) {
			n++
			if !strings.Contains(string(text), "`"+match[1]) {
				t.Errorf("%s is not in the README", match[1])
			}
		}
	}
	if n == 0 {
		t.Error("no metric was found: how they are declared has changed")
	}
}

func sources(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	return files
}
