package event

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Reader reads messages. The zero value reads those of any size.
type Reader struct {
	MaxBytes    int64  // of a message; 0: no bound
	URLTemplate string // address of a ninjs item that states none; see [ninjs.CheckTemplate]
	IDPrefix    string // begins the id of every gallery that its sender may publish or take down

	// With IDPrefix: one of GUIDPrefixes begins each guid, or else what feeds of the site call
	// the sender's own galleries.
	GUIDPrefixes []string
	SiteID       string
}

// Decode reads m in any of the three forms: a structured CloudEvent, a binary one, or
// bare content (CloudEvents 1.0, JSON format and NATS binding). The content is a
// gallery or a take-down in our own form, or a ninjs item. Decode keeps nothing of m.
// An event that it refuses is a [gallery.Problems], and a retry would not help.
func (r Reader) Decode(m Message) (*Event, error) {
	if size := int64(len(m.Data)); r.MaxBytes > 0 && size > r.MaxBytes {
		return nil, refuse("", "%d bytes, at most %d are allowed (events.max_event)", size, r.MaxBytes)
	}
	env, err := open(m)
	if err != nil {
		return nil, err
	}
	kind, err := env.kind(m.Subject)
	if err != nil {
		return nil, err
	}
	if crowded(env.Data) {
		return nil, refuse(env.root, "has more objects than a gallery of its size can have")
	}
	c, err := r.content(env, kind)
	if err != nil {
		return nil, err
	}
	c.trust(env, m.Stored)
	e := &Event{Kind: Published, Source: env.Source, ID: env.ID, Gallery: c.gallery, Removed: c.removed, LeftOut: c.leftOut}
	if c.gallery == nil {
		e.Kind = Unpublished
	}
	if e.Rank, err = c.rank(env, m.Stored); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(e.GalleryID(), r.IDPrefix) {
		return nil, foreign(env.root+c.id, "%q does not begin with %q, as every id of this publisher must (id_prefix)",
			gallery.Clip(e.GalleryID(), maxValue), r.IDPrefix)
	}
	if g := e.Gallery; g != nil {
		if g.Language != "" && gallery.CanonicalLanguage(g.Language) == "" {
			return nil, refuse(env.root+"/language", "%q is no language tag: its parts do not stand in the order of RFC 5646, write it like en or pt-BR", g.Language)
		}
		if err := r.checkGUID(g.GUID, env.root+"/guid"); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// checkGUID refuses a guid that feeds would show as another one, and one that may be that of
// another sender's gallery: whoever has the guid of a gallery takes its place in feeds. Readers
// compare identifiers byte by byte (RFC 4287 §4.2.6.1), but some trim them or ignore case.
func (r Reader) checkGUID(guid, place string) error {
	own := "tag:" + r.SiteID + ",2026:"
	begins := func(prefix string) bool { return strings.HasPrefix(guid, prefix) }
	switch {
	case guid != gallery.Text(guid):
		return refuse(place, "%q has a character that feeds cannot show", gallery.Clip(guid, maxValue))
	case r.IDPrefix == "" || strings.TrimSpace(guid) == "" || begins(own+gallery.EscapeID(r.IDPrefix)):
		return nil
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(guid)), strings.ToLower(own)):
		return foreign(place, "%q is what feeds call a gallery of another publisher", gallery.Clip(guid, maxValue))
	case !slices.ContainsFunc(r.GUIDPrefixes, begins):
		return foreign(place, "%q begins with nothing in guid_prefixes of this publisher: add there how its guids begin, or leave out guid",
			gallery.Clip(guid, maxValue))
	}
	return nil
}

// ForeignID are the problems of an event about a gallery that is not its publisher's: its id
// is outside [Reader].IDPrefix, or its guid may be that of another one's gallery.
type ForeignID struct{ gallery.Problems }

// Unwrap returns the problems.
func (f ForeignID) Unwrap() error { return f.Problems }

func foreign(place, format string, args ...any) error {
	return ForeignID{problemsOf(place, format, args...)}
}

