package ninjs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// titleLength is how many characters of a description stand in for a missing
// headline, at most.
const titleLength = 100

// draft is a gallery in the making.
type draft struct {
	gallery.Gallery
	origin  places
	added   map[string]bool // places of lists, each with a name that it has
	dropped map[string]bool // names of associations that are left out

	withdrawn map[string]bool // addresses of pictures that are canceled or withheld

	problems gallery.Problems
	leftOut  gallery.Problems
	more     int // that are left out, and not named
}

// gallery returns w as a gallery, normalised and valid, and what is left out of it.
func (w *item) gallery(o Options) (*gallery.Gallery, gallery.Problems, error) {
	if w.isPlan() && !o.Stored {
		return nil, nil, gallery.Problems{problem("/type", "is an event or a plan of coverage, which is for colleagues: only stories and pictures are published")}
	}
	d := &draft{origin: w.places(), added: make(map[string]bool), dropped: make(map[string]bool), withdrawn: make(map[string]bool)}
	d.ID, d.Version, d.Language = w.id(), int64(w.Version), strings.TrimSpace(w.Language)
	d.dates(w)
	d.slides(w)
	d.texts(w)
	d.labels(w)
	d.rights(w)
	d.address(w, o)
	d.withdraw()
	d.Normalise()
	ps := append(d.problems, d.origin.locate(d.Validate())...)
	if len(ps) > 0 {
		return nil, nil, ps[:min(len(ps), maxProblems)]
	}
	for _, p := range d.origin.locate(d.LostPictures()) {
		d.leaveOut(p)
	}
	if d.more > 0 {
		d.leftOut = append(d.leftOut, problem("", "%d more are left out", d.more))
	}
	return &d.Gallery, d.leftOut, nil
}

// withdraw cuts pictures that are canceled or withheld out of the texts, and links to them.
// A text without them stays as it was written.
func (d *draft) withdraw() {
	if len(d.withdrawn) == 0 {
		return
	}
	texts, base, addresses := []*string{&d.Body}, gallery.Base(d.URL), slices.Collect(maps.Keys(d.withdrawn))
	for i := range d.Slides {
		texts = append(texts, &d.Slides[i].Caption)
	}
	for _, text := range texts {
		if without := gallery.HTMLWithout(*text, base, addresses); without != gallery.HTML(*text, base) {
			*text = without
		}
	}
}

// note remembers from which place in the item a place of the gallery comes.
func (d *draft) note(place, origin string) { d.origin[place] = origin }

func (d *draft) leaveOut(p gallery.Problem) {
	if len(d.leftOut) == maxProblems-1 {
		d.more++
		return
	}
	d.leftOut = append(d.leftOut, p)
}

// dates falls back on the first date that there is, for neither IPTC nor Superdesk
// promises any.
func (d *draft) dates(w *item) {
	d.note("/published", "/versioncreated")
	for _, at := range []dated{
		{w.FirstPublished, "/firstpublished"},
		latest(dated{w.FirstCreated, "/firstcreated"}, dated{w.FirstCreated3, "/firstCreated"}),
		latest(dated{w.ContentCreated, "/contentcreated"}, dated{w.ContentCreated3, "/contentCreated"}),
		w.created(true),
	} {
		if !at.IsZero() {
			d.Published = at.Time
			d.note("/published", at.place)
			break
		}
	}
	created := w.created(false)
	d.note("/updated", created.place)
	from, until, faults := w.window("")
	d.problems = append(d.problems, faults...)
	d.Updated, d.Expires = created.Time, until.Time
	if d.Updated.IsZero() {
		d.Updated = d.Published
	}
	d.delay(from)
}

func (d *draft) delay(until dated) {
	if until.After(d.Published) {
		d.Published = until.Time
		d.note("/published", until.place)
	}
}

func (d *draft) texts(w *item) {
	for _, p := range w.unshown() {
		d.leaveOut(p)
	}
	description := first(w.descriptions(), plain, either, markup)
	d.Summary = description.line()
	d.note("/summary", description.place)

	title := first(w.headlines(), plain, either, markup)
	if title.blank() {
		title = first(w.names(), plain)
	}
	d.Title = title.line()
	if d.Title == "" {
		title, d.Title = description, gallery.Excerpt(description.line(), titleLength)
	}
	d.note("/title", cmp.Or(title.place, "/headline"))

	body := first(w.bodies(), markup, either, plain)
	d.note("/body", body.place)
	switch {
	case w.isPicture() && body.format != markup:
		// What Superdesk sends as the text of a picture stands in for it.
	case body.format == plain && !body.blank():
		d.Body = paragraphs(body.value)
	case !body.blank():
		d.Body = withoutEmbeds(body.value, func(name string) bool { return w.Associations.has(name) && !d.dropped[name] })
	case !w.isPicture():
		d.Body = first(w.descriptions(), markup).html()
	}
}

