package event

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// content is what an event says of a gallery, in whichever form it is written.
type content struct {
	gallery *gallery.Gallery // normalised and valid; nil for a take-down
	removed TakeDown
	leftOut gallery.Problems // places in the message

	// Places in the content of the instant that dates the revision and of the
	// one that delays its publication.
	updated, embargo string
}

// content tells ninjs from our own form. A ninjs item says itself whether it is
// a publication; when its event says that it is none, its id will do.
func (r Reader) content(env envelope, kind Kind) (content, error) {
	isItem := ninjs.Recognise(env.Data)
	switch {
	case isItem && kind == Unpublished:
		return env.removedItem()
	case isItem:
		return env.item(ninjs.Options{URLTemplate: r.URLTemplate})
	case kind == Unpublished:
		return env.takeDown()
	}
	return env.publication()
}

func (env envelope) publication() (content, error) {
	g := new(gallery.Gallery)
	if err := env.unmarshal(g, func(f faults) gallery.Problems {
		if f.cover("/url") {
			g.URL = "https://example.invalid/" // so that nothing is said of what is relative to it
		}
		return check(g)
	}); err != nil {
		return content{}, err
	}
	if env.stored { // by a release that took what is refused today
		base := gallery.Base(g.URL)
		g.Slides = slices.DeleteFunc(g.Slides, func(s gallery.Slide) bool { return s.Image.Unfit(base) != "" })
		for i := range g.Slides {
			img := &g.Slides[i].Image
			if (gallery.Image{URL: img.Thumbnail}).Unfit(base) != "" {
				img.Thumbnail = ""
			}
		}
	}
	if ps := check(g); len(ps) > 0 {
		return content{}, env.locate(ps)
	}
	c := content{gallery: g, updated: "/updated", embargo: "/published"}
	if !env.stored {
		c.leftOut = env.locate(g.LostPictures())
	}
	return c, nil
}

// check normalises g and says what is wrong with it.
func check(g *gallery.Gallery) gallery.Problems {
	ps := longAddresses(g)
	g.Normalise()
	for _, p := range g.Validate() {
		if !slices.ContainsFunc(ps, func(long gallery.Problem) bool { return long.Place == p.Place }) {
			ps = append(ps, p)
		}
	}
	return ps[:min(len(ps), maxNamed)]
}

func (env envelope) takeDown() (content, error) {
	c := content{updated: "/updated"}
	t := &c.removed
	if err := env.unmarshal(t, func(faults) gallery.Problems {
		at := t.Updated
		if at.IsZero() {
			at = time.Unix(0, 0) // what else dates it is checked where that is told
		}
		return gallery.ValidateTakeDown(t.ID, at, t.Version, t.Reason)
	}); err != nil {
		return content{}, err
	}
	return c, nil
}

// unmarshal reads the event's data into v. Where a value does not fit it reads
// what does, and asks the others for what else is wrong.
func (env envelope) unmarshal(v any, others func(faults) gallery.Problems) error {
	if env.null() {
		return refuse(env.root, "holds null where an object belongs")
	}
	err := json.Unmarshal(env.Data, v, instants)
	if err == nil {
		return nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	found, whole := jsonfault.Collect(env.Data, v, maxNamed, unfit, instants)
	if len(found) == 0 {
		return explain(env.root, env.Data, err)
	}
	f := faults(found)
	ps := f.problems()
	if whole {
		ps = append(ps, f.without(others(f))...)
	}
	return env.locate(ps[:min(len(ps), maxNamed)])
}

// faults are values that do not fit where they stand.
type faults []jsonfault.Fault

func (fs faults) problems() gallery.Problems {
	var ps gallery.Problems
	for _, f := range fs {
		ps = append(ps, gallery.Problem{Place: f.Place, Reason: f.Reason})
	}
	return ps
}

// cover reports whether what should stand at place, or around it, is one.
func (fs faults) cover(place string) bool {
	return slices.ContainsFunc(fs, func(f jsonfault.Fault) bool { return f.Covers(place) })
}

// without leaves out what only follows from the faults.
func (fs faults) without(ps gallery.Problems) gallery.Problems {
	return slices.DeleteFunc(ps, func(p gallery.Problem) bool { return fs.cover(p.Place) })
}

// longAddresses names the addresses in g that are too long as they were sent.
// Only here are they seen so: resolved against another they may be shorter.
func longAddresses(g *gallery.Gallery) gallery.Problems {
	var ps gallery.Problems
	check := func(address string, place func() string) {
		if size := len(address); size > gallery.MaxURL && len(ps) < maxNamed {
			ps = append(ps, gallery.Problem{Place: place(),
				Reason: fmt.Sprintf("is %d bytes long, at most %d are allowed", size, gallery.MaxURL)})
		}
	}
	check(g.URL, func() string { return "/url" })
	check(g.License, func() string { return "/license" })
	for i := range g.Authors {
		check(g.Authors[i].URL, func() string { return fmt.Sprintf("/authors/%d/url", i) })
	}
	for i := range g.Slides {
		image := &g.Slides[i].Image
		check(image.URL, func() string { return fmt.Sprintf("/slides/%d/image/url", i) })
		check(image.Thumbnail, func() string { return fmt.Sprintf("/slides/%d/image/thumbnail", i) })
	}
	return ps
}

// maxNamed bounds how many problems are named.
const maxNamed = 20
