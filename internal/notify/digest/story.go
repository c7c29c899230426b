package digest

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxWidth is how wide a picture in mail is at most.
const maxWidth = 560

// paper is a digest as people read it: text on one line each, addresses that can
// be followed or are empty.
type paper struct {
	Heading string
	Home    string
	Lang    string
	Stories []story
	More    int // galleries that are not named
}

type story struct {
	Title, Link   string
	Summary       string
	Byline        string // section, credit and date
	Lang, Dir     string
	Image, Alt    string
	Width, Height int
}

// newStory cleans what g says.
func newStory(g Gallery, zone *time.Location) story {
	s := story{
		Title:   shorten(gallery.Line(g.Title), 300),
		Link:    gallery.WebAddress(g.Link, nil),
		Summary: shorten(gallery.Line(g.Summary), 300),
		Byline:  byline(g, zone),
		Lang:    g.Language,
		Dir:     gallery.Direction(g.Language, g.Title, g.Summary),
		Image:   gallery.WebAddress(g.Cover.URL, nil),
		Alt:     gallery.Line(g.Cover.Alt),
		Width:   maxWidth,
	}
	if w, h := g.Cover.Width, g.Cover.Height; w > 0 && h > 0 {
		s.Width = min(w, maxWidth)
		s.Height = max(1, int(int64(h)*int64(s.Width)/int64(w)))
	}
	return s
}

func byline(g Gallery, zone *time.Location) string {
	var parts []string
	for _, part := range []string{gallery.Line(g.Section), gallery.Line(g.Credit)} {
		if part != "" {
			parts = append(parts, shorten(part, 100))
		}
	}
	return strings.Join(append(parts, g.Published.In(zone).Format("2 January 2006")), " · ")
}

// shorten cuts s to n characters, between words where there are any.
func shorten(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	s = string(runes[:n-1])
	if i := strings.LastIndexByte(s, ' '); i > len(s)/2 {
		s = s[:i]
	}
	return s + "…"
}

// subject names the newest gallery and counts the others.
func (p paper) subject() string {
	s := p.Heading + ": " + shorten(p.Stories[0].Title, 100)
	if others := len(p.Stories) - 1 + p.More; others > 0 {
		s += fmt.Sprintf(" and %d more", others)
	}
	return s
}

// text is all of it as plain text.
func (p paper) text() string { return p.lead(p.Heading, len(p.Stories)) }

// fit is the text with as many galleries as go into n bytes, at least one, which
// is cut where it must be. An empty heading is left out.
func (p paper) fit(heading string, n int) string {
	best := p.lead(heading, 1)
	for k := 2; k <= len(p.Stories); k++ {
		text := p.lead(heading, k)
		if len(text) > n {
			break
		}
		best = text
	}
	if len(best) > n {
		best = strings.ToValidUTF8(best[:n-len("…")], "") + "…"
	}
	return best
}

// lead is the text with the first k galleries; the others are counted.
func (p paper) lead(heading string, k int) string {
	var b strings.Builder
	if heading != "" {
		b.WriteString(heading + "\n\n")
	}
	for i, s := range p.Stories[:k] {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, line := range []string{s.Title, s.Link, s.Summary} {
			if line != "" {
				b.WriteString(line + "\n")
			}
		}
	}
	if more := len(p.Stories) - k + p.More; more > 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf("\nand %d more: %s", more, p.Home), ": ") + "\n")
	}
	return b.String()
}

//go:embed mail.html
var mailHTML string

// parseMail returns the template of the document that html makes.
func parseMail() *template.Template { return template.Must(template.New("mail").Parse(mailHTML)) }

// html is all of it as a document for mail.
func (p paper) html(t *template.Template) (string, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return "", fmt.Errorf("write the mail: %w", err)
	}
	return b.String(), nil
}
