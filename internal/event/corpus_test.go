package event

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// odd are values that stand, one after the other, in each place of a message.
func odd() []any {
	return []any{
		nil, true, false, 0, 7, -1, 1.5, 1e300, "", " ", "x", "a\u0000b", "1.0", "e30=", strings.Repeat("x", 3000),
		"https://news.example.com/x", " HTTPS://news.example.com/x\n", "javascript:alert(1)", "//h", "2026-11-20T09:00:00Z",
		"2026-11-20T09:00:00.5+01:00", "2026-02-30T09:00:00Z", "2026-11-20", "2026-11-20t09:00:00z", "2026-11-20 09:00:00.5+0000", "2016-12-31T23:59:60Z", "x-klingon", "i-default", "2026-11-20T9:00:00Z", "1066-10-14T09:00:00Z",
		"article.published", "x.article.unpublished", []any{}, []any{nil}, []any{""}, []any{map[string]any{}}, map[string]any{}, map[string]any{"x": nil},
	}
}

// variants returns v with one thing in it changed, in every way that odd knows,
// left out, or repeated beyond every limit.
func variants(v any) []any {
	all := odd()
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			less := maps.Clone(v)
			delete(less, name)
			all = append(all, less)
			for _, x := range variants(v[name]) {
				changed := maps.Clone(v)
				changed[name] = x
				all = append(all, changed)
			}
		}
	case []any:
		for i := range v {
			for _, x := range variants(v[i]) {
				changed := slices.Clone(v)
				changed[i] = x
				all = append(all, changed)
			}
		}
		all = append(all, slices.Repeat(v[:1], 101), slices.Repeat(v[:1], 1001))
	}
	return all
}

// unsayable are the reasons for which the decoder refuses what keeps to the
// schema: these the schema cannot say, or says in words.
var unsayable = []string{
	"is relative:", "is not valid JSON", "has no host", "only http and https addresses are allowed", "is not a valid address",
	"is the id of /slides/", "is not between 1800 and 2200", "more than a day after", "missing: a slide has a picture",
	"write it without point and exponent", "/data_base64",
}

func TestDecoderAndDocumentsAgreeOnEveryVariant(t *testing.T) {
	c := newContract(t)
	taken := []byte(`{"id":"a","updated":"2026-11-20T09:00:00Z","version":2,"reason":"rights"}`)
	for kind, data := range map[Kind][]byte{Published: harbour(t), Unpublished: taken} {
		for form, m := range forms(kind, data) {
			t.Run(string(kind)+" "+form, func(t *testing.T) { c.agree(t, kind, m) })
		}
	}
}

// agree holds the decoder to the documents, and these to the decoder.
func (c *contract) agree(t *testing.T, kind Kind, m Message) {
	m.Subject, m.Stored = string(kind), arrived
	accepted, refused := 0, 0
	for _, v := range variants(parse(t, m.Data)) {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		m.Data = data
		_, refusal := bounded.Decode(m)
		if refusal == nil {
			accepted++
			if err := c.check(m); err != nil {
				t.Errorf("accepted, and yet %v\n%.300s", err, data)
			}
			continue
		}
		refused++
		if c.whole(kind, data) == nil && !slices.ContainsFunc(unsayable, func(s string) bool { return strings.Contains(refusal.Error(), s) }) {
			t.Errorf("by the schema it is good, and yet refused: %v\n%.300s", refusal, data)
		}
	}
	if accepted < 20 || refused < 100 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
}

// An item may hold anything in the members that are not read.
func TestAcceptedVariantsOfAnItemConformToTheDocuments(t *testing.T) {
	c := newContract(t)
	for _, kind := range []Kind{Published, Unpublished} {
		accepted := 0
		for _, v := range variants(parse(t, item(t))) {
			data, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			m := Message{Subject: string(kind), Data: data, Stored: arrived}
			if _, err := desk.Decode(m); err != nil {
				continue
			}
			accepted++
			if err := c.check(m); err != nil {
				t.Errorf("accepted as %s, and yet %v\n%.300s", kind, err, data)
			}
		}
		if accepted < 100 {
			t.Errorf("%d accepted as %s", accepted, kind)
		}
	}
}
