// Package event is the wire contract, both ways: messages that publish a gallery or take
// it down become events, and what gallerywire announces becomes CloudEvents. A gallery
// may be written in our own form or as an IPTC ninjs item. [Schema] and [AsyncAPI]
// describe the contract for machines; every accepted event conforms to them.
//
// Decoding is pure and total: every message becomes a valid [Event] or a
// [gallery.Problems] with what is wrong and where. It never panics and reads
// nothing but its argument. Start at [Reader.Decode].
//
// A place is a JSON pointer into the message as it was sent: "/title" in bare content
// and in the body of a binary event, "/data/title" in a structured one,
// "/data_base64/title" inside its base64. A header is named in the reason.
//
// Other packages store, order and answer events. A gallery's text is returned as it was
// written; feeds and pages sanitise it.
package event

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Kind is what an event does to a gallery.
type Kind string

// The two kinds, as they end the type of a CloudEvent.
const (
	Published   Kind = "article.published"   // create or replace
	Unpublished Kind = "article.unpublished" // take down
)

// Message is a message of the event stream.
type Message struct {
	Subject string
	Header  map[string][]string
	Data    []byte
	Stored  time.Time // when the stream stored it

	Sequence uint64 // in the stream; 0: not known
}

// Event is one revision of a gallery. Its rank is the same in every form in
// which the revision may be sent, and its rank's Updated is in UTC.
type Event struct {
	Kind    Kind
	Source  string // of the CloudEvent; empty for bare content
	ID      string // likewise
	Rank    gallery.Rank
	Gallery *gallery.Gallery // normalised and valid; nil for a take-down
	Removed TakeDown         // the zero value for a publication

	// LeftOut names what the event has and its gallery does not show, such as a video
	// without a still in a ninjs item, or a picture in the lead text with an unusable
	// address: each with its place and the reason, at most twenty.
	LeftOut gallery.Problems
}

// TakeDown is which gallery is taken down, and why.
type TakeDown struct {
	ID      string    `json:"id"`
	Updated time.Time `json:"updated,omitzero"`
	Version int64     `json:"version,omitzero"`
	Reason  string    `json:"reason,omitzero"`
}

// GalleryID is the id of the gallery that the event is about.
func (e *Event) GalleryID() string {
	if e.Gallery != nil {
		return e.Gallery.ID
	}
	return e.Removed.ID
}
