package edition_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
)

// atom is what the tests read of an Atom document.
type atom struct {
	Title   string `xml:"http://www.w3.org/2005/Atom title"`
	ID      string `xml:"http://www.w3.org/2005/Atom id"`
	Updated string `xml:"http://www.w3.org/2005/Atom updated"`
	Links   []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"http://www.w3.org/2005/Atom link"`
	Archive *struct{} `xml:"http://purl.org/syndication/history/1.0 archive"`
	Gone    []struct {
		Ref     string `xml:"ref,attr"`
		When    string `xml:"when,attr"`
		Comment string `xml:"http://purl.org/atompub/tombstones/1.0 comment"`
	} `xml:"http://purl.org/atompub/tombstones/1.0 deleted-entry"`
	Entries []struct {
		ID      string `xml:"http://www.w3.org/2005/Atom id"`
		Title   string `xml:"http://www.w3.org/2005/Atom title"`
		Updated string `xml:"http://www.w3.org/2005/Atom updated"`
	} `xml:"http://www.w3.org/2005/Atom entry"`
}

// read reads the edition's Atom document, after the other two were found to be
// good and to hold as many galleries.
func read(t testing.TB, e *edition.Edition) atom {
	t.Helper()
	a := readAtom(t, e.Document(feed.Atom))
	rss, err := gofeed.NewParser().ParseString(string(e.Document(feed.RSS).Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if len(rss.Items) != len(a.Entries) || len(readJSON(t, e.Document(feed.JSON)).Items) != len(a.Entries) {
		t.Errorf("%d entries in Atom, %d items in RSS", len(a.Entries), len(rss.Items))
	}
	return a
}

func readAtom(t testing.TB, doc *feed.Document) atom {
	t.Helper()
	var a atom
	if err := xml.Unmarshal(doc.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// prevArchive is the link to the older page of an Atom document. It stands before the entries,
// which are not read: a history has many thousands of documents.
func prevArchive(t testing.TB, doc *feed.Document) string {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(doc.Bytes())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return ""
		}
		if err != nil {
			t.Fatal(err)
		}
		start, _ := token.(xml.StartElement)
		attrs := map[string]string{}
		for _, a := range start.Attr {
			attrs[a.Name.Local] = a.Value
		}
		switch {
		case start.Name.Local == "entry":
			return ""
		case start.Name.Local == "link" && attrs["rel"] == "prev-archive":
			return attrs["href"]
		}
	}
}

func (a atom) link(rel string) string {
	for _, l := range a.Links {
		if l.Rel == rel {
			return l.Href
		}
	}
	return ""
}

// gone are the identifiers of the deleted entries.
func (a atom) gone() (list []string) {
	for _, d := range a.Gone {
		list = append(list, d.Ref)
	}
	return list
}

// ids are those of the entries, without what all have in common.
func (a atom) ids() []string {
	list := []string{}
	for _, entry := range a.Entries {
		list = append(list, strings.TrimPrefix(entry.ID, "tag:example.com,2026:"))
	}
	return list
}

// jsonFeed is what the tests read of a JSON Feed.
type jsonFeed struct {
	Title   string `json:"title"`
	NextURL string `json:"next_url"`
	Items   []struct {
		ID string `json:"id"`
	} `json:"items"`
	Data struct {
		Deleted []struct{ ID string }
	} `json:"_gallerywire"`
}

func readJSON(t testing.TB, doc *feed.Document) jsonFeed {
	t.Helper()
	var j jsonFeed
	if err := json.Unmarshal(doc.Bytes(), &j); err != nil {
		t.Fatal(err)
	}
	return j
}

// A hub that is pinged for some feeds only is named by these.
func TestAFeedNamesItsOwnHubs(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.hubs = []string{"https://example.com/hub"}
		o.also = func(ref edition.Ref) []string {
			if ref.String() != "all" && ref.String() != "sections/travel" {
				return nil
			}
			return []string{"https://hub.example.org/"}
		}
	})
	n.Publish(photo("a", section("Travel")))
	for _, c := range []struct {
		ref  edition.Ref
		want []string
	}{
		{edition.Ref{Kind: edition.Feed, Name: "all"}, []string{"https://example.com/hub", "https://hub.example.org/"}},
		{edition.Ref{Kind: edition.Section, Name: "travel"}, []string{"https://example.com/hub", "https://hub.example.org/"}},
		{edition.Ref{Kind: edition.Section, Name: "deserted"}, []string{"https://example.com/hub"}},
		{slidesOf("a"), []string{"https://example.com/hub"}},
	} {
		e := n.announced(c.ref)
		var named []string
		for _, link := range read(t, e).Links {
			if link.Rel == "hub" {
				named = append(named, link.Href)
			}
		}
		if diff := cmp.Diff(c.want, named); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.ref, diff)
		}
		for _, f := range feed.Formats() {
			if got := strings.Count(e.Document(f).Link, `rel="hub"`); got != len(c.want) {
				t.Errorf("%s in %s: %s", c.ref, f, e.Document(f).Link)
			}
		}
	}
}
