package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

//go:embed templates
var templateFiles embed.FS

//go:embed icon.png
var icon []byte

//go:embed style.css
var stylesheet []byte

//go:embed page.js
var script []byte

// templates are the pages' own templates, each with the layout around it.
type templates struct{ front, gallery, feed, list, message *template.Template }

// view is what a template gets.
type view struct {
	Site        site
	Title       string // of the page; empty: the site's
	Description string
	Canonical   string    // where the page is at home; empty: nowhere
	Own         *siteFeed // the feed that the page is about; may be nil
	Preview     preview
	Data        *imageGallery // the same for programs; may be nil
	Scripted    bool          // whether the page has our script
	Content     any           // what the page is about
}

// Discovered returns the feed that the page is about, and the first of the site's.
func (v view) Discovered() []siteFeed {
	feeds := first(v.Site.Feeds, maxDiscovered)
	if v.Own == nil {
		return feeds
	}
	others := slices.DeleteFunc(slices.Clone(feeds), func(f siteFeed) bool { return f.Addresses[0] == v.Own.Addresses[0] })
	return append([]siteFeed{*v.Own}, others...)
}

// preview is how others show a link to the page (https://ogp.me). It needs a Type.
type preview struct {
	Type      string
	Cover     gallery.Image
	Published time.Time
	Updated   time.Time
	Section   string
	Tags      []string
}

// parseTemplates returns the templates of a site, in which en marks what is English
// where the site is not, and dir what runs the other way than the site.
func parseTemplates(s site) templates {
	isEnglish := s.Language == "en" || strings.HasPrefix(s.Language, "en-")
	layout := template.New("layout.html").Funcs(template.FuncMap{
		"count": Count,
		"dir": func(direction string) template.HTMLAttr {
			switch {
			case (direction == "rtl") == s.RightToLeft():
				return ""
			case direction == "rtl":
				return ` dir="rtl"`
			}
			return ` dir="ltr"`
		},
		"en": func() template.HTMLAttr {
			if isEnglish {
				return ""
			}
			return ` lang="en" dir="ltr"`
		},
		"instant":   Instant,
		"moment":    moment,
		"stripBidi": stripBidi,
		"typeAttr":  typeAttr,
	})
	layout = template.Must(layout.ParseFS(templateFiles, "templates/layout.html"))
	with := func(name string) *template.Template {
		return template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name))
	}
	return templates{
		front: with("front.html"), gallery: with("gallery.html"), feed: with("feed.html"), list: with("list.html"), message: with("message.html"),
	}
}

// render makes a page of the site of v.
func (p *Pages) render(t *template.Template, v view) (*document, error) {
	v.Site, v.Scripted = p.site, t != p.templates.message
	if p.site.Partner != "" { // other sites may show neither the address nor what is not public
		v.Canonical, v.Preview, v.Data = "", preview{}, nil
	}
	return render(t, v)
}

func render(t *template.Template, v view) (*document, error) {
	v.Title, v.Description = stripBidi(v.Title), stripBidi(gallery.Excerpt(v.Description, maxDescription))
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}
	d := newDocument("text/html; charset=utf-8", b.Bytes())
	d.scripted = v.Scripted
	return d, nil
}

// Instant is t for programs, to the second.
func Instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// moment is t for people, to the minute.
func moment(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// Count is n of something in words.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// typeAttr is a type attribute in which the plus sign stands as it is: html/template
// writes it as an entity, which readers that search pages by pattern do not know.
func typeAttr(mediaType string) template.HTMLAttr {
	return template.HTMLAttr(`type="` + template.HTMLEscapeString(mediaType) + `"`)
}
