// Package ninjs reads news items in IPTC's ninjs (News in JSON) as galleries:
// versions 1.x to 3.x as IPTC specifies them, and what Superdesk sends under
// that name. The pictures of a gallery are the item's associations.
//
// Reading is pure and total: every message becomes an [Item] or a
// [gallery.Problems] with places in the item as it was sent. A gallery that is
// returned has been normalised and is valid. Members that it does not know are
// ignored; whatever stands in them, an item that is canceled or withheld is a
// take-down.
//
// Whether bytes are ninjs at all is for [Recognise]. Envelopes, storing and the
// order of revisions are left to others, and so is sanitising: HTML is handed
// on as it was written.
package ninjs

import (
	"cmp"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// Options say what an item does not.
type Options struct {
	// URLTemplate makes the address of an item that states none; see
	// [CheckTemplate]. Empty: such an item has no address.
	URLTemplate string
}

// Item is one revision of a news item.
type Item struct {
	Gallery  *gallery.Gallery // normalised and valid; nil for a take-down
	TakeDown bool             // the item is canceled or withheld
	ID       string
	Updated  time.Time // in UTC; zero for a take-down that does not say
	Version  int64     // 0 where the item's is no whole number
	Reason   string    // of a take-down: canceled or withheld

	// LeftOut names, with the place and the reason, what a reader would look for and
	// the gallery has not: at most twenty things.
	LeftOut gallery.Problems
}

// Decode reads a ninjs item. An embargo delays the gallery's publication; that
// of a picture, which a gallery has no place for, delays the gallery too if it
// still ran when the version was made. Pictures that are canceled or withheld
// are left out, and, with a word in LeftOut, those without a file that can be
// shown. What it refuses is a [gallery.Problems], and trying again would
// not help. It keeps nothing of data.
func Decode(data []byte, o Options) (*Item, error) {
	var h head
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, everything(data, o, err)
	}
	status, place, known := h.status()
	if !known {
		return nil, gallery.Problems{unknownStatus(place, cmp.Or(h.PubStatus, h.PubStatus3))}
	}
	if status != usable {
		return takeDown(&h, status)
	}
	var w item
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, everything(data, o, err)
	}
	g, leftOut, err := w.gallery(o)
	if err != nil {
		return nil, err
	}
	return &Item{Gallery: g, ID: g.ID, Updated: g.Updated, Version: g.Version, LeftOut: leftOut}, nil
}

// takeDown needs no more than an id: the rest of a canceled item may be in any
// state.
func takeDown(h *head, status string) (*Item, error) {
	created, _ := h.created()
	i := &Item{TakeDown: true, ID: h.id(), Updated: created.Time, Version: int64(h.Version), Reason: status}
	at := i.Updated
	if at.IsZero() {
		at = time.Unix(0, 0) // whoever dates the take-down checks that date
	}
	if ps := gallery.ValidateTakeDown(i.ID, at, i.Version, i.Reason); len(ps) > 0 {
		return nil, newPlaces(h).locate(ps)
	}
	return i, nil
}
