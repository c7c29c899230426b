package page

import (
	"cmp"
	"html/template"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// story is a gallery as its page shows it: clean text, HTML that is safe,
// addresses that can be followed or are empty.
type story struct {
	Title, Summary string
	Lead           template.HTML
	Language       string // empty: not known
	RightToLeft    bool
	Authors        []author
	Published      time.Time
	Updated        time.Time // zero: never since
	Section        string
	Tags           []string
	Slides         []slide
	Sources        []string
	Copyright      string
	License        string // an address
	Terms          string // a licence in words
	Original       string // the publisher's page
	Publisher      string // the host of Original
}

type author struct{ Name, URL string }

// slide has no Image where the address of its picture can not be used. Width
// and Height are zero unless both are known.
type slide struct {
	Key            string // for the address of the slide within the page
	Number         int    // from 1
	Previous, Next string // keys of its neighbours, empty at the ends
	Image, Alt     string
	Thumbnail      string // empty: none
	Width, Height  int
	Title          string
	Caption        template.HTML // empty until it is made safe
	Credit         string
	caption        string // as it came
}

// newStory returns what may be shown of g at that instant.
func newStory(g *gallery.Gallery, at time.Time) *story {
	base := gallery.Base(g.URL)
	s := &story{
		Title:       gallery.Line(g.Title),
		Summary:     gallery.Line(g.Summary),
		Lead:        template.HTML(gallery.HTML(g.Body, base)),
		Language:    g.Language,
		RightToLeft: gallery.Direction(g.Language, g.Title, g.Summary) == "rtl",
		Authors:     authorsOf(g.Authors),
		Published:   g.Published,
		Section:     gallery.Line(g.Section),
		Tags:        gallery.Lines(g.Tags),
		Slides:      slidesOf(g, at, len(g.Slides)),
		Sources:     gallery.Lines(g.Sources),
		Copyright:   gallery.Line(g.Copyright),
		Original:    gallery.WebAddress(g.URL, nil),
	}
	for i := range s.Slides {
		s.Slides[i].Caption = template.HTML(gallery.HTML(s.Slides[i].caption, base))
	}
	if updated := g.UpdatedAt(at); updated.After(g.Published) {
		s.Updated = updated
	}
	if s.Original != "" {
		s.Publisher = base.Hostname()
	}
	if words := gallery.Line(g.License); gallery.LicenceInWords(words) {
		s.Terms = words
	} else {
		s.License = gallery.WebAddress(words, nil)
	}
	return s
}

func authorsOf(list []gallery.Author) []author {
	var out []author
	for _, a := range list {
		link := gallery.WebAddress(a.URL, nil)
		if name := cmp.Or(gallery.Line(a.Name), link); name != "" {
			out = append(out, author{Name: name, URL: link})
		}
	}
	return out
}

// names returns what the authors are called, without those who have no name.
func names(list []gallery.Author) []string {
	all := make([]string, len(list))
	for i, a := range list {
		all[i] = a.Name
	}
	return gallery.Lines(all)
}

// slidesOf returns the first so many of the slides that may be shown at that
// instant, whose captions are not safe yet.
func slidesOf(g *gallery.Gallery, at time.Time, most int) []slide {
	var out []slide
	keys := g.SlideKeys()
	for i, from := range g.Slides {
		if len(out) == most {
			break
		}
		if !from.Rights.Allowed(at) {
			continue
		}
		s := newSlide(from, keys[i])
		s.Number = len(out) + 1
		if len(out) > 0 {
			last := &out[len(out)-1]
			s.Previous, last.Next = last.Key, s.Key
		}
		out = append(out, s)
	}
	return out
}

func newSlide(from gallery.Slide, key string) slide {
	s := slide{
		Key:       key,
		Image:     gallery.WebAddress(from.Image.URL, nil),
		Thumbnail: gallery.WebAddress(from.Image.Thumbnail, nil),
		Title:     gallery.Line(from.Title),
		Credit:    gallery.Line(from.Credit),
		caption:   from.Caption,
	}
	// The caption stands beside the picture and is not said twice.
	s.Alt = cmp.Or(gallery.Line(from.Image.Alt), s.Title)
	if from.Image.Width > 0 && from.Image.Height > 0 {
		s.Width, s.Height = from.Image.Width, from.Image.Height
	}
	return s
}
