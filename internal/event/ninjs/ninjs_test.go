package ninjs

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is decoded into the golden files")

var template = Options{URLTemplate: "https://news.example.com/{section}/{slug}"}

// items returns the names of the items in testdata.
func items(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no items in testdata: %v", err)
	}
	return files
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestGoldenGalleriesOfItems(t *testing.T) {
	for _, file := range items(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got, err := Decode(read(t, file), template)
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				writeGolden(t, golden, got.Gallery)
			}
			var want gallery.Gallery
			if err := json.Unmarshal(read(t, golden), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got.Gallery); diff != "" {
				t.Errorf("gallery (-want +got):\n%s", diff)
			}
			if !Recognise(read(t, file)) {
				t.Error("not recognised")
			}
		})
	}
}

func writeGolden(t *testing.T, file string, g *gallery.Gallery) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e := json.NewEncoder(f)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(g); err != nil {
		t.Fatal(err)
	}
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.UTC()
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