// crowded reports whether data has so many objects, or nulls in their place, that decoding
// would take many times its size of memory: every "{}" may become a slide. A gallery's
// objects have on average at least so many bytes each, but for a few.
func crowded(data []byte) bool {
	const few, sparse = 20_000, 64
	left := few + len(data)/sparse
	if bytes.Count(data, []byte("{"))+bytes.Count(data, []byte("null")) <= left {
		return false
	}
	inString, before := false, byte(0)
	for i := 0; i < len(data) && left >= 0; i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString, before = !inString, c
		case inString || c == ' ' || c == '\t' || c == '\r' || c == '\n':
		default:
			if c == '{' || c == 'n' && (before == '[' || before == ',') {
				left--
			}
			before = c
		}
	}
	return left < 0
}

// Gallery reads the publication in data, structured or bare, as it was stored. It
// returns what Decode of the same reader returned, in whichever form the event came.
func (r Reader) Gallery(data []byte) (*gallery.Gallery, error) {
	env, err := open(Message{Data: data})
	if err != nil {
		return nil, err
	}
	env.stored = true
	c, err := r.content(env, Published)
	if err != nil {
		return nil, err
	}
	if c.gallery == nil {
		return nil, refuse(env.root, "is no publication: it takes %q down", gallery.Clip(c.removed.ID, maxValue))
	}
	return c.gallery, nil
}

// kind returns the kind in the event's type, else that of its subject.
func (env envelope) kind(subject string) (Kind, error) {
	for _, k := range []Kind{Published, Unpublished} {
		if env.Type == string(k) || strings.HasSuffix(env.Type, "."+string(k)) {
			return k, nil
		}
	}
	if env.Type != "" {
		return "", env.fault("type", "%.60q is neither %s nor %s, with or without a prefix such as com.example.",
			env.Type, Published, Unpublished)
	}
	if subject == "unpublished" || strings.HasSuffix(subject, ".unpublished") {
		return Unpublished, nil
	}
	return Published, nil
}

// content is the content of an event, in whichever form it is written.
type content struct {
	gallery *gallery.Gallery // normalised and valid; nil for a take-down
	removed TakeDown
	leftOut gallery.Problems // places in the message

	// Places in the content of the gallery's id, of the instant that dates the revision,
	// and of the one that delays its publication.
	id, updated, embargo string

	lasting bool // it is a take-down that no date may keep from being acted upon
}

// content distinguishes ninjs from our own form. The status of a ninjs item decides whether
// it is a publication, unless its event is a take-down.
func (r Reader) content(env envelope, kind Kind) (content, error) {
	switch {
	case ninjs.Recognise(env.Data):
		item, err := ninjs.Decode(env.Data, ninjs.Options{URLTemplate: r.URLTemplate, TakeDown: kind == Unpublished, Stored: env.stored})
		if ps, ok := errors.AsType[gallery.Problems](err); ok {
			err = env.located(ps)
		}
		if err != nil {
			return content{}, err
		}
		c := content{gallery: item.Gallery, leftOut: env.located(item.LeftOut), id: item.IDPlace, updated: item.Dated, embargo: "/embargoed"}
		if item.Dated == "/versionCreated" { // in the names of 3.x
			c.embargo = "/embargoedUntil"
		}
		if item.Gallery == nil {
			c.removed = TakeDown{ID: item.ID, Updated: item.Updated, Version: item.Version, Reason: item.Reason}
			c.lasting = true
		}
		return c, nil
	case kind == Unpublished:
		return env.takeDown()
	}
	return env.publication()
}

// publication reads a gallery in our own form.
func (env envelope) publication() (content, error) {
	g := new(gallery.Gallery)
	if err := env.unmarshal(g, func(covered func(place string) bool) gallery.Problems {
		if covered("/url") {
			g.URL = "https://example.invalid/" // so that no relative address is a problem
		}
		return check(g)
	}); err != nil {
		return content{}, err
	}
	if ps := ninjs.Unusable(env.Data); len(ps) > 0 && !env.stored {
		return content{}, env.located(ps)
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
		return content{}, env.located(ps)
	}
	c := content{gallery: g, id: "/id", updated: "/updated", embargo: "/published"}
	if !env.stored {
		c.leftOut = env.located(g.LostPictures())
	}
	return c, nil
}

