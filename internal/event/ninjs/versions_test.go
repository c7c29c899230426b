package ninjs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// camels are the members of 2.x whose names 3.x writes with capitals, and embargoed.
var camels = map[string]string{
	"versioncreated": "versionCreated", "firstcreated": "firstCreated", "contentcreated": "contentCreated", "embargoed": "embargoedUntil",
	"pubstatus": "pubStatus", "contenttype": "contentType", "sizeinbytes": "sizeInBytes", "copyrightholder": "copyrightHolder",
	"copyrightnotice": "copyrightNotice", "usageterms": "usageTerms", "infosources": "infoSources", "rightsinfo": "rightsInfo",
	"linkedrights": "linkedRights", "encodedrights": "encodedRights", "langid": "langId", "ednote": "edNote", "altids": "altIds",
}

// renamed returns v with the names of 3.x wherever camel says so.
func renamed(v any, camel func() bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if other, known := camels[name]; known && camel() {
				out[other] = renamed(v[name], camel)
			} else {
				out[name] = renamed(v[name], camel)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = renamed(v[i], camel)
		}
		return out
	}
	return v
}

// generated makes one random item in the names of 1.x and of 2.x.
type generated struct{ one, two map[string]any }

// maybe sets the members of 1.x and of 2.x, sometimes.
func (g generated) maybe(r *rand.Rand, name string, one any, name2 string, two any) {
	if r.IntN(3) > 0 {
		g.one[name], g.two[name2] = one, two
	}
}

func (g generated) same(r *rand.Rand, name string, value any) { g.maybe(r, name, value, name, value) }

func instantOf(r *rand.Rand) string {
	return time.Date(2026, 1, 1, 0, r.IntN(500_000), 0, 0, time.UTC).Format(time.RFC3339)
}

func textOf(r *rand.Rand) string {
	words := []string{"harbour", "Färja", "R&amp;D", "ice < snow", "“quoted”", "港", "\n", "AT&T"}
	var out []string
	for range 1 + r.IntN(4) {
		out = append(out, words[r.IntN(len(words))])
	}
	return strings.TrimSpace("x " + strings.Join(out, " "))
}

func one(member string, value any) []any { return []any{map[string]any{member: value}} }

// generate makes what an item and an association may both have.
func generate(r *rand.Rand, id string) generated {
	g := generated{map[string]any{"uri": id}, map[string]any{"uri": id}}
	headline, plain, markup, by := textOf(r), textOf(r), "<p>"+strings.ReplaceAll(textOf(r), " < ", " ")+"</p>", textOf(r)
	g.one["headline"], g.two["headlines"] = headline, one("value", headline)
	if r.IntN(2) == 0 {
		g.one["headline"], g.one["headline_main"] = "", headline
	}
	if r.IntN(2) == 0 {
		g.maybe(r, "description_text", plain, "descriptions", []any{map[string]any{"role": "text", "contenttype": "text/plain", "value": plain}})
	} else {
		g.maybe(r, "description_caption_html", markup, "descriptions", []any{map[string]any{"role": "caption", "contenttype": "text/html", "value": markup}})
	}
	g.maybe(r, "byline", by, "by", by)
	g.same(r, "expires", instantOf(r))
	g.same(r, "embargoed", instantOf(r))
	g.same(r, "copyrightholder", textOf(r))
	rights := map[string]any{"encodedrights": distributes}
	if r.IntN(2) == 0 {
		rights = map[string]any{"linkedrights": "https://a.example/rights"}
	}
	g.same(r, "rightsinfo", rights)
	return g
}

