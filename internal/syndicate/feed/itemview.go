package feed

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// excerptLength is how many characters of a text stand in for a missing
// summary, at most.
const excerptLength = 300

// itemView is what an item shows, ready to be written in any format: what may be
// shown of a gallery or of one of its slides.
type itemView struct {
	gallery.View            // its Title, Summary and dates are the item's
	galleryID        string // as the publisher gave it
	id, atomID, link string
	page, feed       string   // where these readers have the gallery here, and its own feed without the extension; empty of a stub
	lead, content    string   // HTML; content is empty in a summary
	keywords, rights string   // rights: the copyright, and a licence in words
	categories       []string // the section and the tags
	pictures         []picture
	withdrawn        bool // a stub
}

// picture is a slide. The URL of its image is empty where that has no usable address.
type picture struct {
	gallery.SlideView
	id            string // of the slide, for good
	html, caption string // the caption as HTML and as plain text
}

// view returns what g shows at that instant, without its content.
func (r *Renderer) view(g *gallery.Gallery, at time.Time) *itemView {
	v := &itemView{
		View: r.View(g, at), galleryID: g.ID, id: r.ID(g), atomID: r.AtomID(g), link: r.Link(g), page: r.page(g), feed: r.page(g),
	}
	v.Published, v.Updated = second(v.Published), second(v.Updated)
	v.keywords = strings.Join(v.Tags, ", ")
	v.categories = gallery.Lines(append([]string{v.Section}, v.Tags...))
	v.rights = v.Copyright
	if !strings.Contains(v.rights, v.LicenseText) {
		v.rights = strings.TrimPrefix(v.rights+" · "+v.LicenseText, " · ")
	}
	if v.lead = v.Body(); strings.TrimSpace(g.Body) == "" {
		v.lead = paragraph(v.Summary)
	}
	v.Summary = cmp.Or(v.Summary, gallery.Excerpt(gallery.PlainText(v.lead), excerptLength))
	for i, a := range v.Authors {
		v.Authors[i] = named(a)
	}
	prefix := r.slideID(g, "")
	v.pictures = make([]picture, len(v.Slides))
	for i, s := range v.Slides {
		html := s.Caption()
		v.pictures[i] = picture{SlideView: s, id: prefix + s.Key, html: html, caption: gallery.PlainText(html)}
	}
	return v
}

// named returns a with a name where it has none: Atom requires one.
func named(a gallery.Author) gallery.Author {
	a.Name = cmp.Or(a.Name, a.URL, a.Email)
	return a
}

func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// cover returns the first picture that has an address, nil where there is none. One
// that is higher than wide is passed over where it has to be wide.
func (v *itemView) cover(wide bool) *picture {
	i := slices.IndexFunc(v.pictures, func(p picture) bool {
		return p.Image.URL != "" && !(wide && p.Image.Width > 0 && p.Image.Height > p.Image.Width)
	})
	if i < 0 {
		return nil
	}
	return &v.pictures[i]
}

// description is what v is about, in plain text; never empty for a gallery with a title.
func (v *itemView) description() string { return cmp.Or(v.Summary, v.Title) }

// description is what a person reads instead of the picture.
func (p *picture) description() string { return cmp.Or(p.Image.Alt, p.Title, p.caption) }
