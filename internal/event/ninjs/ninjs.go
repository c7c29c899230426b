// Package ninjs reads news items in IPTC's ninjs (News in JSON) as galleries:
// versions 1.x to 3.x as IPTC specifies them, and what Superdesk sends under
// that name. The pictures of a gallery are the item's associations.
//
// Reading is pure and total: every message becomes an [Item] or a [gallery.Problems] with
// places in the item as it was sent. A gallery is returned normalised and valid. Unknown
// members are ignored. An item that is canceled or withheld is a take-down, whatever its
// other members are.
//
// [Recognise] tells ninjs from other JSON. Envelopes, storing, the order of revisions
// and sanitising are left to other packages: HTML is returned as it was written, unless a
// picture that is canceled or withheld has to be cut out of it.
package ninjs

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// Options of [Decode].
type Options struct {
	// URLTemplate makes the address of an item that states none; see [CheckTemplate].
	// Empty: such an item has no address.
	URLTemplate string

	// TakeDown says that the item is taken down, whatever its status is.
	TakeDown bool

	// Stored says that the item was accepted before, perhaps by an older release: what
	// is refused only today may be in it.
	Stored bool
}

// Item is one revision of a news item.
type Item struct {
	Gallery *gallery.Gallery // normalised and valid; nil for a take-down
	ID      string
	IDPlace string    // where the item states it
	Updated time.Time // in UTC; zero for a take-down that does not say
	Dated   string    // where the item states that
	Version int64     // 0 where the item's is no whole number
	Reason  string    // of a take-down: canceled or withheld; empty where only Options say so

	// LeftOut names, with the place and the reason, what a reader would look for and
	// the gallery does not show, or what of a take-down cannot be read: at most twenty
	// things.
	LeftOut gallery.Problems
}

// Decode reads a ninjs item. An embargo delays the gallery's publication; the embargo
// of a picture, which a gallery has no place for, delays the gallery too if it still
// ran when the version was made. Pictures that are canceled or withheld are left out
// and, named in LeftOut, those without a file that can be shown. Where two spellings of
// one member disagree, the reading counts that shows less. A take-down needs an id and
// nothing else that can be read: an impossible date is passed over. Events and plans of coverage (3.x §planning, and
// Superdesk) are refused. An item that Decode refuses is a [gallery.Problems], and a
// retry would not help. Decode keeps nothing of data.
func Decode(data []byte, o Options) (*Item, error) {
	var h head
	if err := json.Unmarshal(data, &h); err != nil {
		return decodeFaulty(data, o, err)
	}
	status, unknown := h.status("")
	switch {
	case o.TakeDown && (unknown != nil || status == usable):
		return h.takeDown("")
	case unknown != nil:
		return nil, unknown
	case status != usable:
		return h.takeDown(status)
	}
	var w item
	if err := json.Unmarshal(data, &w); err != nil {
		return decodeFaulty(data, o, err)
	}
	g, leftOut, err := w.gallery(o)
	if err != nil {
		return nil, err
	}
	return &Item{Gallery: g, ID: g.ID, IDPlace: h.places()["/id"], Updated: g.Updated, Dated: h.created(false).place, Version: g.Version, LeftOut: leftOut}, nil
}

// takeDown needs no more than an id: the rest of a canceled item may be in any state.
func (h *head) takeDown(reason string) (*Item, error) {
	created, places := h.created(true), h.places()
	places["/updated"] = created.place
	i := &Item{ID: h.id(), IDPlace: places["/id"], Updated: created.Time, Dated: created.place, Version: max(int64(h.Version), 0), Reason: reason}
	if !i.Updated.IsZero() && !gallery.Plausible(i.Updated) {
		i.LeftOut = gallery.Problems{problem(created.place, "the year %d is not between %d and %d: the take-down is dated by its arrival",
			i.Updated.Year(), gallery.MinYear, gallery.MaxYear)}
		i.Updated = time.Time{}
	}
	at := i.Updated
	if at.IsZero() {
		at = time.Unix(0, 0) // the caller dates the take-down and checks that date
	}
	if ps := gallery.ValidateTakeDown(i.ID, at, i.Version, i.Reason); len(ps) > 0 {
		return nil, places.locate(ps)
	}
	return i, nil
}