// check normalises g and says what is wrong with it. Addresses are measured as they
// were sent: resolved against another they may be shorter.
func check(g *gallery.Gallery) gallery.Problems {
	var ps gallery.Problems
	long := func(address string, place func() string) {
		if size := len(address); size > gallery.MaxURL && len(ps) < maxNamed {
			ps = append(ps, gallery.Problem{Place: place(),
				Reason: fmt.Sprintf("is %d bytes long, at most %d are allowed", size, gallery.MaxURL)})
		}
	}
	long(g.URL, func() string { return "/url" })
	long(g.License, func() string { return "/license" })
	for i := range g.Authors {
		long(g.Authors[i].URL, func() string { return fmt.Sprintf("/authors/%d/url", i) })
	}
	for i := range g.Slides {
		image := &g.Slides[i].Image
		long(image.URL, func() string { return fmt.Sprintf("/slides/%d/image/url", i) })
		long(image.Thumbnail, func() string { return fmt.Sprintf("/slides/%d/image/thumbnail", i) })
	}
	g.Normalise()
	for _, p := range g.Validate() {
		if !slices.ContainsFunc(ps, func(long gallery.Problem) bool { return long.Place == p.Place }) {
			ps = append(ps, p)
		}
	}
	return ps[:min(len(ps), maxNamed)]
}

// takeDown reads one in our own form.
func (env envelope) takeDown() (content, error) {
	c := content{id: "/id", updated: "/updated"}
	t := &c.removed
	if err := env.unmarshal(t, func(func(string) bool) gallery.Problems {
		at := t.Updated
		if at.IsZero() {
			at = time.Unix(0, 0) // rank checks the date that stands in for it
		}
		return gallery.ValidateTakeDown(t.ID, at, t.Version, t.Reason)
	}); err != nil {
		return content{}, err
	}
	return c, nil
}

// maxAhead is how far a revision may be ahead of the time at which its event was
// stored. One from further ahead would outrank every correction until then.
const maxAhead = 24 * time.Hour

// trust dates a take-down by its arrival where its own date is so far ahead that a
// publication of that date is refused: refused, it would leave on show what must not be.
func (c *content) trust(env envelope, stored time.Time) {
	t, last := &c.removed, stored.Add(maxAhead)
	switch {
	case !c.lasting:
	case t.Updated.After(last):
		c.leftOut = append(c.leftOut, problemsOf(env.root+c.updated, "%s is more than a day after the event arrived (%s): the take-down is dated by its arrival",
			t.Updated.UTC().Format(time.RFC3339), stored.UTC().Format(time.RFC3339))...)
		t.Updated = stored
	case t.Updated.IsZero() && env.Time.After(last):
		t.Updated = stored
	}
}

// rank orders c among the revisions of its gallery. A take-down without a date of its
// own is dated by its CloudEvent, else by the stream.
func (c content) rank(env envelope, stored time.Time) (gallery.Rank, error) {
	r := gallery.Rank{TakeDown: c.gallery == nil}
	var dated time.Time
	if c.gallery != nil {
		dated, r.Updated, r.Version = c.gallery.Updated, c.gallery.Updated, c.gallery.Version
	} else {
		t := c.removed
		dated, r.Updated, r.Version = t.Updated, t.Updated, t.Version
		for _, at := range []time.Time{env.Time, stored} {
			if r.Updated.IsZero() {
				r.Updated = at
			}
		}
		if ps := gallery.ValidateTakeDown(t.ID, r.Updated, t.Version, t.Reason); len(ps) > 0 {
			return r, env.located(ps)
		}
	}
	if r.Updated.After(stored.Add(maxAhead)) {
		why := fmt.Sprintf("%s is more than a day after the event arrived (%s) and would outrank every correction until then: "+
			"state when this revision was made", r.Updated.UTC().Format(time.RFC3339), stored.UTC().Format(time.RFC3339))
		switch {
		case dated.IsZero():
			return r, env.fault("time", "%s", why)
		case c.gallery != nil:
			why += fmt.Sprintf("; an embargoed gallery states both %s and a later %s", c.updated[1:], c.embargo[1:])
		}
		return r, refuse(env.root+c.updated, "%s", why)
	}
	r.Updated, r.Hash = r.Updated.UTC(), contentHash(env.Data)
	return r, nil
}
