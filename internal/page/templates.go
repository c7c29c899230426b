package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed templates
var templateFiles embed.FS

//go:embed icon.png
var icon []byte

//go:embed style.css
var stylesheet []byte

// templates are the pages' own templates, each with the layout around it.
type templates struct{ front, gallery, message *template.Template }

// view is what a template gets.
type view struct {
	Site        site
	Title       string // of the page; empty: the site's
	Description string
	Canonical   string // where the page is at home; empty: nowhere
	Content     any    // what the page is about
}

func parseTemplates() templates {
	layout := template.New("layout.html").Funcs(template.FuncMap{
		"formatName": formatName,
		"instant":    instant,
		"moment":     moment,
		"typeAttr":   typeAttr,
	})
	layout = template.Must(layout.ParseFS(templateFiles, "templates/layout.html"))
	with := func(name string) *template.Template {
		return template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name))
	}
	return templates{front: with("front.html"), gallery: with("gallery.html"), message: with("message.html")}
}

// render makes a page of v.
func (p *Pages) render(t *template.Template, v view) (*document, error) {
	v.Site = p.site
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}
	return newDocument("text/html; charset=utf-8", b.Bytes()), nil
}

// instant is t for programs, to the second.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// moment is t for people, to the minute.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// formatName is how people write the name of a feed format.
func formatName(format string) string {
	if format == "atom" {
		return "Atom"
	}
	return strings.ToUpper(format)
}

// typeAttr is a type attribute in which the plus sign stands as it is: html/template
// writes it as an entity, which readers that search pages by pattern do not know.
func typeAttr(mediaType string) template.HTMLAttr {
	return template.HTMLAttr(`type="` + template.HTMLEscapeString(mediaType) + `"`)
}
