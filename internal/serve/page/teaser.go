package page

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
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
	err         error // why it can not be shown before it is published again; else nil
}

// held is about what the teaser needs in memory, its key included.
func (t *teaser) held() int {
	return 512 + len(t.Key) + len(t.Title) + len(t.Summary) + len(t.Language) + t.Cover.size()
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

// newest returns the first of the galleries with those keys that can be shown. The
// error says why others of them are missing that may be there next time.
func (p *Pages) newest(ctx context.Context, keys []string) (list []teaser, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, key := range keys {
		if len(list) == maxNewest {
			break
		}
		t, failed := p.teaser(ctx, key)
		switch {
		case failed == nil:
			list = append(list, t)
		case isPassing(failed):
			err = failed // one of them is enough for the log
		}
	}
	if err != nil && ctx.Err() == nil {
		p.log.Warn("galleries are left out of a page: check that NATS can be reached", "err", err)
	}
	return list, err
}

// isPassing reports whether a gallery that can not be shown may be, unchanged.
func isPassing(err error) bool {
	_, broken := errors.AsType[gallery.Problems](err)
	return !broken && !errors.Is(err, errGone) && !errors.Is(err, errUnknown)
}

// teaser returns the gallery with that key as other pages name it. The error is
// as of find.
func (p *Pages) teaser(ctx context.Context, key string) (teaser, error) {
	var t teaser
	err := p.find(ctx, key, func(e *index.Entry, now time.Time) (err error) {
		t, err = p.teaserOf(ctx, e, now)
		return err
	})
	return t, err
}

func (p *Pages) teaserOf(ctx context.Context, e *index.Entry, now time.Time) (teaser, error) {
	t, err := p.teasers.Load(ctx, keyOf(e, e.Phase(now)), func(ctx context.Context) (t *teaser, err error) {
		err = p.load(ctx, e, func(g *gallery.Gallery) error {
			t = newTeaser(e, g, now)
			return nil
		})
		if _, broken := errors.AsType[gallery.Problems](err); broken {
			p.log.Error("a gallery is left out of pages: publish it again, mended", "gallery", e.ID, "err", err)
			return &teaser{err: err}, nil
		}
		return t, err
	})
	if err != nil {
		return teaser{}, err
	}
	return *t, t.err
}

func newTeaser(e *index.Entry, g *gallery.Gallery, now time.Time) *teaser {
	slides := slidesOf(g, now, len(g.Slides))
	return &teaser{
		Key:         gallery.Key(e.ID),
		Title:       clip(gallery.Line(g.Title), maxHeadline),
		Summary:     clip(gallery.Line(g.Summary), maxBlurb),
		Language:    g.Language,
		RightToLeft: gallery.Direction(g.Language, g.Title, g.Summary) == "rtl",
		Published:   g.Published,
		Pictures:    len(slides),
		Cover:       coverOf(slides),
	}
}
