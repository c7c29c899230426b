package ninjs

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// slides makes a slide of each picture, graphic and video that may be shown. An item that
// is a picture has that slide only; one that is a video, or has no type and a picture, has
// it first. A picture that occurs twice, with one id and one file, is shown once, and so is
// the file of the first or of the cover. A canceled or withheld picture is not shown under
// any name.
func (d *draft) slides(w *item) {
	d.note("/slides", "/associations")
	w.Makers.value = w.Authors
	itself := picture{content: &w.content}
	var allowed []picture
	switch kind := w.kind(); {
	case w.isPicture() && itself.shown() == nil:
		d.problems = append(d.problems, problem("/renditions", "%s", itself.without()))
		return
	case w.isPicture():
		d.slide(itself)
		return
	case kind == film, kind == still, kind == unknown && w.Type != "":
		allowed = []picture{itself}
	case len(itself.files()) > 0:
		d.leaveOut(problem("/renditions", "the item is no picture, so its own renditions are not shown: send a picture among the associations"))
	}
	seen := make(map[string]bool)
	for _, p := range append(inOrder(w.Associations), w.extras()...) {
		switch status, err := p.status(p.place); {
		case err != nil:
			d.problems = append(d.problems, err...)
		case status == usable:
			allowed = append(allowed, p)
		default:
			seen["id "+p.GUID], seen["id "+p.URI] = true, true
			for _, file := range p.files() {
				d.withdrawn[file] = true
			}
		}
	}
	delete(seen, "id ") // what has none is like nothing else
	for _, p := range allowed {
		isWithdrawn := func(file string) bool { return d.withdrawn[file] }
		if seen["id "+p.GUID] || seen["id "+p.URI] || seen["file "+p.file()] || slices.ContainsFunc(p.files(), isWithdrawn) || p.repeats(seen) {
			continue
		}
		if d.slide(p) && (p.place == "" || isCover(p.name)) && p.file() != "" {
			seen["file "+p.file()] = true // a slide may repeat a file, the first and the cover may not
		}
	}
	if w.ExtraItems.unfit || slices.ContainsFunc(w.ExtraItems.value.list, func(m member[lenient[extra]]) bool { return m.value != nil && m.value.unfit }) {
		d.leaveOut(problem("/extra_items", "holds what is no slideshow of Superdesk: that is not shown"))
	}
}

// repeats reports whether a picture with an id and a file of p came before, and
// remembers those of p. Several crops of one picture are no repetition, nor are two
// renditions with one file.
func (p picture) repeats(seen map[string]bool) (again bool) {
	id := p.id()
	if id == "" {
		return false
	}
	var marks []string
	for _, file := range p.files() {
		marks = append(marks, "of "+id+" "+file)
	}
	again = slices.ContainsFunc(marks, func(mark string) bool { return seen[mark] })
	for _, mark := range marks {
		seen[mark] = true
	}
	return again
}

// files are the addresses of all renditions of p but thumbnails, which several pictures may
// share; that of a video is its still.
func (p picture) files() (all []string) {
	for _, r := range p.Renditions.list {
		if r.value != nil && strings.TrimSpace(r.value.HRef) != "" && (!isThumbnail(&r) || p.kind() == film) {
			all = append(all, strings.TrimSpace(r.value.HRef))
		}
	}
	return all
}

// file is the address of the original rendition.
func (p picture) file() string {
	for _, r := range p.Renditions.list {
		if r.value != nil && strings.EqualFold(r.name, "original") {
			return strings.TrimSpace(r.value.HRef)
		}
	}
	return ""
}

// shown is the rendition to show for p, nil where there is none.
func (p picture) shown() *member[rendition] {
	switch p.kind() {
	case still:
		return best(p.Renditions, p.Type == "")
	case film:
		found := best(p.Renditions, true)
		if small := thumbnail(p.Renditions); found == nil && small.value.HRef != "" {
			found = small
		}
		return found
	}
	return nil
}

