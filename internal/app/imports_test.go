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
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A room is a package under internal; a door is a folder right under internal, which
// may be a room as well.
type room struct {
	door    string
	imports []string // doors and rooms; "any" is all of them
}

// root is the module's folder, seen from here.
const root = "../.."

const ours = "github.com/gallerywire/gallerywire/internal/"

// listed is a package as go list prints it.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string // of the tests inside, and outside the package
	XTestImports []string
}

// room is the path of the room that p belongs to: its own, or that of the folder above
// with its help for tests.
func (p listed) room(rooms map[string]room) string {
	name := strings.TrimPrefix(p.ImportPath, ours)
	for _, known := rooms[name]; !known && strings.Contains(name, "/"); _, known = rooms[name] {
		name = path.Dir(name)
	}
	return name
}

func packages(t *testing.T) []listed {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./internal/...")
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

// readmeRooms reads the tree in the README, by path under internal:
//
//	event           the wire contract      → gallery jsonfault
//	  jsonfault     where a text is wrong  → –
func readmeRooms(t *testing.T) map[string]room {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, tree, _ := strings.Cut(string(text), "\ninternal/\n")
	tree, _, _ = strings.Cut(tree, "\nconfig/")
	rooms := map[string]room{}
	door := ""
	for line := range strings.Lines(tree) {
		arrow := strings.LastIndex(line, "→")
		if arrow < 0 {
			t.Fatalf("no arrow in %q", line)
		}
		name, imports := strings.Fields(line)[0], line[arrow+len("→"):]
		if strings.HasPrefix(line, "    ") {
			name = door + "/" + name
		} else {
			door = name
		}
		rooms[name] = room{door: door, imports: strings.Fields(strings.Replace(imports, "–", "", 1))}
	}
	return rooms
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	rooms := readmeRooms(t)
	found := map[string]bool{}
	for _, p := range packages(t) {
		name := p.room(rooms)
		r, known := rooms[name]
		if !known {
			t.Errorf("%s is not in the tree of the README", p.ImportPath)
			continue
		}
		found[name], found[r.door] = true, true
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "github.com/nats-io/") && !slices.Contains([]string{"store", "ingest", "notify", "app"}, r.door) {
				t.Errorf("%s imports %s: this door does not know NATS", p.ImportPath, imported)
			}
			other := listed{ImportPath: imported}.room(rooms)
			if isForTests(imported) && !isForTests(p.ImportPath) {
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, imported)
			}
			if isForTests(p.ImportPath) && rooms[other].door == r.door {
				continue // help for tests knows all of its door
			}
			if to, isOurs := rooms[other]; isOurs && other != name && !(r.mayImport(path.Base(other)) && (to.door == r.door || rooms[r.door].mayImport(to.door))) {
				t.Errorf("%s imports %s: the README lets it import %v, and its door %v", p.ImportPath, imported, r.imports, rooms[r.door].imports)
			}
		}
	}
	for name, r := range rooms {
		if !found[name] {
			t.Errorf("the README lists %s, which is no package", name)
		}
		for _, imported := range r.imports {
			if imported != "any" && !slices.ContainsFunc(slices.Collect(maps.Keys(rooms)), func(other string) bool { return path.Base(other) == imported }) {
				t.Errorf("the README lets %s import %s, which is no room", name, imported)
			}
		}
	}
}

// isForTests reports whether a package is help for the tests of others.
func isForTests(importPath string) bool { return strings.HasSuffix(importPath, "test") }

func (r room) mayImport(name string) bool {
	return slices.Contains(r.imports, name) || slices.Contains(r.imports, "any")
}

// pure are the rooms that are functions of galleries and an instant.
var pure = []string{"syndicate/feed", "store/index"}

func TestPureRoomsKnowNeitherNetworkNorContext(t *testing.T) {
	found := 0
	for _, p := range packages(t) {
		if !slices.Contains(pure, strings.TrimPrefix(p.ImportPath, ours)) {
			continue
		}
		found++
		for _, name := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if slices.Contains([]string{"net", "net/http", "context"}, name) || strings.HasPrefix(name, "github.com/nats-io/") {
				t.Errorf("%s or its tests import %s: it is a pure function of galleries and an instant", p.ImportPath, name)
			}
		}
		if slices.Contains(p.Imports, "os") {
			t.Errorf("%s imports os: it is a pure function of galleries and an instant", p.ImportPath)
		}
	}
	if found != len(pure) {
		t.Errorf("found %d of %v", found, pure)
	}
}

func TestPureRoomsReadNoClock(t *testing.T) {
	files := token.NewFileSet()
	sources := func(f fs.DirEntry) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	for _, room := range pure {
		found := folder(t, filepath.Join("..", room), sources)
		if len(found) == 0 {
			t.Errorf("%s has no source files", room)
		}
		for _, f := range found {
			tree, err := parser.ParseFile(files, f, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if name, reads := clock(n); reads {
					t.Errorf("%s: time.%s: pass the instant in", files.Position(n.Pos()), name)
				}
				return true
			})
		}
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
