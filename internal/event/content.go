package event

import (
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ninjs"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// content is what an event says of a gallery, in whichever form it is written.
type content struct {
	gallery *gallery.Gallery // normalised and valid; nil for a take-down
	removed TakeDown

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
	if err := env.unmarshal(g); err != nil {
		return content{}, err
	}
	ps := longAddresses(g)
	if len(ps) == 0 {
		g.Normalise()
		ps = g.Validate()
	}
	if len(ps) > 0 {
		return content{}, env.locate(ps)
	}
	return content{gallery: g, updated: "/updated", embargo: "/published"}, nil
}

func (env envelope) takeDown() (content, error) {
	c := content{updated: "/updated"}
	if err := env.unmarshal(&c.removed); err != nil {
		return content{}, err
	}
	return c, nil
}

// unmarshal reads the event's data into v.
func (env envelope) unmarshal(v any) error {
	if env.Data.Kind() == jsontext.KindNull {
		return refuse(env.root, "holds null where an object belongs")
	}
	if err := json.Unmarshal(env.Data, v); err != nil {
		return explain(env.root, env.Data, err)
	}
	return nil
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

// maxNamed bounds how many addresses are named.
const maxNamed = 20
