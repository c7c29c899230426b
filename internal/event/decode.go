package event

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// lead is how far a revision may be ahead of the time at which its event was
// stored. One from further ahead would outrank every correction until then.
const lead = 24 * time.Hour

// Reader reads messages. The zero value reads those of any size.
type Reader struct {
	MaxBytes    int64  // of a message; 0: no bound
	URLTemplate string // address of a ninjs item that states none; see [ninjs.CheckTemplate]
	IDPrefix    string // begins the id of every gallery that its sender may publish or take down
	SiteID      string // with IDPrefix: no guid may be what feeds call another's gallery
}

// Decode reads m in any of the three forms: a structured CloudEvent, a binary
// one, or bare content (CloudEvents 1.0, JSON format and NATS binding). The
// content is a gallery or a take-down in our own form, or a ninjs item. It
// keeps nothing of m. What it refuses is a [gallery.Problems], and trying again
// would not help.
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
	c, err := r.content(env, kind)
	if err != nil {
		return nil, err
	}
	e, err := c.event(env, m.Stored)
	if err == nil && e.Gallery != nil && e.Gallery.Language != "" && gallery.CanonicalLanguage(e.Gallery.Language) == "" {
		return nil, refuse(env.root+"/language", "%q is no language tag: its parts do not stand in the order of RFC 5646, write it like en or pt-BR", e.Gallery.Language)
	}
	if tag := "tag:" + r.SiteID + ",2026:"; err == nil && e.Gallery != nil && r.IDPrefix != "" &&
		strings.HasPrefix(e.Gallery.GUID, tag) && !strings.HasPrefix(e.Gallery.GUID, tag+r.IDPrefix) {
		return nil, refuse(env.root+"/guid", "%q is what feeds call a gallery of another publisher", gallery.Clip(e.Gallery.GUID, maxValue))
	}
	if err == nil && !strings.HasPrefix(e.GalleryID(), r.IDPrefix) {
		return nil, refuse(env.root+env.idPlace(), "%q does not begin with %q, as every id of this publisher must (nats.embedded.publishers)",
			gallery.Clip(e.GalleryID(), maxValue), r.IDPrefix)
	}
	return e, err
}

// Gallery reads the publication in data, structured or bare, as it was stored.
// It gives what Decode of the same reader gave, in whichever form the event
// came.
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

// kind is what the event's type says, else what its subject says.
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

// event gives c its rank.
func (c content) event(env envelope, stored time.Time) (*Event, error) {
	e := &Event{Kind: Published, Source: env.Source, ID: env.ID, Gallery: c.gallery, Removed: c.removed, LeftOut: c.leftOut}
	var err error
	if c.gallery == nil {
		e.Kind = Unpublished
		e.Rank, err = c.takeDown(env, stored)
	} else {
		e.Rank, err = c.publication(env, stored)
	}
	if err != nil {
		return nil, err
	}
	e.Rank.Hash = contentHash(env.Data)
	return e, nil
}

func (c content) publication(env envelope, stored time.Time) (gallery.Rank, error) {
	g := c.gallery
	if g.Updated.After(stored.Add(lead)) {
		return gallery.Rank{}, refuse(env.root+c.updated, "%s; an embargoed gallery states both %s and a later %s",
			tooFarAhead(g.Updated, stored), c.updated[1:], c.embargo[1:])
	}
	return gallery.Rank{Updated: g.Updated.UTC(), Version: g.Version}, nil
}

// takeDown dates one that does not say when it was made by the CloudEvent, else
// by the stream.
func (c content) takeDown(env envelope, stored time.Time) (gallery.Rank, error) {
	t := c.removed
	at := t.Updated
	if at.IsZero() {
		at = env.Time
	}
	if at.IsZero() {
		at = stored
	}
	if ps := gallery.ValidateTakeDown(t.ID, at, t.Version, t.Reason); len(ps) > 0 {
		return gallery.Rank{}, env.locate(ps)
	}
	if at.After(stored.Add(lead)) {
		if t.Updated.IsZero() {
			return gallery.Rank{}, env.fault("time", "%s", tooFarAhead(at, stored))
		}
		return gallery.Rank{}, refuse(env.root+c.updated, "%s", tooFarAhead(at, stored))
	}
	return gallery.Rank{Updated: at.UTC(), Version: t.Version, TakeDown: true}, nil
}

func tooFarAhead(updated, stored time.Time) string {
	return fmt.Sprintf("%s is more than a day after the event arrived (%s) and would outrank every correction until then: "+
		"state when this revision was made", updated.UTC().Format(time.RFC3339), stored.UTC().Format(time.RFC3339))
}

// contentHash ignores white space between tokens, so that the three forms of
// one revision have one rank. data is valid JSON.
func contentHash(data []byte) gallery.Hash {
	h, run := sha256.New(), 0 // where the bytes begin that are not hashed yet
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			i += stringLength(data[i:])
		case c <= ' ':
			h.Write(data[run:i])
			i++
			run = i
		default:
			i++
		}
	}
	h.Write(data[run:])
	return gallery.Hash(h.Sum(nil)[:len(gallery.Hash{})])
}

// stringLength is the length of the JSON string that data begins with.
func stringLength(data []byte) int {
	for i := 1; i < len(data); i++ {
		quote := bytes.IndexByte(data[i:], '"')
		if quote < 0 {
			break
		}
		i += quote
		if escapes(data[:i])%2 == 0 {
			return i + 1
		}
	}
	return len(data)
}

// escapes counts the backslashes that data ends with.
func escapes(data []byte) (n int) {
	for n < len(data) && data[len(data)-1-n] == '\\' {
		n++
	}
	return n
}
