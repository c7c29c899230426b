package event

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contents visits each media type of the document with its pointer. What is described by
// a reference is visited where it is.
func contents(v any, at string, visit func(pointer string, mediaType map[string]any)) {
	object, _ := v.(map[string]any)
	for name, child := range object {
		here := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if name == "content" && !strings.HasPrefix(at, "/components/schemas") {
			for mediaType, described := range child.(map[string]any) {
				visit(here+"/"+strings.ReplaceAll(mediaType, "/", "~1"), described.(map[string]any))
			}
			continue
		}
		contents(child, here, visit)
	}
}

func TestEveryExampleInOpenAPIConformsToItsSchema(t *testing.T) {
	document, used := parse(t, OpenAPI()), map[string]bool{}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: dateTime})
	if err := c.AddResource("https://gallerywire.example/openapi.json", document); err != nil {
		t.Fatal(err)
	}
	contents(document, "", func(at string, mediaType map[string]any) {
		if mediaType["schema"] == nil {
			return
		}
		s, err := c.Compile("https://gallerywire.example/openapi.json#" + at + "/schema")
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		shown, _ := mediaType["examples"].(map[string]any)
		for name, example := range shown {
			pointer := strings.TrimPrefix(example.(map[string]any)["$ref"].(string), "#")
			used[pointer] = true
			found, _ := step(document, pointer)
			if err := s.Validate(found.(map[string]any)["value"]); err != nil {
				t.Errorf("%s, example %s: %v", at, name, err)
			}
		}
	})
	all, _ := step(document, "/components/examples")
	for name := range all.(map[string]any) {
		if !used["/components/examples/"+name] {
			t.Errorf("example %s is shown nowhere", name)
		}
	}
}

func TestSchemasOfBothDocumentsAreTheSame(t *testing.T) {
	var async, open struct {
		Components struct{ Schemas json.RawMessage }
	}
	if json.Unmarshal(AsyncAPI(), &async) != nil || json.Unmarshal(OpenAPI(), &open) != nil || string(async.Components.Schemas) != string(open.Components.Schemas) {
		t.Error("they differ")
	}
}

// TestSwaggerParserTakesOpenAPI uses npm's parser of OpenAPI 3.1.
func TestSwaggerParserTakesOpenAPI(t *testing.T) {
	const folder = "testdata/parser"
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("npm's swagger-parser is missing: run npm ci in internal/event/%s", folder)
		}
		t.Skipf("npm's swagger-parser is missing: run npm ci in internal/event/%s", folder)
	}
	file := filepath.Join(t.TempDir(), "openapi.json")
	for name, change := range map[string]*strings.Replacer{
		"":                         strings.NewReplacer(),
		"a place that is unknown":  strings.NewReplacer(`"in": "header"`, `"in": "somewhere"`),
		"a response without words": strings.NewReplacer(`"description": "The page."`, `"summary": "The page."`),
	} {
		if err := os.WriteFile(file, []byte(change.Replace(string(OpenAPI()))), 0o600); err != nil {
			t.Fatal(err)
		}
		program := exec.CommandContext(t.Context(), "node", "parse.mjs", file)
		program.Dir = folder
		out, err := program.CombinedOutput()
		if good := err == nil; good != (name == "") {
			t.Errorf("%q: %v\n%s", name, err, out)
		}
	}
}
