// Package demo simulates a CMS with sample galleries, for "gallerywire demo".
//
// [CMS.Galleries] are the galleries at the start, [CMS.Next] is the n-th change after
// that, and [CMS.Play] publishes both. The same address of the pictures, start and
// arguments give the same galleries. [CMS.Pictures] serves the pictures, each marked as a
// placeholder.
//
// The caller sends the events and mounts the handler of the pictures.
package demo

import (
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// CMS publishes the sample galleries. It is safe for concurrent use.
type CMS struct {
	imageBase string
	start     time.Time
	samples   []sample // published before the start
	small     []sample // published later, one after the other
	pictures  map[string]picture
}

// New returns a CMS whose pictures are addressed below imageBase, an absolute
// http or https address at which the caller serves [CMS.Pictures]. The samples
// were published shortly before start.
func New(imageBase string, start time.Time) (*CMS, error) {
	c := &CMS{imageBase: strings.TrimRight(imageBase, "/"), start: instant(start), samples: make([]sample, 3)}
	for i, name := range []string{"cecot", "market", "signs"} {
		if err := readSample(name, &c.samples[i]); err != nil {
			return nil, err
		}
	}
	if err := readSample("small", &c.small); err != nil {
		return nil, err
	}
	var err error
	c.pictures, err = readPictures()
	return c, err
}

// Galleries returns the sample galleries, newest first. The caller owns them.
func (c *CMS) Galleries() []gallery.Gallery {
	galleries := make([]gallery.Gallery, len(c.samples))
	for i := range c.samples {
		galleries[i] = c.gallery(&c.samples[i], c.published(&c.samples[i]))
	}
	return galleries
}

// published is when s was published: before the start, and at the same instant
// in all its revisions.
func (c *CMS) published(s *sample) time.Time {
	return c.start.Add(-time.Duration(s.MinutesOld) * time.Minute)
}

// gallery returns s with its pictures, published and updated at the given
// instant. It shares no memory with s.
func (c *CMS) gallery(s *sample, published time.Time) gallery.Gallery {
	g := s.Gallery
	g.Tags, g.Authors, g.Sources = slices.Clone(g.Tags), slices.Clone(g.Authors), slices.Clone(g.Sources)
	g.Published, g.Updated = published, published
	g.Slides = make([]gallery.Slide, len(s.Slides))
	for i, sl := range s.Slides {
		p := c.pictures[sl.Picture+pictureSuffix]
		g.Slides[i] = sl.Slide
		g.Slides[i].Credit = s.Credit
		g.Slides[i].Image = gallery.Image{
			URL:       c.imageBase + "/" + sl.Picture + pictureSuffix,
			Type:      pictureType,
			Width:     p.width,
			Height:    p.height,
			Bytes:     int64(len(p.data)),
			Alt:       sl.Image.Alt,
			Thumbnail: c.imageBase + "/" + sl.Picture + thumbnailSuffix,
		}
	}
	return g
}

// instant returns t in the form in which the galleries state it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
