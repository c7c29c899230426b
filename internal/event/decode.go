package event

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// lead is how far a revision may be ahead of the time at which its event was
// stored. One from further ahead would outrank every correction until then.
const lead = 24 * time.Hour

// Decode reads m in any of the three forms: a structured CloudEvent, a binary
// one, or a bare gallery (CloudEvents 1.0, JSON format and NATS binding). What
// it refuses is a [gallery.Problems]; trying again would not help.
func Decode(m Message, maxBytes int64) (*Event, error) {
	if size := int64(len(m.Data)); size > maxBytes {
		return nil, refuse("", "%d bytes, at most %d are allowed (events.max_event)", size, maxBytes)
	}
	env, err := open(m)
	if err != nil {
		return nil, err
	}
	e := &Event{Source: env.Source, ID: env.ID}
	if e.Kind, err = env.kind(m.Subject); err != nil {
		return nil, err
	}
	if e.Kind == Unpublished {
		err = e.takeDown(env, m.Stored)
	} else {
		err = e.publish(env)
	}
	if err != nil {
		return nil, err
	}
	if e.Rank.Updated.After(m.Stored.Add(lead)) {
		return nil, tooFarAhead(e.Rank.Updated)
	}
	return e, nil
}

func tooFarAhead(updated time.Time) error {
	return refuse("/updated", "%s is more than a day ahead of the event: it would outrank every correction until then; "+
		"state when this revision was made (an embargo is a later published)", updated.UTC().Format(time.RFC3339))
}

// Gallery reads the publication in data, structured or bare, as it was stored.
func Gallery(data []byte) (*gallery.Gallery, error) {
	env, err := open(Message{Data: data})
	if err != nil {
		return nil, err
	}
	return decodeGallery(env.Data)
}

func (e *Event) publish(env envelope) error {
	g, err := decodeGallery(env.Data)
	if err != nil {
		return err
	}
	e.Gallery = g
	e.Rank = gallery.Rank{Updated: g.Updated, Version: g.Version, Hash: contentHash(env.Data)}
	return nil
}

func decodeGallery(data jsontext.Value) (*gallery.Gallery, error) {
	g := new(gallery.Gallery)
	if err := json.Unmarshal(data, g); err != nil {
		return nil, explain(err)
	}
	g.Normalise()
	if ps := g.Validate(); len(ps) > 0 {
		return nil, ps
	}
	return g, nil
}

// takeDown dates a take-down without updated by the CloudEvent, else by the
// stream.
func (e *Event) takeDown(env envelope, stored time.Time) error {
	if err := json.Unmarshal(env.Data, &e.Removed); err != nil {
		return explain(err)
	}
	at := e.Removed.Updated
	if at.IsZero() {
		at = env.Time
	}
	if at.IsZero() {
		at = stored
	}
	e.Rank = gallery.Rank{Updated: at, Version: e.Removed.Version, TakeDown: true, Hash: contentHash(env.Data)}
	if ps := gallery.ValidateTakeDown(e.Removed.ID, at, e.Removed.Version, e.Removed.Reason); len(ps) > 0 {
		return ps
	}
	return nil
}

// contentHash ignores white space between tokens, so that the three forms of
// one revision have one rank. data is valid JSON.
func contentHash(data []byte) gallery.Hash {
	return gallery.HashOf(squeeze(data))
}

// squeeze returns valid JSON without the white space between its tokens.
func squeeze(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		switch c := data[0]; c {
		case ' ', '\t', '\r', '\n':
			data = data[1:]
		case '"':
			end := stringEnd(data)
			out, data = append(out, data[:end]...), data[end:]
		default:
			out, data = append(out, c), data[1:]
		}
	}
	return out
}

// stringEnd returns the length of the JSON string that data begins with.
func stringEnd(data []byte) int {
	for i := 1; ; {
		n := bytes.IndexAny(data[i:], `"\`)
		if n < 0 {
			return len(data)
		}
		i += n
		if data[i] == '"' {
			return i + 1
		}
		i = min(i+2, len(data))
	}
}

func refuse(place, format string, args ...any) error {
	return gallery.Problems{{Place: place, Reason: fmt.Sprintf(format, args...)}}
}

// kind is what the event's type says, else what its subject says.
func (env envelope) kind(subject string) (Kind, error) {
	for _, k := range []Kind{Published, Unpublished} {
		if env.Type == string(k) || strings.HasSuffix(env.Type, "."+string(k)) {
			return k, nil
		}
	}
	if env.Type != "" {
		return "", refuse("", "the CloudEvent's type %.100q is neither article.published nor article.unpublished, with or without a prefix", env.Type)
	}
	if subject == "unpublished" || strings.HasSuffix(subject, ".unpublished") {
		return Unpublished, nil
	}
	return Published, nil
}
