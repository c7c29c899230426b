package edition_test

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

func TestTheNameOfAFeed(t *testing.T) {
	t.Parallel()
	for name, ref := range map[string]edition.Ref{
		"all":                                  {Kind: edition.Feed, Name: "all"},
		"sections":                             {Kind: edition.Feed, Name: "sections"},
		"sections/travel":                      {Kind: edition.Section, Name: "travel"},
		"tags/旅行":                              {Kind: edition.Tag, Name: "旅行"},
		"authors/" + gallery.Slug("A. Writer"): {Kind: edition.Author, Name: gallery.Slug("A. Writer")},
		"galleries/harbour-lights":             {Kind: edition.Gallery, Name: "harbour-lights"},
		"galleries/" + gallery.Key("a b"):      {Kind: edition.Gallery, Name: gallery.Key("a b")},
	} {
		if got := ref.String(); got != name {
			t.Errorf("%+v is called %q, want %q", ref, got, name)
		}
		if got, ok := edition.ParseRef(name); !ok || got != ref {
			t.Errorf("%q is read as %+v, %v", name, got, ok)
		}
	}
	for _, name := range []string{
		"", "/", "/all", "feeds/all", "feeds/", "sections/", "galleries/", "sections/a/b", "languages/en", "Sections/travel", "a/b",
		edition.Ref{Kind: edition.Feed, Name: "all", Page: "newest"}.String(), edition.Ref{Kind: edition.Tag, Name: "night", Page: "newest"}.String(),
	} {
		if ref, ok := edition.ParseRef(name); ok || ref != (edition.Ref{}) {
			t.Errorf("%q is read as %+v", name, ref)
		}
	}
}

// What is read as a name is that name.
func FuzzParseRef(f *testing.F) {
	for _, name := range []string{"all", "sections/travel", "tags/旅行", "authors/a-writer~0123456789abcdef", "galleries/=00", "feeds/all", "a/b/c", "", "\xff/"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		ref, ok := edition.ParseRef(name)
		if ok && ref.String() != name {
			t.Errorf("%q is read as %q", name, ref)
		}
	})
}
