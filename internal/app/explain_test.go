package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

func TestExplanationsHaveTheLineOfAKeyAndOfNothingElse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "g.yaml")
	if err := os.WriteFile(file, []byte("feeds:\n  - name: all\n    items: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &App{opts: Options{Config: c}}
	for _, tt := range []struct{ rule, where, want string }{
		{"items", "feeds[0].items", "feeds[0].items (" + file + ":3)"},
		{"rights.deny", "/rights/deny/0", "/rights/deny/0"},
		{"left-out", "the item is too long", "the item is too long"},
		{"default", "", ""},
	} {
		x := edition.Explanation{Rule: tt.rule, Where: tt.where, Slides: []edition.SlideExplanation{{Where: tt.where}}}
		if a.locate(&x); x.Where != tt.want {
			t.Errorf("%s at %q: %q", tt.rule, tt.where, x.Where)
		}
	}
}
