package gallery

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Each check below adds what is wrong with the value at place. Places of list entries
// are built only for wrong ones, which are rare.

func (ps *Problems) id(place, id string) {
	if strings.TrimSpace(id) == "" {
		ps.addf(place, "missing or blank: state an id that never changes")
		return
	}
	ps.text(place, id, MaxID)
	ps.printable(place, id)
}

// printable refuses characters in an id that are removed from other texts: two ids could
// become one.
func (ps *Problems) printable(place, s string) {
	for _, r := range s {
		if unicode.IsControl(r) || r == '\uFFFE' || r == '\uFFFF' || r == utf8.RuneError {
			ps.addf(place, "holds the character %U, which is not allowed here", r)
			return
		}
	}
}

func (ps *Problems) text(place, s string, most int) {
	if len(s) > most {
		ps.addf(place, "is %d bytes long, at most %d are allowed", len(s), most)
	}
}

func (ps *Problems) names(place string, names []string, most int) {
	ps.count(place, len(names), MaxList)
	for i, name := range names {
		if len(name) > most {
			ps.text(fmt.Sprintf("%s/%d", place, i), name, most)
		}
	}
}

// within adds the problems of entry i of the list at place.
func (ps *Problems) within(place string, i int, own Problems) {
	for _, p := range own {
		ps.addf(fmt.Sprintf("%s/%d%s", place, i, p.Place), "%s", p.Reason)
	}
}

func (ps *Problems) count(place string, n, most int) {
	if n > most {
		ps.addf(place, "has %d entries, at most %d are allowed", n, most)
	}
}

func (ps *Problems) instant(place string, t time.Time) {
	switch {
	case t.IsZero():
		ps.addf(place, "missing: state an instant such as 2026-11-20T09:00:00Z")
	case !Plausible(t):
		ps.addf(place, "the year %d is not between %d and %d", t.UTC().Year(), MinYear, MaxYear)
	}
}

// Plausible reports whether t may be the instant of a revision or of a
// publication.
func Plausible(t time.Time) bool {
	year := t.UTC().Year()
	return MinYear <= year && year <= MaxYear
}

func (ps *Problems) version(v int64) {
	if v < 0 {
		ps.addf("/version", "is negative")
	}
}

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
	ps.rights(&s.Rights)
	img := &s.Image
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
	return ps
}

// picture refuses an image that is something else by its type or else by its name.
func (ps *Problems) picture(img *Image) {
	if _, other := PictureType("", img.Thumbnail); other != "" {
		ps.addf("/image/thumbnail", "names %s, and a thumbnail is a picture", other)
	}
	_, other := PictureType(img.Type, img.URL)
	if other == "" {
		return
	}
	if _, ofType := PictureType(img.Type, ""); ofType != "" { // it decides before the address
		ps.addf("/image/type", "%.60q is %s, and a slide shows a picture: give it one, such as a still of a video", img.Type, ofType)
	} else {
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
