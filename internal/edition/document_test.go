package edition_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/edition"
	"github.com/gallerywire/gallerywire/internal/feed"
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
		Comment string `xml:"http://purl.org/atompub/tombstones/1.0 comment"`
	} `xml:"http://purl.org/atompub/tombstones/1.0 deleted-entry"`
	Entries []struct {
		ID    string `xml:"http://www.w3.org/2005/Atom id"`
		Title string `xml:"http://www.w3.org/2005/Atom title"`
	} `xml:"http://www.w3.org/2005/Atom entry"`
}

// read reads the edition's Atom document, after the other two were found to be
// good and to hold as many galleries.
func read(t *testing.T, e *edition.Edition) atom {
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

func readAtom(t *testing.T, doc *feed.Document) atom {
	t.Helper()
	var a atom
	if err := xml.Unmarshal(doc.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
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
}

func readJSON(t *testing.T, doc *feed.Document) jsonFeed {
	t.Helper()
	var j jsonFeed
	if err := json.Unmarshal(doc.Bytes(), &j); err != nil {
		t.Fatal(err)
	}
	return j
}
