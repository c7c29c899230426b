package event

import (
	_ "embed" // for the three documents below
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	//go:embed schemas/gallery.json
	schema string
	//go:embed asyncapi.json
	asyncAPI string
	//go:embed openapi.json
	openAPI string
)

// Schema returns the JSON Schema (2020-12) of a gallery in our own form; its
// anchor takeDown is that of a take-down. Every event that is accepted in that form
// validates against it. It bounds text in characters where the decoder counts bytes, and
// it cannot express all rules for addresses and instants.
func Schema() []byte { return []byte(schema) }

// AsyncAPI returns the AsyncAPI 3.0 description of all events received and sent. It
// includes [Schema], as #/components/schemas/gallery.
func AsyncAPI() []byte {
	_, within, _ := strings.Cut(schema, `"title"`) // without the names of a document of its own
	within = strings.ReplaceAll(`{"title"`+within, `"#/`, `"#/components/schemas/gallery/`)
	return []byte(strings.Replace(asyncAPI, `{"$ref": "./schemas/gallery.json"}`, strings.TrimSpace(within), 1))
}

// OpenAPI returns the OpenAPI 3.1 description of all that is served in public over HTTP. It
// includes the schemas of [AsyncAPI], under the same names.
func OpenAPI() []byte {
	var d struct {
		Components struct {
			Schemas jsontext.Value `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(AsyncAPI(), &d); err != nil {
		panic(err) // not reached: the document is part of the program
	}
	return []byte(strings.Replace(openAPI, `{"$ref": "./asyncapi.json#/components/schemas"}`, string(d.Components.Schemas), 1))
}
