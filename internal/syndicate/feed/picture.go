package feed

import (
	"net/url"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// picture is a slide. Its url is empty when its address can not be used.
type picture struct {
	key                         string // unique in the gallery, as gallery.SlideKeys gives it
	id                          string // of the slide, for good
	number                      int    // its place in the gallery, from 1, also while others are hidden
	url, mediaType, thumbnail   string
	title, caption, credit, alt string
	html                        string // the caption
	width, height               int
	bytes                       int64
}

// pictures returns the slides of g that may be shown at that instant.
func (r *Renderer) pictures(g *gallery.Gallery, at time.Time, base *url.URL) []picture {
	keys, prefix := g.SlideKeys(), r.slideID(g, "")
	out := make([]picture, 0, len(g.Slides))
	for i := range g.Slides {
		if s := &g.Slides[i]; s.Rights.Allowed(at) {
			p := r.picture(s, base)
			p.key, p.id, p.number = keys[i], prefix+keys[i], i+1
			out = append(out, p)
		}
	}
	return out
}

func (r *Renderer) picture(s *gallery.Slide, base *url.URL) picture {
	img := &s.Image
	p := picture{
		url:       gallery.WebAddress(img.URL, base),
		thumbnail: gallery.WebAddress(img.Thumbnail, base),
		title:     gallery.Line(s.Title),
		credit:    gallery.Line(s.Credit),
		alt:       gallery.Line(img.Alt),
		html:      gallery.HTML(s.Caption, base),
		width:     max(img.Width, 0),
		height:    max(img.Height, 0),
		bytes:     max(img.Bytes, 0),
	}
	p.caption = gallery.PlainText(p.html)
	p.mediaType, _ = gallery.PictureType(img.Type, p.url)
	return p
}

// pictureType is the media type where a format requires one.
func (p *picture) pictureType() string {
	if p.mediaType == "" {
		return "image/jpeg"
	}
	return p.mediaType
}

// description is what a person reads instead of the picture.
func (p *picture) description() string {
	for _, text := range []string{p.alt, p.title, p.caption} {
		if text != "" {
			return text
		}
	}
	return ""
}

// upright reports whether the picture is known to be higher than wide.
func (p *picture) upright() bool { return p.width > 0 && p.height > p.width }
