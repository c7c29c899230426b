package page_test

import (
	"cmp"
	"strings"
	"testing"
	"unicode"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"golang.org/x/net/html"
)

// The frame of each page is in the language of the site and runs as that does. What
// is English in it, and galleries in another language, say so: each text that a page
// shows or reads out is in the language, and runs in the direction, that it states.
func TestEveryPartSaysItsLanguage(t *testing.T) {
	t.Parallel()
	for language, title := range map[string]string{"ar": "معارض", "de": "deutsche Bilder", "en-GB": "English pictures"} {
		t.Run(language, func(t *testing.T) {
			n := newNodeOf(t, edition.Options{
				Site:    edition.Site{Title: title, Description: title, BaseURL: baseURL, Language: language, Copyright: title},
				Feeds:   []edition.Definition{{Name: "all", Title: title, Items: 30}, {Name: "empty", Title: title}},
				Dynamic: edition.Dynamic{Sections: true, Tags: true, Authors: true},
			})
			n.Start()
			paths := []string{"/", "/galleries", "/feeds/all", "/feeds/all.rss", "/feeds/empty.atom", "/sections/" + gallery.Slug(title), "/none", "/galleries/gone"}
			for id, words := range map[string]string{"ar-EG": "أضواء", "de": "deutsche Lichter", "en": "English lights"} {
				n.Publish(photo(id, func(g *gallery.Gallery) {
					g.Language, g.Title, g.Summary, g.Body, g.Copyright, g.Sources = id, words, words, "<p>"+words+"</p>", words, []string{words}
					g.License, g.Authors = "https://paper.example.com/licence", []gallery.Author{{Name: words}, {Name: words, URL: "https://paper.example.com/a"}}
					for i := range g.Slides {
						s := &g.Slides[i]
						s.Title, s.Caption, s.Credit, s.Image.Alt = words, words, words, words
					}
					if id == "ar-EG" {
						g.Slides[1].Title, g.Slides[1].Image.Alt = "", "" // what we say instead is English
					}
					if strings.HasPrefix(language, id[:2]) { // names have no language of their own on other pages
						g.Section, g.Tags = title, []string{words}
					}
				}))
				paths = append(paths, "/galleries/"+id, "/galleries/"+id+".json")
			}
			n.Publish(photo("gone"))
			n.TakeDown("gone")
			for _, path := range paths {
				page := parse(t, body(t, n.get(path)))
				if got := page.one(t, "html"); got.attr("lang") != language || (got.attr("dir") == "rtl") != (language == "ar") {
					t.Errorf("%s: %v", path, got.Attr)
				}
				title := page.one(t, "title")
				text, _, _ := strings.Cut(title.text(), " · ")
				if wrong := misspoken(text, title.Node); wrong != "" {
					t.Errorf("%s: the title %q says that it is %s", path, text, wrong)
				}
				for node := range page.one(t, "body").Descendants() {
					for _, text := range textsOf(node) {
						if wrong := misspoken(text, node); wrong != "" {
							t.Errorf("%s: %q says that it is %s", path, text, wrong)
						}
					}
				}
			}
		})
	}
}

// textsOf returns the texts of one node that people read or hear.
func textsOf(n *html.Node) (texts []string) {
	if n.Type == html.TextNode {
		return []string{strings.TrimSpace(n.Data)}
	}
	for _, name := range []string{"alt", "aria-label", "title", "placeholder"} {
		texts = append(texts, dom{n}.attr(name))
	}
	return texts
}

// misspoken returns the language and direction that a node says it has where those of
// the text in it are others. An address has a direction only.
func misspoken(text string, n *html.Node) string {
	if strings.IndexFunc(text, unicode.IsLetter) < 0 {
		return ""
	}
	lang, dir := "", ""
	for e := n; e != nil; e = e.Parent {
		if e.Type != html.ElementNode {
			continue
		}
		of := dom{e}
		lang = cmp.Or(lang, of.attr("lang"))
		if e.Data == "bdi" {
			dir = cmp.Or(dir, "auto")
		}
		dir = cmp.Or(dir, of.attr("dir"))
	}
	dir = cmp.Or(dir, "ltr")
	address := strings.HasPrefix(text, "https://") || text == "paper.example.com"
	want := "en"
	switch {
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }):
		want = "ar"
	case strings.Contains(text, "deutsche"):
		want = "de"
	}
	if n.Type == html.ElementNode && strings.HasPrefix(text, "Copy the ") {
		want = "en" // whatever the feed is called
	}
	runs := map[bool]string{true: "rtl", false: "ltr"}[want == "ar"]
	if (address || strings.HasPrefix(lang, want)) && (dir == runs || dir == "auto") {
		return ""
	}
	return lang + " " + dir
}
