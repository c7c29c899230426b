// Package event is the wire contract, both ways: the bytes and headers of a
// message that says that a gallery was published or taken down, and the
// CloudEvents by which gallerywire tells the outside of its feeds.
//
// Decoding is pure and total: every message becomes an [Event] or a
// [gallery.Problems] that says what is wrong and where. An event that was
// accepted validates. It never panics and reads nothing but its argument.
package event

import (
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// Kind says what an event does to a gallery.
type Kind string

// The two kinds, as they end the type of a CloudEvent.
const (
	Published   Kind = "article.published"   // create or replace
	Unpublished Kind = "article.unpublished" // take down
)

// Message is what came over NATS.
type Message struct {
	Subject string
	Header  map[string][]string
	Data    []byte
	Stored  time.Time // when the stream stored it
}

// Event is one revision of a gallery.
type Event struct {
	Kind    Kind
	Source  string // of the CloudEvent; empty for a bare gallery
	ID      string // likewise
	Rank    gallery.Rank
	Gallery *gallery.Gallery // normalised and valid; nil for a take-down
	Removed TakeDown         // the zero value for a publication
}

// TakeDown says which gallery is taken down and why.
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

// Attributes returns what is around the gallery as one line of JSON, to be kept
// beside the event as it was received.
func (e *Event) Attributes(subject string) []byte {
	short := func(s string) string { return strings.ToValidUTF8(s[:min(len(s), gallery.MaxID)], "") }
	line, err := json.Marshal(struct {
		Subject string `json:"subject"`
		Kind    Kind   `json:"kind"`
		ID      string `json:"id,omitzero"`
		Source  string `json:"source,omitzero"`
	}{short(subject), e.Kind, short(e.ID), short(e.Source)})
	if err != nil {
		return nil // strings that are UTF-8 always marshal
	}
	return line
}