func (d *draft) labels(w *item) {
	for i, c := range w.Service {
		if name := line(c.Name); name != "" && d.Section == "" {
			d.Section = name
			d.note("/section", fmt.Sprintf("/service/%d/name", i))
		}
	}
	d.note("/tags", "/subject")
	d.concepts(&d.Tags, "/tags", "/subject", w.Subject)
	d.concepts(&d.Tags, "/tags", "/subjects", w.Subjects)
	for i, word := range w.Keywords {
		d.add(&d.Tags, "/tags", word, fmt.Sprintf("/keywords/%d", i))
	}
	d.add(&d.Sources, "/sources", w.Source, "/source")
	d.concepts(&d.Sources, "/sources", "/infosource", w.InfoSource)
	d.concepts(&d.Sources, "/sources", "/infosources", w.InfoSources)
	d.concepts(&d.Sources, "/sources", "/infoSources", w.InfoSources3)

	// Authors are those that the item lists, else its byline, else its editors.
	var names []string
	d.note("/authors", "/authors")
	d.makers(&names, w.Authors, false)
	d.concepts(&names, "/authors", "/person", writers(w.Person))
	d.concepts(&names, "/authors", "/people", writers(w.People))
	if len(names) == 0 {
		d.add(&names, "/authors", w.Byline, "/byline")
	}
	if len(names) == 0 {
		d.add(&names, "/authors", w.By, "/by")
	}
	if len(names) == 0 {
		d.makers(&names, w.Authors, true)
	}
	for _, name := range names {
		d.Authors = append(d.Authors, gallery.Author{Name: name})
	}
}

func (d *draft) concepts(list *[]string, place, origin string, cs []concept) {
	for i, c := range cs {
		d.add(list, place, c.Name, fmt.Sprintf("%s/%d/name", origin, i))
	}
}

// makers adds the names of editors, or of all others.
func (d *draft) makers(list *[]string, ms []maker, editors bool) {
	for i, m := range ms {
		if m.isEditor() == editors {
			d.add(list, "/authors", m.Name, fmt.Sprintf("/authors/%d/name", i))
		}
	}
}

// add appends name, as a line, unless it is empty or there already.
func (d *draft) add(list *[]string, place, name, origin string) {
	name = line(name)
	if name == "" || d.added[place+name] {
		return
	}
	d.added[place+name] = true
	d.note(fmt.Sprintf("%s/%d", place, len(*list)), origin)
	*list = append(*list, name)
}

// writers blanks the people that an item is about, and keeps the indexes for places.
func writers(people []concept) []concept {
	out := make([]concept, len(people))
	for i, p := range people {
		if rel := strings.ToLower(p.Rel); rel == "author" || rel == "creator" {
			out[i] = p
		}
	}
	return out
}

// rights puts the terms of use after the copyright notice: both are words for people.
// Only linked rights have an address.
func (d *draft) rights(w *item) {
	notice := first([]passage{
		{"/copyrightnotice", w.CopyrightNotice, plain, 0}, {"/copyrightNotice", w.CopyrightNotice3, plain, 0},
		{"/copyrightholder", w.CopyrightHolder, plain, 0}, {"/copyrightHolder", w.CopyrightHolder3, plain, 0},
	}, plain)
	terms := first([]passage{{"/usageterms", w.UsageTerms, plain, 0}, {"/usageTerms", w.UsageTerms3, plain, 0}}, plain)
	a, b := notice.line(), terms.line()
	switch {
	case a == "" || b == "":
		d.Copyright = a + b
	case strings.HasSuffix(a, "."):
		d.Copyright = a + " " + b
	default:
		d.Copyright = a + ". " + b
	}
	d.note("/copyright", notice.place)
	if len(b) > len(a) {
		d.note("/copyright", terms.place)
	}
	links, _ := w.content.rights()
	for _, link := range links {
		address := strings.TrimSpace(link.text)
		if d.License == "" && (strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")) {
			d.License = address
			d.note("/license", link.place)
		}
	}
	d.Rights.Deny = d.denied(&w.content, "")
}

func (d *draft) address(w *item, o Options) {
	d.URL = strings.TrimSpace(w.URL)
	d.note("/url", "/url")
	if d.URL == "" {
		f := fields{id: d.ID, slug: line(w.Slugline), section: d.Section, language: d.Language}
		if slug(f.slug) == "" {
			f.slug = d.Title
		}
		d.URL = f.address(o.URLTemplate)
		d.note("/url", d.origin["/id"])
	}
}
