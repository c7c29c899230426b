package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	schemaFile = "../../config/gallerywire.schema.json"
	production = "../../config/production.yaml"
)

var update = flag.Bool("update", false, "write config/gallerywire.schema.json anew")

func TestSchemaIsWhatTheKeysAndTheReferenceFileSay(t *testing.T) {
	made := makeSchema(t)
	if *update {
		if err := os.WriteFile(schemaFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, schemaFile)), string(made)); diff != "" {
		t.Errorf("%s is out of date, run go test ./internal/config -run Schema -update (-file +made):\n%s", schemaFile, diff)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// compiled is the schema as a validator that nobody here wrote understands it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(read(t, schemaFile)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("gallerywire.schema.json", document); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("gallerywire.schema.json")
}

// asJSON is YAML as an editor's validator sees it.
func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	written, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestFilesHoldToTheSchema(t *testing.T) {
	schema := compiled(t)
	for name, text := range map[string][]byte{
		"the reference file":               read(t, reference),
		"the reference file, its examples": withExamples(t),
		"the production example":           read(t, production),
		"nothing":                          nil,
	} {
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesNameTheSchema(t *testing.T) {
	for _, file := range []string{reference, production} {
		if !bytes.HasPrefix(read(t, file), []byte("# yaml-language-server: $schema=gallerywire.schema.json\n")) {
			t.Errorf("%s does not begin with the line that tells editors of the schema beside it", file)
		}
	}
}

// described walks the file itself, so that what makes it cannot hide a key.
func described(schema map[string]any, path string, visit func(path string, schema map[string]any)) {
	properties, _ := schema["properties"].(map[string]any)
	for key, value := range properties {
		of := value.(map[string]any)
		under := join(path, key)
		visit(under, of)
		if items, ok := of["items"].(map[string]any); ok {
			of, under = items, under+"[]"
		}
		described(of, under, visit)
	}
}

func TestSchemaHasEveryKeyAndNoOther(t *testing.T) {
	found := map[string]bool{}
	described(parsedSchema(t), "", func(path string, schema map[string]any) {
		found[path] = true
		if schema["description"] == "" {
			t.Errorf("%s has no description", path)
		}
	})
	got, want := slices.Sorted(maps.Keys(found)), keys(reflect.TypeFor[Config](), "")
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys of the schema (-decoder +schema):\n%s", diff)
	}
}

func parsedSchema(t *testing.T) map[string]any {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal(read(t, schemaFile), &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestDefaultsOfTheSchemaAreTheDefaults loads a file that states each default.
func TestDefaultsOfTheSchemaAreTheDefaults(t *testing.T) {
	environ := []string{}
	described(parsedSchema(t), "", func(path string, schema map[string]any) {
		value, ok := schema["default"]
		if !ok || strings.Contains(path, "[]") {
			return
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if single, ok := value.(string); ok {
			text = []byte(single)
		}
		environ = append(environ, envName(path)+"="+string(text))
	})
	c, err := load("", nil, environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, sameValues()); diff != "" {
		t.Errorf("(-Default +schema):\n%s", diff)
	}
}

// Patterns are read by the editor's language, not by Go.
func TestPatternsAreOnesThatEveryLanguageKnows(t *testing.T) {
	n := 0
	for _, part := range strings.Split(string(read(t, schemaFile)), "\n") {
		_, pattern, found := strings.Cut(part, `"pattern": `)
		if !found {
			continue
		}
		n++
		for _, ours := range []string{"(?i", "(?s", "(?P", "(?=", "(?!", "(?<", `\\p`, `\\A`, `\\z`, "[[:"} {
			if strings.Contains(pattern, ours) {
				t.Errorf("%s has %s", pattern, ours)
			}
		}
	}
	if n == 0 {
		t.Error("no pattern was found")
	}
}

func TestSchemaRefusesWhatTheLoaderRefuses(t *testing.T) {
	schema := compiled(t)
	for _, tt := range obvious() {
		if schema.Validate(asJSON(t, []byte(tt.text))) == nil {
			t.Errorf("%s: the schema takes it", tt.text)
		}
	}
	for _, tt := range subtle() {
		if schema.Validate(asJSON(t, []byte(tt.text))) != nil {
			t.Errorf("%s: the schema tells it after all: move it to what is obvious", tt.text)
		}
	}
}

func TestSchemaTakesWhatTheLoaderTakes(t *testing.T) {
	schema := compiled(t)
	for _, text := range acceptable() {
		// A truth value in quotes is one for the loader, and better without them.
		text = strings.ReplaceAll(text, `"false"`, "false")
		if err := schema.Validate(asJSON(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
