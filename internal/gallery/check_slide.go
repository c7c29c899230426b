package gallery

import (
	"fmt"
	"net/url"
)

func (ps *Problems) slides(slides []Slide) {
	ps.count("/slides", len(slides), MaxSlides)
	first := make(map[string]int, len(slides))
	for i := range slides {
		if len(*ps) >= maxProblems {
			return
		}
		s := &slides[i]
		ps.within("/slides", i, s.problems())
		if s.ID == "" {
			continue
		}
		if j, twice := first[s.ID]; twice {
			ps.addf(fmt.Sprintf("/slides/%d/id", i), "is the id of /slides/%d too", j)
			continue
		}
		first[s.ID] = i
	}
}

func (s *Slide) problems() Problems {
	var ps Problems
	if s.ID != "" {
		ps.id("/id", s.ID)
	}
	ps.text("/title", s.Title, MaxTitle)
	ps.text("/caption", s.Caption, MaxCaption)
	ps.text("/credit", s.Credit, MaxName)
	ps.image(&s.Image)
	return ps
}

func (ps *Problems) image(img *Image) {
	if img.URL == "" {
		ps.addf("/image/url", "missing: a slide has a picture")
	}
	ps.address("/image/url", img.URL, needsBase)
	ps.text("/image/type", img.Type, MaxName)
	ps.picture(img)
	ps.side("/image/width", img.Width)
	ps.side("/image/height", img.Height)
	if img.Bytes < 0 {
		ps.addf("/image/bytes", "is negative")
	}
	ps.text("/image/alt", img.Alt, MaxSummary)
	ps.address("/image/thumbnail", img.Thumbnail, needsBase)
}

// picture refuses what is said to be something else, by its type or else by its
// name.
func (ps *Problems) picture(img *Image) {
	if _, other := PictureType("", img.Thumbnail); other != "" {
		ps.addf("/image/thumbnail", "names %s, and a thumbnail is a picture", other)
	}
	if _, other := PictureType(img.Type, ""); other != "" {
		ps.addf("/image/type", "%.60q is %s, and a slide shows a picture: give it one, such as a still of a video", img.Type, other)
		return
	}
	if _, other := PictureType(img.Type, img.URL); other != "" {
		ps.addf("/image/url", "names %s, and a slide shows a picture: give it one, or state its type if it is one", other)
	}
}

// Unfit says why a picture at img.URL, resolved against base, cannot be shown; ""
// when it can.
func (img Image) Unfit(base *url.URL) string {
	img.URL, img.Thumbnail = resolve(base, img.URL), ""
	var ps Problems
	ps.address("", img.URL, needsBase)
	ps.picture(&img)
	if len(ps) == 0 {
		return ""
	}
	return ps[0].Reason
}

func (ps *Problems) side(place string, pixels int) {
	if pixels < 0 || pixels > MaxSide {
		ps.addf(place, "is %d pixels, from 0 (unknown) to %d are allowed", pixels, MaxSide)
	}
}
