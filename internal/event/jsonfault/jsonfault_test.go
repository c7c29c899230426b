package jsonfault_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct{ name, text, place, reason string }{
		{"empty", " \n", "", "not valid JSON at line 2, column 1: it is empty"},
		{"a byte order mark", "\ufeff{}", "", "not valid JSON at line 1, column 1: it begins with a byte order mark: leave that out"},
		{"a name twice", `{"a": "1", "a": "2"}`, "/a", "not valid JSON at line 1, column 12: the object has this name twice"},
		{"cut off", "{\n\"ä\": \"ö", "/ä", "not valid JSON at line 2, column 8: it ends too early"},
		{"a comma at the end", "{\"a\": \"1\",\n }", "", "not valid JSON at line 1, column 10: nothing follows this comma: leave it out"},
		{"a comma at the end of an array", `{"b": [1, 2, ]}`, "/b", "not valid JSON at line 1, column 12: nothing follows this comma: leave it out"},
		{"two commas", `{"a": "1",, "b": []}`, "", "not valid JSON at line 1, column 11: invalid character ',' at start of value"},
		{"single quotes", `{'a': 1}`, "", `not valid JSON at line 1, column 2: '\'' is no quotation mark of JSON: write "`},
		{"quotes of a word processor", `{"a": “x”}`, "/a", `not valid JSON at line 1, column 7: '“' is no quotation mark of JSON: write "`},
		{"UTF-16", "\xff\xfe{\x00}\x00", "", "not valid JSON at line 1, column 1: it is UTF-16: write it in UTF-8"},
		{"another type", `{"b": [1, "two"]}`, "/b/1", `holds a string where a number belongs`},
		{"an object for a string", `{"a": {}}`, "/a", `holds an object where a string belongs`},
		{"null in an array", `{"b": true}`, "/b", `holds true where an array belongs`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var into struct {
				A string    `json:"a"`
				U string    `json:"ä"`
				B []float64 `json:"b"`
			}
			err := json.Unmarshal([]byte(c.text), &into)
			got := jsonfault.Explain([]byte(c.text), err, func(e *json.SemanticError) string {
				belongs := map[string]string{"string": "a string", "slice": "an array", "float64": "a number"}[e.GoType.Kind().String()]
				return jsonfault.Holds(e.JSONKind, belongs)
			})
			if want := (gallery.Problem{Place: c.place, Reason: c.reason}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}

		})
	}
	if got := jsonfault.Explain(nil, errors.New("too deep"), nil); got != (gallery.Problem{Reason: "not valid JSON: too deep"}) {
		t.Errorf("another error: %+v", got)
	}
}

func TestSyntaxIsPlacedInTheLongerText(t *testing.T) {
	start := jsonfault.Position{Line: 7, Column: 5}
	for text, want := range map[string]jsonfault.Position{
		`{"a" 1}`: {Line: 7, Column: 10}, "{\n\"a\" 1}": {Line: 8, Column: 5}, `{"a": 1}`: {},
	} {
		p, at := jsonfault.Syntax([]byte(text), start)
		if at != want || at.Line > 0 && !strings.HasPrefix(p.Reason, "not valid JSON at "+want.String()+": ") {
			t.Errorf("%q: %q at %v, want %v", text, p, at, want)
		}
	}
}
