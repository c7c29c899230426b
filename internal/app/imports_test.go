package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// roomRule is what a folder of internal may import: other rooms, and whether NATS.
type roomRule struct {
	imports []string
	nats    bool
}

// allowed lists every room. What tests import does not count.
func allowed() map[string]roomRule {
	return map[string]roomRule{
		"gallery":    {},
		"jsonfault":  {},
		"spelling":   {},
		"ninjs":      {imports: []string{"gallery", "jsonfault"}},
		"event":      {imports: []string{"gallery", "jsonfault", "ninjs", "spelling"}},
		"broker":     {nats: true},
		"intake":     {imports: []string{"event", "gallery"}, nats: true},
		"follow":     {nats: true},
		"ledger":     {imports: []string{"follow"}, nats: true},
		"outbox":     {imports: []string{"ledger"}, nats: true},
		"catalogue":  {imports: []string{"follow", "gallery"}, nats: true},
		"feed":       {imports: []string{"gallery"}},
		"memory":     {},
		"edition":    {imports: []string{"catalogue", "feed", "gallery", "memory"}, nats: true},
		"outbound":   {},
		"notice":     {imports: []string{"event", "gallery", "ledger", "outbound", "outbox"}, nats: true},
		"websub":     {imports: []string{"ledger", "outbound", "outbox"}},
		"digest":     {imports: []string{"gallery", "ledger", "outbox"}, nats: true},
		"web":        {imports: []string{"edition", "catalogue", "feed", "gallery", "event"}},
		"page":       {imports: []string{"edition", "catalogue", "gallery", "memory", "status", "web"}},
		"status":     {},
		"publish":    {imports: []string{"atomicfile", "event", "gallery", "jsonfault"}, nats: true},
		"backup":     {imports: []string{"catalogue", "event", "gallery"}},
		"atomicfile": {},
		"checkpoint": {imports: []string{"atomicfile"}},
		"schedule":   {},
		"config":     {imports: []string{"gallery", "spelling"}},
		"demo":       {imports: []string{"event", "gallery"}},
		"app":        {imports: []string{all}, nats: true},
	}
}

// all stands for every room.
const all = "all"

// root is the module's folder, seen from here.
const root = "../.."

const ours = "github.com/gallerywire/gallerywire/internal/"

// listed is a package as go list prints it.
type listed struct {
	ImportPath string
	Imports    []string
}

func (p listed) room() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(p.ImportPath, ours), "/")
	return name
}

func packages(t *testing.T) []listed {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "./internal/...")
	list.Dir = root
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var found []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("read what go list printed: %v", err)
		}
		found = append(found, p)
	}
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	rules := allowed()
	seen := map[string]bool{}
	for _, p := range packages(t) {
		rule, known := rules[p.room()]
		if !known {
			t.Errorf("%s: there is no rule for this room: write one, here and in the README", p.ImportPath)
			continue
		}
		seen[p.room()] = true
		for _, path := range p.Imports {
			if reason := rule.refuses(p.room(), path); reason != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, reason)
			}
		}
	}
	for name := range rules {
		if !seen[name] {
			t.Errorf("there is no room %s any more: remove its rule, here and in the README", name)
		}
	}
}

func (r roomRule) refuses(name, path string) string {
	if strings.HasPrefix(path, "github.com/nats-io/") && !r.nats {
		return "this room does not know NATS"
	}
	other, isOurs := strings.CutPrefix(path, ours)
	other, _, _ = strings.Cut(other, "/")
	if isOurs && other != name && !slices.Contains(r.imports, other) && !slices.Contains(r.imports, all) {
		return "this room may import " + strings.Join(append(r.imports, "no other"), ", ")
	}
	return ""
}

func TestFeedKnowsNeitherNetworkNorContext(t *testing.T) {
	for _, p := range packages(t) {
		if p.room() != "feed" {
			continue
		}
		for _, path := range []string{"net", "net/http", "context", "os"} {
			if slices.Contains(p.Imports, path) {
				t.Errorf("%s imports %s: a feed is a pure function of galleries and an instant", p.ImportPath, path)
			}
		}
	}
}

func TestFeedReadsNoClock(t *testing.T) {
	files := token.NewFileSet()
	sources := func(f fs.DirEntry) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	found := 0
	for _, f := range folder(t, "../feed", sources) {
		tree, err := parser.ParseFile(files, f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		found++
		ast.Inspect(tree, func(n ast.Node) bool {
			if name, reads := clock(n); reads {
				t.Errorf("%s: time.%s: pass the instant in", files.Position(n.Pos()), name)
			}
			return true
		})
	}
	if found == 0 {
		t.Fatal("the feed has no source files")
	}
}

// clock reports whether n names something of package time that reads the clock.
func clock(n ast.Node) (name string, reads bool) {
	use, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	from, ok := use.X.(*ast.Ident)
	if !ok || from.Name != "time" {
		return "", false
	}
	clocks := []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}
	return use.Sel.Name, slices.Contains(clocks, use.Sel.Name)
}

func folder(t *testing.T, dir string, wanted func(fs.DirEntry) bool) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range entries {
		if strings.HasSuffix(f.Name(), ".go") && wanted(f) {
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	return paths
}

// TestReadmeListsTheRooms reads lines such as
//
//	internal/event      the wire contract    → gallery
func TestReadmeListsTheRooms(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		name, isRoom := strings.CutPrefix(line, "internal/")
		if arrow := strings.LastIndex(name, "→"); isRoom && arrow >= 0 {
			told[strings.Fields(name)[0]] = strings.Fields(name[arrow+len("→"):])
		}
	}
	rules := allowed()
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		want := slices.Sorted(slices.Values(rules[name].imports))
		if len(want) == 0 {
			want = []string{"–"}
		}
		if got := slices.Sorted(slices.Values(told[name])); !slices.Equal(got, want) {
			t.Errorf("the README says that %s may import %v, the rule here says %v", name, got, want)
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("the README lists %s, for which there is no rule here", name)
	}
}
