// Package demo holds the sample galleries of the demonstration and draws their
// pictures.
//
// A [Studio] plays the part of a CMS: [Studio.Galleries] are there at the
// start, and [Studio.Next] is what happens afterwards, step by step, for ever.
// Everything is a pure function of the address of the pictures, the instant of
// the start and the arguments, so that a demonstration can be repeated. The
// pictures are drawn when they are first needed and then remembered; there is
// a fixed number of them, and each says that it is a placeholder.
//
// Publishing the galleries, pacing the steps and mounting the handler are left
// to the caller.
package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Studio describes the sample galleries and draws their pictures. It is safe
// for concurrent use.
type Studio struct {
	imageBase string
	start     time.Time
	samples   []sample
	small     []sample
	pictures  map[string]*picture // by path below imageBase
}

// NewStudio returns a studio whose pictures are addressed below imageBase, an
// absolute http or https address where the caller serves [Studio.Pictures].
// The samples were published shortly before start. It draws nothing yet.
func NewStudio(imageBase string, start time.Time) (*Studio, error) {
	samples, err := readSamples()
	if err != nil {
		return nil, err
	}
	small, err := readSmall()
	if err != nil {
		return nil, err
	}
	s := &Studio{
		imageBase: strings.TrimRight(imageBase, "/"),
		start:     instant(start),
		samples:   samples,
		small:     small,
		pictures:  make(map[string]*picture),
	}
	if err := s.plan(); err != nil {
		return nil, err
	}
	return s, nil
}

// Galleries returns the sample galleries, newest first. The caller owns them.
// It draws the pictures to state their true sizes, which takes a fraction of a
// second the first time.
func (s *Studio) Galleries() ([]gallery.Gallery, error) {
	galleries := make([]gallery.Gallery, len(s.samples))
	for i := range s.samples {
		g, err := s.describe(&s.samples[i], s.published(&s.samples[i]))
		if err != nil {
			return nil, err
		}
		galleries[i] = g
	}
	return galleries, nil
}

// published is when sample was published: before the start, and the same in
// each of its revisions.
func (s *Studio) published(sample *sample) time.Time {
	return s.start.Add(-time.Duration(sample.MinutesOld) * time.Minute)
}

// describe returns sample with the addresses and sizes of its pictures.
func (s *Studio) describe(sample *sample, published time.Time) (gallery.Gallery, error) {
	g := sample.describe(published)
	for i := range g.Slides {
		if err := s.illustrate(sample.ID, &g.Slides[i]); err != nil {
			return gallery.Gallery{}, err
		}
	}
	return g, nil
}

// illustrate fills in all of a slide's image but its alternative text.
func (s *Studio) illustrate(id string, sl *gallery.Slide) error {
	path := picturePath(id, sl.ID)
	data, err := s.pictures[path].png()
	if err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	sl.Image = gallery.Image{
		URL:       s.imageBase + path,
		Type:      pictureType,
		Width:     pictureWidth,
		Height:    pictureHeight,
		Bytes:     int64(len(data)),
		Alt:       sl.Image.Alt,
		Thumbnail: s.imageBase + thumbPath(id, sl.ID),
	}
	return nil
}

// instant is t in the form in which the galleries state it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
