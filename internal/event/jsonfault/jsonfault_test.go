package jsonfault_test

import (
	"errors"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
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
			place, reason := jsonfault.Explain([]byte(c.text), err, func(e *json.SemanticError) string {
				belongs := map[string]string{"string": "a string", "slice": "an array", "float64": "a number"}[e.GoType.Kind().String()]
				return jsonfault.Holds(e.JSONKind, belongs)
			})
			if place != c.place || reason != c.reason {
				t.Errorf("%q: %q, want %q: %q", place, reason, c.place, c.reason)
			}
		})
	}
	if place, reason := jsonfault.Explain(nil, errors.New("too deep"), nil); place != "" || reason != "not valid JSON: too deep" {
		t.Errorf("another error: %q: %q", place, reason)
	}
}

func TestMove(t *testing.T) {
	for _, c := range []struct {
		reason string
		start  jsonfault.Position
		moved  string
		where  jsonfault.Position
	}{
		{"not valid JSON at line 1, column 3: it ends: early", jsonfault.Position{Line: 7, Column: 5}, "not valid JSON at line 7, column 7: it ends: early", jsonfault.Position{Line: 7, Column: 7}},
		{"not valid JSON at line 2, column 3: why", jsonfault.Position{Line: 7, Column: 5}, "not valid JSON at line 8, column 3: why", jsonfault.Position{Line: 8, Column: 3}},
		{"missing or blank", jsonfault.Position{Line: 7, Column: 5}, "missing or blank", jsonfault.Position{}},
		{"not valid JSON: too deep", jsonfault.Position{Line: 7, Column: 5}, "not valid JSON: too deep", jsonfault.Position{}},
	} {
		if moved, where := jsonfault.Move(c.reason, c.start); moved != c.moved || where != c.where {
			t.Errorf("%q becomes %q at %v", c.reason, moved, where)
		}
	}
}