// slide adds p, or leaves it out and says so.
func (d *draft) slide(p picture) bool {
	file := p.shown()
	if file == nil {
		d.leaveOut(problem(p.place, "%s", p.without()))
		d.dropped[p.name] = true
		return false
	}
	from, until, faults := p.window(p.place)
	if p.place != "" { // the item itself has them already
		d.problems = append(d.problems, faults...)
		for _, t := range p.unshown() {
			d.leaveOut(problem(p.place+t.Place, "%s", t.Reason))
		}
	}
	if from.After(d.Updated) {
		d.delay(from)
	}
	title := first(p.headlines(), plain, either, markup)
	caption := first(p.descriptions(), markup, either, plain)
	credit := first(p.credits(), plain)
	alt := first(p.alternatives(), plain, either, markup)
	r, small := file.value, thumbnail(p.Renditions)
	s := gallery.Slide{
		Title:   title.line(),
		Caption: caption.html(),
		Credit:  credit.line(),
		Rights:  gallery.Rights{Until: until.Time},
		Image: gallery.Image{
			URL: r.HRef, Type: cmp.Or(r.MIMEType, r.ContentType, r.ContentType3), Width: int(r.Width), Height: int(r.Height),
			Bytes: int64(cmp.Or(r.SizeInBytes, r.SizeInBytes3)), Alt: alt.line(), Thumbnail: small.value.HRef,
		},
	}
	if id := p.id(); len(id) <= gallery.MaxID && !slices.ContainsFunc(d.Slides, func(other gallery.Slide) bool { return other.ID == id }) {
		s.ID = id
	}
	slide, shown := fmt.Sprintf("/slides/%d", len(d.Slides)), "/renditions"+file.token
	d.note(slide, p.place)
	for _, from := range []struct{ field, origin string }{
		{"/id", p.places()["/id"]}, {"/title", title.place}, {"/caption", caption.place}, {"/credit", credit.place},
		{"/image", shown}, {"/image/url", shown + "/href"}, {"/image/width", shown + "/width"}, {"/image/height", shown + "/height"},
		{"/image/alt", alt.place}, {"/image/thumbnail", "/renditions" + small.token + "/href"},
	} {
		d.note(slide+from.field, p.place+from.origin)
	}
	if p.place != "" { // of the item itself, they are the gallery's
		s.Rights.Deny = d.denied(p.content, p.place)
	}
	d.Slides = append(d.Slides, s)
	return true
}

// alternatives are the texts in place of a picture. Superdesk sends one as its body;
// other bodies go with a picture and do not describe it.
func (c *content) alternatives() []passage {
	ps := []passage{{"/alttext", c.AltText, plain, 0}, {"/alt_text", c.AltTextOld, plain, 0}, {"/altText", c.AltText3, plain, 0}}
	ps = append(ps, passages("/descriptions", c.withNamed(c.Descriptions, "description_"), func(t *text) int {
		if t.isAlternative() {
			return 0
		}
		return hidden
	})...)
	if c.kind() == still {
		ps = append(ps, passage{"/body_text", c.BodyText, plain, 0})
	}
	return ps
}

// maxNames bounds how many renditions are named.
const maxNames = 10

// without says why p is not shown, and which renditions it has.
func (p picture) without() string {
	var names []string
	for _, m := range p.Renditions.list {
		names = append(names, strconv.Quote(gallery.Clip(m.name, maxQuoted)))
	}
	there := "there are none"
	switch {
	case len(names) > maxNames:
		there = fmt.Sprintf("there are %s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	case len(names) > 0:
		there = "there is " + strings.Join(names, ", ")
	}
	switch kind := p.kind(); {
	case kind == film:
		return fmt.Sprintf("%s is a video and has no rendition that is a picture: %s", p.what(), there)
	case kind == unknown && p.Type != "":
		return fmt.Sprintf("%s is of the type %q, which no slide shows", p.what(), gallery.Clip(p.Type, maxQuoted))
	}
	return fmt.Sprintf("%s has no rendition with an href to an image besides a thumbnail: %s", p.what(), there)
}

func (p picture) what() string {
	name := strconv.Quote(gallery.Clip(p.name, maxQuoted))
	switch {
	case p.place == "":
		return "the item"
	case strings.HasPrefix(p.place, "/extra_items"):
		return "the extra item " + name
	}
	return "the association " + name
}

// picture is a content that becomes a slide, with its place in the item.
type picture struct {
	*content
	name, place string
}

// inOrder returns the associations that are no other items: featuremedia, which is the
// cover, first; then those of an array in its order. Members of an object are ordered by
// group, which is the name without the number at its end, in the order in which each
// group begins; within a group by Superdesk's order, then by that number.
func inOrder(associations members[content]) []picture {
	type ranked struct {
		picture
		group         int
		order, number int64
	}
	var all []ranked
	groups := make(map[string]int)
	for _, m := range associations.list {
		if m.value == nil || m.value.kind() == other {
			continue
		}
		r := ranked{picture: picture{content: m.value, name: m.name, place: "/associations" + m.token}}
		group := strings.TrimRight(m.name, "0123456789") // of slideshow--12 slideshow--
		number, err := strconv.ParseInt("0"+m.name[len(group):], 10, 64)
		if err != nil {
			number = math.MaxInt64
		}
		switch {
		case isCover(m.name):
			r.group = -1
		case !associations.listed:
			if _, known := groups[group]; !known {
				groups[group] = len(groups)
			}
			r.group, r.order, r.number = groups[group], int64(m.value.Order), number
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.order, b.order), cmp.Compare(a.number, b.number))
	})
	out := make([]picture, len(all))
	for i := range all {
		out[i] = all[i].picture
	}
	return out
}

func isCover(name string) bool { return strings.EqualFold(name, "featuremedia") }

// extras returns the pictures of the slideshows among the extra_items, in order.
func (w *item) extras() []picture {
	var out []picture
	for _, field := range w.ExtraItems.value.list {
		if field.value == nil || !strings.EqualFold(field.value.value.Type, "media") {
			continue
		}
		for _, m := range field.value.value.Items.list {
			if m.value != nil && m.value.kind() != other {
				out = append(out, picture{content: m.value, name: field.name + m.token, place: "/extra_items" + field.token + "/items" + m.token})
			}
		}
	}
	return out
}
