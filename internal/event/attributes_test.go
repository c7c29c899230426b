package event

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func TestAttributesOfAnyMessageAreRead(t *testing.T) {
	type named struct{ ID, Source, Gallery string }
	headers := binary(Published)
	tests := []struct {
		name   string
		header map[string][]string
		data   string
		want   named
	}{
		{"bare", nil, `{"id":"g"}`, named{Gallery: "g"}},
		{"structured", nil, `{"specversion":"1.0","id":"e","source":"//cms","data":{"id":"g"}}`, named{"e", "//cms", "g"}},
		{"structured, base64", nil, `{"specversion":"1.0","id":"e","source":"//cms","data_base64":"eyJpZCI6ImcifQ=="}`, named{"e", "//cms", "g"}},
		{"structured, base64 of nonsense", nil, `{"specversion":"1.0","id":"e","source":"//cms","data_base64":"????"}`, named{"e", "//cms", ""}},
		{"binary", headers, `{"id":"g"}`, named{"e-1", "//cms.example.com", "g"}},
		{"binary with a broken body", headers, `<id>g</id>`, named{"e-1", "//cms.example.com", ""}},
		{"structured with copied headers", headers, `{"specversion":"1.0","id":"e","source":"//cms","data":{"id":"g"}}`, named{"e", "//cms", "g"}},
		{"cut off after the id", nil, `{"id":"g","title":"Har`, named{Gallery: "g"}},
		{"cut off in structured data", nil, `{"specversion":"1.0","id":"e","source":"//cms","data":{"id":"g","title":"Har`, named{"e", "//cms", "g"}},
		{"cut off in the id", nil, `{"id":"g`, named{}},
		{"invalid UTF-8 before the id", nil, "{\"title\":\"\xff\",\"id\":\"g\"}", named{Gallery: "g"}},
		{"invalid UTF-8 in the id", nil, "{\"id\":\"g\xff\"}", named{Gallery: "g\ufffd"}},
		{"a name twice before the id", nil, `{"title":"a","title":"b","id":"g"}`, named{Gallery: "g"}},
		{"escaped id", nil, `{"id":"\u0067\n"}`, named{Gallery: "g\n"}},
		{"id a number", nil, `{"id":17}`, named{}},
		{"id an object", nil, `{"id":{"id":"g"}}`, named{}},
		{"data a string", nil, `{"specversion":"1.0","id":"e","source":"//cms","data":"g"}`, named{"e", "//cms", ""}},
		{"version of the wrong type", nil, `{"specversion":0.3,"id":"e","source":"//cms","data":{"id":"g"}}`, named{"e", "//cms", "g"}},
		{"item by guid", nil, `{"guid":"g","uri":"u","id":"x","type":"text"}`, named{Gallery: "g"}},
		{"item by uri", nil, `{"id":"x","uri":"u","type":"text"}`, named{Gallery: "u"}},
		{"item in structured data", nil, `{"specversion":"1.0","id":"e","source":"//cms","type":"article.published","data":{"guid":"g","type":"text"}}`, named{"e", "//cms", "g"}},
		{"item in base64", nil, `{"specversion":"1.0","id":"e","source":"//cms","data_base64":"eyJndWlkIjoiZyJ9"}`, named{"e", "//cms", "g"}},
		{"item in a binary event", headers, `{"guid":"g","id":"x","type":"text"}`, named{"e-1", "//cms.example.com", "g"}},
		{"item cut off", nil, `{"guid":"g","type":"te`, named{Gallery: "g"}},
		{"gallery with a guid", nil, `{"guid":"g","id":"a","title":"t","published":"x"}`, named{Gallery: "a"}},
		{"list", nil, `["g"]`, named{}},
		{"nothing", nil, ``, named{}},
		{"noise", nil, "\x00\xff\xfe", named{}},
		{"100,000 deep", nil, `{"id":"g","x":` + strings.Repeat("[", 100_000), named{Gallery: "g"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got named
			got.ID, got.Source, got.Gallery = Attributes(Message{Header: tt.header, Data: []byte(tt.data)})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAttributesAreShortAndUTF8(t *testing.T) {
	long := strings.Repeat("é", gallery.MaxID)
	for _, m := range []Message{
		{Data: []byte(`{"specversion":"1.0","id":"` + long + `","source":"x` + long + `","data":{"id":"` + long + `"}}`)},
		{Data: []byte(`{"id":"` + long + `"}`), Header: map[string][]string{"ce-id": {"\xff" + long}, "ce-source": {"%ff" + long}}},
	} {
		id, source, galleryID := Attributes(m)
		for _, s := range []string{id, source, galleryID} {
			if s == "" || len(s) > gallery.MaxID || !utf8.ValidString(s) {
				t.Errorf("%d bytes: %q", len(s), s)
			}
		}
	}
}

func TestEventAttributesAreOneLineOfJSON(t *testing.T) {
	e := Event{Kind: Published, ID: "e\r\nNats-Rollup: all", Source: strings.Repeat("x", 10_000)}
	line := e.Attributes("article.\xff")
	if strings.ContainsAny(string(line), "\r\n") || len(line) > 1000 {
		t.Errorf("it does not fit into a header: %q", line)
	}
	var got map[string]string
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if got["subject"] != "article.\uFFFD" || got["kind"] != "article.published" || got["id"] != e.ID || !strings.HasPrefix(got["source"], "xxx") {
		t.Errorf("attributes %v", got)
	}
	if line := string(new(Event).Attributes("s")); line != `{"subject":"s","kind":""}` {
		t.Errorf("of a bare gallery: %s", line)
	}
}
