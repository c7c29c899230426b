package page

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/edition"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxNewest is how many galleries a page names.
const maxNewest = 20

// teaser is a gallery as other pages name it. Its texts are cut.
type teaser struct {
	Key         string
	Title       string
	Summary     string
	Language    string
	RightToLeft bool
	Published   time.Time
	Pictures    int
	Cover       cover
	labels      []label
}

func (t teaser) size() int {
	n := 512 + len(t.Key) + len(t.Title) + len(t.Summary) + len(t.Language) + t.Cover.size()
	for _, l := range t.labels {
		n += 64 + len(l.slug)
	}
	return n
}

// cover is the picture that stands for a gallery. It has no Image where there
// is none to show; Width and Height are those of Image, zero unless both are
// known.
type cover struct {
	Image, Thumbnail string // addresses; Thumbnail is Image where there is no smaller one
	Alt              string
	Width, Height    int
}

func (c cover) size() int { return len(c.Image) + len(c.Thumbnail) + len(c.Alt) }

// coverOf returns the first of the pictures whose address can be used.
func coverOf(slides []slide) cover {
	for _, s := range slides {
		if s.Image != "" {
			return cover{
				Image: s.Image, Thumbnail: cmp.Or(s.Thumbnail, s.Image),
				Alt: clip(s.Alt, maxHeadline), Width: s.Width, Height: s.Height,
			}
		}
	}
	return cover{}
}

// newest returns the first of the galleries in an edition. One that can not be
// read is left out, and then the list is not whole.
func (p *Pages) newest(ctx context.Context, e *edition.Edition) (list []teaser, whole bool) {
	var failed error
	for _, m := range e.Members[:min(len(e.Members), maxNewest)] {
		t, err := p.teaser(ctx, gallery.Key(m.ID))
		switch {
		case err == nil:
			list = append(list, t)
		case !errors.Is(err, errGone) && !errors.Is(err, errUnknown):
			failed = err // one of them is enough for the log
		}
	}
	if failed != nil && ctx.Err() == nil {
		p.log.Warn("galleries are left out of a page", "feed", e.Feed, "err", failed)
	}
	return list, failed == nil && !e.Cut
}

// teaser returns the gallery with that key as other pages name it. The error is
// as of find.
func (p *Pages) teaser(ctx context.Context, key string) (teaser, error) {
	var t teaser
	err := p.find(ctx, key, func(e *catalogue.Entry, now time.Time) (err error) {
		t, err = p.teaserOf(ctx, e, now)
		return err
	})
	return t, err
}

func (p *Pages) teaserOf(ctx context.Context, e *catalogue.Entry, now time.Time) (teaser, error) {
	key := keyOf(e, e.Phase(now))
	if t, ok := p.teasers.get(key); ok {
		return t, nil
	}
	g, err := p.catalogue.Load(ctx, e)
	if err != nil {
		return teaser{}, err
	}
	slides := slidesOf(g, now)
	t := teaser{
		Key:         gallery.Key(e.ID),
		Title:       clip(gallery.Line(g.Title), maxHeadline),
		Summary:     clip(gallery.Line(g.Summary), maxBlurb),
		Language:    g.Language,
		RightToLeft: gallery.Direction(g.Language, g.Title, g.Summary) == "rtl",
		Published:   g.Published,
		Pictures:    len(slides),
		Cover:       coverOf(slides),
		labels:      labelsOf(g),
	}
	p.teasers.add(key, t)
	return t, nil
}
