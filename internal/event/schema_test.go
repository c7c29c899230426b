package event

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// step walks into v along a JSON pointer; "-" is the first entry of a list.
func step(v any, pointer string) (any, bool) {
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch parent := v.(type) {
		case map[string]any:
			child, there := parent[name]
			if !there {
				return nil, false
			}
			v = child
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(parent) {
				return nil, false
			}
			v = parent[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// put sets the value at a JSON pointer.
func put(t *testing.T, v any, pointer string, value any) {
	t.Helper()
	cut := strings.LastIndexByte(pointer, '/')
	parent := v
	if cut > 0 {
		parent, _ = step(v, pointer[:cut])
	}
	switch parent := parent.(type) {
	case map[string]any:
		parent[pointer[cut+1:]] = value
	case []any:
		parent[0] = value
	default:
		t.Fatalf("nothing holds %s", pointer)
	}
}

// bound is a limit of a gallery: where in it and where in the schema.
type bound struct {
	name   string // of the constant
	limit  int
	place  string
	schema string
	fill   func(n int) any // a value of that size
}

func words(n int) any { return strings.Repeat("x", n) }

func web(n int) any { return "https://h/" + strings.Repeat("x", n-len("https://h/")) }

func number(n int) any { return n }

func names(n int) any { return slices.Repeat([]any{"x"}, n) }

func authors(n int) any { return slices.Repeat([]any{map[string]any{"name": "x"}}, n) }

func slides(n int) any {
	return slices.Repeat([]any{map[string]any{"image": map[string]any{"url": "https://h/1.jpg"}}}, n)
}

func bounds() []bound {
	return []bound{
		{"MaxID", gallery.MaxID, "/id", "/$defs/id/maxLength", words},
		{"MaxURL", gallery.MaxURL, "/url", "/properties/url/maxLength", web},
		{"MaxURL", gallery.MaxURL, "/guid", "/properties/guid/maxLength", words},
		{"MaxTitle", gallery.MaxTitle, "/title", "/properties/title/maxLength", words},
		{"MaxSummary", gallery.MaxSummary, "/summary", "/properties/summary/maxLength", words},
		{"MaxName", gallery.MaxName, "/section", "/properties/section/maxLength", words},
		{"MaxList", gallery.MaxList, "/tags", "/properties/tags/maxItems", names},
		{"MaxLabel", gallery.MaxLabel, "/tags/0", "/properties/tags/items/maxLength", words},
		{"MaxList", gallery.MaxList, "/authors", "/properties/authors/maxItems", authors},
		{"MaxLabel", gallery.MaxLabel, "/authors/0/name", "/$defs/author/properties/name/maxLength", words},
		{"MaxName", gallery.MaxName, "/authors/0/email", "/$defs/author/properties/email/maxLength", words},
		{"MaxURL", gallery.MaxURL, "/authors/0/url", "/$defs/address/maxLength", web},
		{"MaxList", gallery.MaxList, "/sources", "/properties/sources/maxItems", names},
		{"MaxName", gallery.MaxName, "/sources/0", "/properties/sources/items/maxLength", words},
		{"MaxList", gallery.MaxList, "/rights/allow", "/$defs/audiences/maxItems", names},
		{"MaxLabel", gallery.MaxLabel, "/rights/deny", "/$defs/audiences/items/maxLength", func(n int) any { return []any{words(n)} }},
		{"MaxTitle", gallery.MaxTitle, "/copyright", "/properties/copyright/maxLength", words},
		{"MaxURL", gallery.MaxURL, "/license", "/$defs/address/maxLength", web},
		{"MaxSlides", gallery.MaxSlides, "/slides", "/properties/slides/maxItems", slides},
		{"MaxID", gallery.MaxID, "/slides/0/id", "/$defs/slide/properties/id/maxLength", words},
		{"MaxTitle", gallery.MaxTitle, "/slides/0/title", "/$defs/slide/properties/title/maxLength", words},
		{"MaxCaption", gallery.MaxCaption, "/slides/0/caption", "/$defs/slide/properties/caption/maxLength", words},
		{"MaxName", gallery.MaxName, "/slides/0/credit", "/$defs/slide/properties/credit/maxLength", words},
		{"MaxURL", gallery.MaxURL, "/slides/0/image/url", "/$defs/image/properties/url/maxLength", web},
		{"MaxName", gallery.MaxName, "/slides/0/image/type", "/$defs/image/properties/type/maxLength", words},
		{"MaxSide", gallery.MaxSide, "/slides/0/image/width", "/$defs/side/maximum", number},
		{"MaxSide", gallery.MaxSide, "/slides/0/image/height", "/$defs/side/maximum", number},
		{"MaxSummary", gallery.MaxSummary, "/slides/0/image/alt", "/$defs/image/properties/alt/maxLength", words},
		{"MaxURL", gallery.MaxURL, "/slides/0/image/thumbnail", "/$defs/address/maxLength", web},
	}
}

// described are the limits that a schema can state only in a description.
func described() []bound {
	return []bound{
		{name: "MaxLabels", limit: gallery.MaxLabels, schema: "/description"},
		{name: "MaxInstants", limit: gallery.MaxInstants, schema: "/properties/slides/description"},
		{name: "MinYear", limit: gallery.MinYear, schema: "/properties/published/description"},
		{name: "MaxYear", limit: gallery.MaxYear, schema: "/properties/published/description"},
		{name: "MinYear", limit: gallery.MinYear, schema: "/$defs/takeDown/properties/updated/description"},
		{name: "MaxYear", limit: gallery.MaxYear, schema: "/$defs/takeDown/properties/updated/description"},
	}
}

func TestSchemaStatesEveryLimitWithItsNumber(t *testing.T) {
	schema := parse(t, Schema())
	var stated []string
	for _, b := range bounds() {
		stated = append(stated, b.name)
		if got, _ := step(schema, b.schema); got != json.Number(strconv.Itoa(b.limit)) {
			t.Errorf("%s is %v, %s is %d", b.schema, got, b.name, b.limit)
		}
	}
	for _, b := range described() {
		stated = append(stated, b.name)
		got, _ := step(schema, b.schema)
		numbers := strings.FieldsFunc(fmt.Sprint(got), func(r rune) bool { return r < '0' || r > '9' })
		if !slices.Contains(numbers, strconv.Itoa(b.limit)) {
			t.Errorf("%s does not say %d, which is %s: %v", b.schema, b.limit, b.name, got)
		}
	}
	slices.Sort(stated)
	if diff := cmp.Diff(limits(t), slices.Compact(stated)); diff != "" {
		t.Errorf("limits (-in the code +in the schema):\n%s", diff)
	}
	for _, pointer := range []string{"/$defs/version/maximum", "/$defs/image/properties/bytes/maximum"} {
		if got, _ := step(schema, pointer); got != json.Number(strconv.Itoa(math.MaxInt64)) {
			t.Errorf("%s is %v", pointer, got)
		}
	}
}

// limits returns the names of the constants that bound a gallery, sorted.
func limits(t *testing.T) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "gallery", "validate.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(tree, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, spec := range d.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					found = append(found, name.Name)
				}
			}
		}
		return true
	})
	found = slices.DeleteFunc(found, func(name string) bool {
		return !strings.HasPrefix(name, "Max") && !strings.HasPrefix(name, "Min")
	})
	slices.Sort(found)
	return found
}

