package page

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// maxRecent is how many of the newest galleries say what the site is about: so
// many that nearly every section is among them, and that counting them, once a
// change, costs about as much as rendering the page.
const maxRecent = 1000

// recent is what the front page shows of all galleries, whatever feeds there
// are. It is immutable.
type recent struct {
	generation uint64   // see index.Selection.Fresh
	keys       []string // of the newest galleries, some more than a page names
	sections   []topic
	tags       []topic
}

// recent returns what is so now. It reads memory only.
func (p *Pages) recent(now time.Time) *recent {
	if r := p.lately.Load(); r != nil && p.everything.Fresh(r.generation, now) {
		return r
	}
	v := p.everything.View(maxRecent, now)
	r := &recent{
		generation: v.Generation,
		sections:   p.topics(edition.Section, maxSections, v.Entries),
		tags:       p.topics(edition.Tag, maxTags, v.Entries),
	}
	for _, e := range first(v.Entries, 2*maxNewest) {
		r.keys = append(r.keys, gallery.Key(e.ID))
	}
	p.lately.Store(r)
	return r
}
