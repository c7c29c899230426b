package ninjs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/jsonfault"
)

// slides makes a slide of each picture that may be shown, of an item that is a
// picture its only one. What stands there twice under one id is shown once, and
// so is the file of the cover; what is canceled or withheld is not shown under
// any name.
func (d *draft) slides(w *item) {
	d.note("/slides", "/associations")
	if w.isPicture() {
		d.slide(picture{content: &w.content})
		return
	}
	var allowed []picture
	seen := make(map[string]bool)
	for _, p := range inOrder(w.Associations) {
		switch status, known := statusOf(p.PubStatus); {
		case !known:
			d.refuse(unknownStatus(p.place+"/pubstatus", p.PubStatus))
		case status == usable:
			allowed = append(allowed, p)
		default:
			p.mark(seen, true)
		}
	}
	for _, p := range allowed {
		if p.isIn(seen) {
			continue
		}
		d.slide(p)
		p.mark(seen, isCover(p.name))
	}
}

// isIn reports whether p was marked, by an id or by its file.
func (p picture) isIn(seen map[string]bool) bool {
	return seen[idMark(p.GUID)] || seen[idMark(p.URI)] || seen[p.fileMark()]
}

// mark remembers the ids of p and, if so asked, its file: two stories may well
// be told of one file, but not two covers.
func (p picture) mark(seen map[string]bool, file bool) {
	seen[idMark(p.GUID)], seen[idMark(p.URI)] = true, true
	if file {
		seen[p.fileMark()] = true
	}
	delete(seen, "") // what has neither is like nothing else
}

func idMark(id string) string {
	if id == "" {
		return ""
	}
	return "id " + id
}

func (p picture) fileMark() string {
	for _, r := range p.Renditions.list {
		if r.value != nil && strings.EqualFold(r.name, "original") && r.value.HRef != "" {
			return "file " + strings.TrimSpace(r.value.HRef)
		}
	}
	return ""
}

func (d *draft) slide(p picture) {
	file := best(p.Renditions)
	if file == nil {
		d.refuse(problem(p.place+"/renditions", "%s", p.without()))
		return
	}
	if p.Embargoed.After(d.Updated) {
		d.embargo(p.Embargoed.Time, p.place+"/embargoed")
	}
	title := first(p.headlines(), plain, either, markup)
	caption := first(p.descriptions(), markup, either, plain)
	credit := first(p.credits(), plain)
	alt := first(p.alternatives(), plain, either, markup)
	small := thumbnail(p.Renditions)
	s := gallery.Slide{
		Title:   title.line(),
		Caption: caption.html(),
		Credit:  credit.line(),
		Rights:  gallery.Rights{Until: p.Expires.Time},
		Image:   file.value.image(),
	}
	if id := p.id(); len(id) <= gallery.MaxID {
		s.ID = id
	}
	s.Image.Alt, s.Image.Thumbnail = alt.line(), small.value.HRef
	d.noteSlide(p, map[string]string{
		"/id": newPlaces(&p.head)["/id"], "/title": title.place, "/caption": caption.place, "/credit": credit.place,
		"/image": "/renditions" + file.token, "/image/url": "/renditions" + file.token + "/href",
		"/image/width": "/renditions" + file.token + "/width", "/image/height": "/renditions" + file.token + "/height",
		"/image/alt": alt.place, "/image/thumbnail": "/renditions" + small.token + "/href",
	})
	d.Slides = append(d.Slides, s)
}

// noteSlide remembers where in p the fields of the next slide come from.
func (d *draft) noteSlide(p picture, origins map[string]string) {
	slide := fmt.Sprintf("/slides/%d", len(d.Slides))
	d.note(slide, p.place)
	for field, origin := range origins {
		d.note(slide+field, p.place+origin)
	}
}

func (r *rendition) image() gallery.Image {
	return gallery.Image{
		URL: r.HRef, Type: r.mediaType(), Width: int(r.Width), Height: int(r.Height), Bytes: int64(r.SizeInBytes),
	}
}

func (c *content) alternatives() []passage {
	return append([]passage{{"/alttext", c.AltText, plain}, {"/alt_text", c.AltTextOld, plain}}, c.bodies()...)
}

// maxNames bounds how many renditions are named.
const maxNames = 10

// without says that p can not be shown, and what there is instead.
func (p picture) without() string {
	var names []string
	for _, m := range p.Renditions.list {
		names = append(names, strconv.Quote(jsonfault.Clip(m.name, maxQuoted)))
	}
	there := "there are none"
	switch {
	case len(names) > maxNames:
		there = fmt.Sprintf("there are %s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	case len(names) > 0:
		there = "there is " + strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s has no rendition with an href to an image besides a thumbnail: %s", p.what(), there)
}

func (p picture) what() string {
	if p.place == "" {
		return "the item"
	}
	return "the association " + strconv.Quote(jsonfault.Clip(p.name, maxQuoted))
}
