// Package backup writes the galleries of a site as lines of JSON and reads them back:
// to move to another server, and as a backup that a person can read.
//
// An export ends with the number of its galleries, so an import notices when it is not
// complete. Each gallery is a line with its rank and the event as it was received (but
// for white space between the tokens of its JSON); so is a take-down. An import computes
// the rank from the event again and refuses a line where the two differ. It can be
// repeated, and run while others write galleries: only a higher rank replaces.
//
// An export has galleries only: no events that are not processed yet, no rejects, and
// not what was last announced of a feed. The caller opens the files.
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

// format is the number of the lines written here, and the highest one that is read.
const format = 1

// line is one line of an export: the first has the site, the last the count, the
// others have a gallery each.
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

var (
	errDamaged = errors.New("the event is not the one that the rank was made of: the line is damaged")
	errNoRank  = errors.New("there is no rank: the line is damaged, or not from an export")
)

// record returns the gallery of l, if the event of l agrees with the rest of l.
func (l line) record(reader event.Reader) (catalogue.Revision, error) {
	want, err := l.rank()
	if err != nil {
		return catalogue.Revision{}, err
	}
	m := event.Message{Subject: string(event.Published), Data: l.Event, Stored: want.Updated}
	if want.TakeDown {
		m.Subject = string(event.Unpublished)
	}
	if m.Data == nil {
		m.Data = l.Base64
	}
	e, err := reader.Decode(m)
	if err != nil {
		return catalogue.Revision{}, err
	}
	// The attributes have the kind of a bare event, which came from its subject.
	var about struct {
		Kind event.Kind `json:"kind"`
	}
	if l.About != nil && json.Unmarshal(l.About, &about) != nil || about.Kind != "" && about.Kind != e.Kind ||
		e.GalleryID() != l.ID || e.Rank.Compare(want) != 0 {
		return catalogue.Revision{}, errDamaged
	}
	return catalogue.Revision{
		ID: l.ID, Rank: want, Gallery: e.Gallery, Reason: e.Removed.Reason,
		Body: bytes.Clone(m.Data), Event: compact(l.About), Past: compact(l.Past),
	}, nil
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

// compact returns v without white space, because it becomes a header, which takes no
// line feed; nil for what is no JSON.
func compact(v jsontext.Value) []byte {
	v = v.Clone()
	if v.Compact() != nil {
		return nil
	}
	return v
}