func generateItem(r *rand.Rand) generated {
	g := generate(r, fmt.Sprintf("urn:item:%d", r.IntN(1000)))
	body, markup := textOf(r), "<p>"+strings.ReplaceAll(textOf(r), " < ", " ")+"</p>"
	subjects := []any{map[string]any{"name": textOf(r)}, map[string]any{"name": textOf(r)}}
	people := []any{map[string]any{"name": textOf(r), "rel": "author"}, map[string]any{"name": textOf(r), "rel": "about"}}
	version := any(fmt.Sprint(r.IntN(5)))
	if r.IntN(2) == 0 {
		version = r.IntN(5)
	}
	g.one["versioncreated"], g.two["versioncreated"] = "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"
	g.same(r, "version", version)
	g.same(r, "type", []string{"text", "composite", ""}[r.IntN(3)])
	g.same(r, "pubstatus", []string{"usable", "withheld", "canceled", "usable", "usable", "usable"}[r.IntN(6)])
	g.same(r, "firstcreated", instantOf(r))
	g.same(r, "contentcreated", instantOf(r))
	g.same(r, "language", "sv")
	g.same(r, "slugline", textOf(r))
	g.same(r, "copyrightnotice", textOf(r))
	g.same(r, "usageterms", textOf(r))
	g.same(r, "ednote", "for colleagues")
	if r.IntN(2) == 0 {
		g.maybe(r, "body_html", markup, "bodies", []any{map[string]any{"role": "main", "contenttype": "text/html", "value": markup}})
	} else {
		g.maybe(r, "body_text", body, "bodies", []any{map[string]any{"contenttype": "text/plain", "value": body}})
	}
	g.maybe(r, "subject", subjects, "subjects", subjects)
	g.maybe(r, "person", people, "people", people)
	g.maybe(r, "infosource", one("name", "TT"), "infosources", one("name", "TT"))

	byName, listed := make(map[string]any), []any{}
	for i := range r.IntN(4) {
		p := generate(r, fmt.Sprintf("urn:picture:%d", i))
		p.one["type"], p.two["type"] = "picture", "picture"
		p.same(r, "pubstatus", []string{"usable", "withheld", "usable"}[r.IntN(3)])
		files, list := make(map[string]any), []any{}
		for j := range r.IntN(3) {
			name, href, width, bytes := fmt.Sprintf("r%d", j), fmt.Sprintf("https://a.example/%d-%d", i, j), 100+j*700, r.IntN(9999)
			files[name] = map[string]any{"href": href, "mimetype": "image/jpeg", "width": width, "height": width / 2, "sizeinbytes": bytes}
			list = append(list, map[string]any{"name": name, "href": href, "contenttype": "image/jpeg", "width": width, "height": width / 2, "sizeinbytes": bytes})
		}
		p.one["renditions"], p.two["renditions"] = files, list
		name := fmt.Sprintf("picture--%d", i)
		p.two["name"] = name
		byName[name], listed = p.one, append(listed, p.two)
	}
	g.one["associations"], g.two["associations"] = byName, listed
	return g
}

// Providers mix the names, too.
func TestAnItemIsTheSameGalleryInEveryVersion(t *testing.T) {
	pictures, takeDowns := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		g := generateItem(r)
		want := mustDecode(t, string(encode(t, g.one)))
		for version, written := range map[string]any{
			"2": g.two, "3": renamed(g.two, func() bool { return true }), "a mixture": renamed(g.two, func() bool { return r.IntN(2) == 0 }),
			"1 in capitals": renamed(g.one, func() bool { return true }),
		} {
			got := mustDecode(t, string(encode(t, written)))
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Item{}, "IDPlace", "Dated", "LeftOut")); diff != "" {
				t.Fatalf("%s of seed %d (-1.x +%s):\n%s\n%s\n%s", version, seed, version, diff, encode(t, g.one), encode(t, written))
			}
			if len(got.LeftOut) != len(want.LeftOut) {
				t.Errorf("%s of seed %d leaves out %v, 1.x %v", version, seed, got.LeftOut, want.LeftOut)
			}
		}
		if want.Gallery == nil {
			takeDowns++
		} else {
			pictures += len(want.Gallery.Slides)
		}
	}
	if pictures < 100 || takeDowns < 30 {
		t.Errorf("%d pictures and %d take-downs were compared", pictures, takeDowns)
	}
}
