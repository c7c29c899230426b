package gallery

import (
	"net/url"
	"strings"
	"time"
)

// View is what an audience may see of a gallery at one instant: texts on one line, addresses
// as [WebAddress] returns them, so that each is usable or empty. Feeds, pages and
// mail show the same, because all of them show a View.
type View struct {
	Title, Summary, Section string
	Language                string // as of [CanonicalLanguage]; empty: not known
	Direction               string // of the texts, as of [Direction]
	Tags, Sources           []string
	Authors                 []Author // of each a name, an address or both
	Copyright               string
	License                 string // an address; empty: none
	LicenseText             string // a licence in words; empty: none
	URL                     string // the publisher's page; empty: none
	Published, Updated      time.Time
	Slides                  []SlideView // those that the audience may see

	body     string
	base     *url.URL
	withheld map[string]bool // addresses of pictures that the audience may not see
}

// SlideView is a slide of a [View].
type SlideView struct {
	Key    string // as of [Gallery.SlideKeys]
	Index  int    // in the gallery
	Number int    // as of [Audience.Numbers]
	Title  string
	Credit string
	Image  Image // Type is a picture's or empty; no number is negative

	caption  string
	base     *url.URL
	withheld map[string]bool
}

// View returns what a may see of g at t. It does not ask whether a may see g itself.
// What costs most, its HTML, is made when it is asked for. A picture in the lead text or
// in a caption is left out where only slides that a may not see have its address.
func (g *Gallery) View(a *Audience, t time.Time) View {
	base, terms := Base(g.URL), g.Terms()
	v := View{
		Title: Line(g.Title), Summary: Line(g.Summary), Section: Line(g.Section), Language: CanonicalLanguage(g.Language),
		Tags: Lines(g.Tags), Sources: Lines(g.Sources), Copyright: Line(g.Copyright), URL: WebAddress(g.URL, nil),
		Published: g.Published, Updated: a.UpdatedAt(terms, t), body: g.Body, base: base,
	}
	if words := Line(g.License); LicenceInWords(words) {
		v.LicenseText = words
	} else {
		v.License = WebAddress(words, base)
	}
	for _, author := range g.Authors {
		if author = author.Clean(base); author != (Author{}) {
			v.Authors = append(v.Authors, author)
		}
	}
	keys := g.SlideKeys()
	v.Slides = make([]SlideView, 0, len(g.Slides))
	for i, number := range a.Numbers(terms, t) {
		if number > 0 && a.Slide(terms, i, t).Shown {
			s := g.Slides[i].view(keys[i], base)
			s.Index, s.Number = i, number
			v.Slides = append(v.Slides, s)
		}
	}
	v.withhold(g)
	v.Direction = Direction(v.Language, v.Title, v.Summary)
	if v.Language == "" && v.Summary == "" {
		v.Direction = Direction("", v.Title, PlainText(v.Body()))
	}
	return v
}

// withhold notes the addresses of the pictures of slides that v does not show.
func (v *View) withhold(g *Gallery) {
	if len(v.Slides) == len(g.Slides) {
		return
	}
	v.withheld = map[string]bool{}
	shown := v.Slides
	for i := range g.Slides {
		if len(shown) > 0 && shown[0].Index == i {
			shown = shown[1:]
			continue
		}
		image := &g.Slides[i].Image
		v.withheld[WebAddress(image.URL, v.base)], v.withheld[WebAddress(image.Thumbnail, v.base)] = true, true
	}
	delete(v.withheld, "")
	for i := range v.Slides {
		s := &v.Slides[i]
		s.withheld = v.withheld
		delete(v.withheld, s.Image.URL)
		delete(v.withheld, s.Image.Thumbnail)
	}
}

// Body returns the lead text as of [HTML].
func (v *View) Body() string {
	if strings.TrimSpace(v.body) == "" {
		return ""
	}
	return htmlWithout(v.withheld, v.body, v.base)
}

// Caption returns the caption as of [HTML].
func (s *SlideView) Caption() string { return htmlWithout(s.withheld, s.caption, s.base) }

func (s *Slide) view(key string, base *url.URL) SlideView {
	image := Image{
		URL: WebAddress(s.Image.URL, base), Thumbnail: WebAddress(s.Image.Thumbnail, base), Alt: Line(s.Image.Alt),
		Width: max(s.Image.Width, 0), Height: max(s.Image.Height, 0), Bytes: max(s.Image.Bytes, 0),
	}
	image.Type, _ = PictureType(s.Image.Type, image.URL)
	return SlideView{Key: key, Title: Line(s.Title), Credit: Line(s.Credit), Image: image, caption: s.Caption, base: base}
}

// Clean returns a with its name on one line, and its addresses usable or empty.
// Relative ones are resolved against base, which may be nil.
func (a Author) Clean(base *url.URL) Author {
	return Author{Name: Line(a.Name), Email: EmailAddress(a.Email), URL: WebAddress(a.URL, base)}
}
