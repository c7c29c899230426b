package digest

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxWidth bounds the width of a picture in mail.
const maxWidth = 560

// content is what a digest says: each text on one line, each address usable or
// empty.
type content struct {
	Heading string
	Home    string
	Lang    string
	Items   []item
	More    int // galleries that are not listed
}

type item struct {
	Title, Link   string
	Summary       string
	Byline        string // section, credit and date
	Lang, Dir     string
	Image, Alt    string
	Width, Height int
}

// newItem returns what a digest says of a gallery.
func newItem(v gallery.View, zone *time.Location) item {
	var names []string
	for _, a := range v.Authors {
		if a.Name != "" {
			names = append(names, a.Name)
		}
	}
	var byline []string
	for _, part := range []string{v.Section, cmp.Or(strings.Join(names, ", "), strings.Join(v.Sources, ", "))} {
		if part != "" {
			byline = append(byline, gallery.Excerpt(part, 100))
		}
	}
	it := item{
		Title:   gallery.Excerpt(v.Title, 300),
		Link:    v.URL,
		Summary: gallery.Excerpt(cmp.Or(v.Summary, gallery.Line(gallery.PlainText(v.Body()))), 300),
		Byline:  strings.Join(append(byline, v.Published.In(zone).Format("2 January 2006")), " · "),
		Lang:    v.Language,
		Dir:     v.Direction,
		Width:   maxWidth,
	}
	cover := slices.IndexFunc(v.Slides, func(s gallery.SlideView) bool { return s.Image.URL != "" })
	if cover < 0 {
		return it
	}
	image := v.Slides[cover].Image
	it.Image, it.Alt = image.URL, image.Alt
	if w, h := image.Width, image.Height; w > 0 && h > 0 {
		it.Width = min(w, maxWidth)
		it.Height = max(1, int(int64(h)*int64(it.Width)/int64(w)))
	}
	return it
}

// subject names the newest gallery and counts the others.
func (c content) subject() string {
	s := c.Heading + ": " + gallery.Excerpt(c.Items[0].Title, 100)
	if others := len(c.Items) - 1 + c.More; others > 0 {
		s += fmt.Sprintf(" and %d more", others)
	}
	return s
}

// text returns all of it as plain text.
func (c content) text() string { return c.lead(c.Heading, len(c.Items)) }

// fit returns the text with as many galleries as n bytes allow, at least one, which
// it cuts if it must. It leaves out an empty heading.
func (c content) fit(heading string, n int) string {
	best := c.lead(heading, 1)
	for k := 2; k <= len(c.Items); k++ {
		text := c.lead(heading, k)
		if len(text) > n {
			break
		}
		best = text
	}
	return gallery.Clip(best, n)
}

// lead returns the text with the first k galleries and the number of the others.
func (c content) lead(heading string, k int) string {
	var b strings.Builder
	if heading != "" {
		b.WriteString(heading + "\n\n")
	}
	for i, s := range c.Items[:k] {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, line := range []string{s.Title, s.Link, s.Summary} {
			if line != "" {
				b.WriteString(line + "\n")
			}
		}
	}
	if more := len(c.Items) - k + c.More; more > 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf("\nand %d more: %s", more, c.Home), ": ") + "\n")
	}
	return b.String()
}

//go:embed mail.html
var mailHTML string

var mailTemplate = template.Must(template.New("mail").Parse(mailHTML))

// html returns all of it as a document for mail.
func (c content) html() (string, error) {
	var b bytes.Buffer
	if err := mailTemplate.Execute(&b, c); err != nil {
		return "", fmt.Errorf("write the mail: %w", err)
	}
	return b.String(), nil
}