func TestDecoderAndSchemaHaveTheSameLimits(t *testing.T) {
	c := newContract(t)
	for _, b := range bounds() {
		t.Run(b.place, func(t *testing.T) {
			for n, want := range map[int]bool{b.limit: true, b.limit + 1: false} {
				v := parse(t, harbour(t))
				put(t, v, b.place, b.fill(n))
				data, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				_, refusal := bounded.Decode(Message{Data: data, Stored: arrived})
				if invalid := validate(c.gallery, data); (refusal == nil) != want || (invalid == nil) != want {
					t.Errorf("%d: decoder %v, schema %v", n, refusal, invalid)
				}
			}
		})
	}
}

func TestReasonOfATakeDownHasOneLimit(t *testing.T) {
	c := newContract(t)
	for n, want := range map[int]bool{gallery.MaxTitle: true, gallery.MaxTitle + 1: false} {
		data := fmt.Appendf(nil, `{"id":"a","reason":%q}`, words(n))
		_, refusal := bounded.Decode(Message{Subject: "article.unpublished", Data: data, Stored: arrived})
		if invalid := validate(c.takeDown, data); (refusal == nil) != want || (invalid == nil) != want {
			t.Errorf("%d: decoder %v, schema %v", n, refusal, invalid)
		}
	}
}

// An address that is too long is refused as it was sent, though it could be
// made shorter.
func TestLongAddressIsRefusedBeforeItIsResolved(t *testing.T) {
	long := strings.Repeat("a/../", 500) + "1.jpg"
	ps := refusal(t, Message{Data: []byte(least + `,"url":"https://h/` + strings.Repeat(" ", 2048) + `","license":"` + long + `",
		"authors":[{},{"url":"` + long + `"}],"slides":[{"image":{"url":"` + long + `","thumbnail":"` + long + `"}}]}`)})
	const reason = "is 2505 bytes long, at most 2048 are allowed"
	want := gallery.Problems{
		{Place: "/url", Reason: "is 2058 bytes long, at most 2048 are allowed"}, {Place: "/license", Reason: reason},
		{Place: "/authors/1/url", Reason: reason}, {Place: "/slides/0/image/url", Reason: reason}, {Place: "/slides/0/image/thumbnail", Reason: reason},
	}
	if diff := cmp.Diff(want, ps); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// fields returns the JSON names of the fields of T, sorted, and of those that
// are always written.
func fields[T any]() (all, always []string) {
	typ := reflect.TypeFor[T]()
	for i := range typ.NumField() {
		name, option, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		all = append(all, name)
		if option == "" {
			always = append(always, name)
		}
	}
	slices.Sort(all)
	slices.Sort(always)
	return all, always
}

func TestSchemaHasTheFieldsOfAGallery(t *testing.T) {
	schema := parse(t, Schema())
	sameFields[gallery.Gallery](t, schema, "")
	sameFields[gallery.Author](t, schema, "/$defs/author")
	sameFields[gallery.Rights](t, schema, "/$defs/rights")
	sameFields[gallery.Slide](t, schema, "/$defs/slide")
	sameFields[gallery.Image](t, schema, "/$defs/image")
	sameFields[TakeDown](t, schema, "/$defs/takeDown")
}

// sameFields wants what is always written to be required, and else the same
// names.
func sameFields[T any](t *testing.T, document any, pointer string) {
	t.Helper()
	all, always := fields[T]()
	properties, _ := step(document, pointer+"/properties")
	object, _ := properties.(map[string]any)
	if diff := cmp.Diff(all, slices.Sorted(maps.Keys(object))); diff != "" {
		t.Errorf("%s (-fields of %v +properties):\n%s", pointer, reflect.TypeFor[T](), diff)
	}
	listed, _ := step(document, pointer+"/required")
	var required []string
	for _, name := range asList(listed) {
		required = append(required, fmt.Sprint(name))
	}
	slices.Sort(required)
	if diff := cmp.Diff(always, required); diff != "" {
		t.Errorf("%s (-always written of %v +required):\n%s", pointer, reflect.TypeFor[T](), diff)
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}
