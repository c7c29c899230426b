// Package backup writes the galleries of a site down as lines of JSON, and
// reads them back: the way from one server to another, and a backup that a
// person can read.
//
// An export is whole or says that it is not: its last line counts the others.
// Each gallery stands in a line with its rank and with the event as it came
// (white space between the tokens of its JSON aside), a take-down like a
// publication. An import computes the rank from the event again and refuses a
// line where the two differ. It may be repeated and run beside anything that
// writes galleries: only a higher rank replaces.
//
// What is not galleries stays behind: events that are not taken in yet,
// rejects, and what was last announced of a feed. Opening files is left to
// others.
package backup

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// format is the number of the lines written here, and the highest one read.
const format = 1

// line is one line of an export: the first has a site, the last a count, each
// one between them a gallery.
type line struct {
	Format    int            `json:"format"`
	Site      *string        `json:"site,omitzero"` // empty: no node has run yet
	Galleries *int           `json:"galleries,omitzero"`
	ID        string         `json:"id,omitzero"`
	Rank      *rank          `json:"rank,omitzero"`
	Event     jsontext.Value `json:"event,omitzero"`
	Base64    []byte         `json:"event_base64,omitzero"` // of an event that is no JSON
	About     jsontext.Value `json:"attributes,omitzero"`
	Past      jsontext.Value `json:"past,omitzero"`
}

// rank is a [gallery.Rank].
type rank struct {
	Updated  time.Time `json:"updated"`
	Version  int64     `json:"version"`
	TakeDown bool      `json:"take_down"`
	Hash     string    `json:"hash"`
}

func lineOf(r catalogue.Record) line {
	l := line{
		Format: format, ID: r.ID, About: r.Event, Past: r.Past,
		Rank: &rank{Updated: r.Rank.Updated.UTC(), Version: r.Rank.Version, TakeDown: r.Rank.TakeDown, Hash: r.Rank.Hash.String()},
	}
	if jsontext.Value(r.Body).IsValid() {
		l.Event = r.Body
	} else {
		l.Base64 = r.Body
	}
	if !l.About.IsValid() {
		l.About = nil
	}
	return l
}

// encode returns l with a line feed at its end. Strings inside of events stay
// as they were written, so that their hash does.
func (l line) encode() ([]byte, error) {
	text, err := json.Marshal(l, jsontext.PreserveRawStrings(true))
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

var (
	errDamaged = errors.New("the event is not the one that the rank was made of: the line is damaged")
	errNoRank  = errors.New("there is no rank: the line is damaged, or not from an export")
)

// record returns the gallery of l, once the event says the same of it.
func (l line) record(reader event.Reader) (catalogue.Record, error) {
	want, err := l.rank()
	if err != nil {
		return catalogue.Record{}, err
	}
	m := event.Message{Subject: string(kindOf(want)), Data: l.Event, Stored: want.Updated}
	if m.Data == nil {
		m.Data = l.Base64
	}
	e, err := reader.Decode(m)
	if err != nil {
		return catalogue.Record{}, err
	}
	if e.GalleryID() != l.ID || e.Rank.Compare(want) != 0 || !l.wasOf(e.Kind) {
		return catalogue.Record{}, errDamaged
	}
	r := catalogue.Revision{
		ID: l.ID, Rank: want, Gallery: e.Gallery, Reason: e.Removed.Reason, Body: bytes.Clone(m.Data), Event: compact(l.About),
	}
	return catalogue.Record{Revision: r, Past: compact(l.Past)}, nil
}

func kindOf(r gallery.Rank) event.Kind {
	if r.TakeDown {
		return event.Unpublished
	}
	return event.Published
}

// wasOf reports whether the attributes, where there are any, say that kind. The
// subject of a bare event said it, which is not in the event.
func (l line) wasOf(kind event.Kind) bool {
	var about struct {
		Kind event.Kind `json:"kind"`
	}
	if l.About == nil {
		return true
	}
	return json.Unmarshal(l.About, &about) == nil && (about.Kind == "" || about.Kind == kind)
}

func (l line) rank() (gallery.Rank, error) {
	if l.Rank == nil {
		return gallery.Rank{}, errNoRank
	}
	r := gallery.Rank{Updated: l.Rank.Updated.UTC(), Version: l.Rank.Version, TakeDown: l.Rank.TakeDown}
	sum, err := hex.DecodeString(l.Rank.Hash)
	if err != nil || len(sum) != len(r.Hash) {
		return r, fmt.Errorf("%.40q is no hash: the line is damaged", l.Rank.Hash)
	}
	copy(r.Hash[:], sum)
	return r, nil
}

// compact returns v without white space, for a header takes no line feed.
func compact(v jsontext.Value) []byte {
	if v == nil {
		return nil
	}
	v = v.Clone()
	if v.Compact() != nil {
		return nil
	}
	return v
}
