package event

import (
	"cmp"
	"encoding/base64"

	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Attributes returns the attributes of the event and its subject as one line of JSON, to
// be stored with the event as it was received.
func (e *Event) Attributes(subject string) []byte {
	line, err := json.Marshal(struct {
		Subject string `json:"subject"`
		Kind    Kind   `json:"kind"`
		ID      string `json:"id,omitzero"`
		Source  string `json:"source,omitzero"`
	}{short(subject), e.Kind, short(e.ID), short(e.Source)})
	if err != nil {
		return nil // not reached: strings that are UTF-8 always marshal
	}
	return line
}

// Attributes reads, from a message that may be anything, the id and source of its
// CloudEvent and the id of its gallery (guid, else uri, of a ninjs item), each cut to
// [gallery.MaxID] bytes and empty where it cannot be read. They name an event to its
// sender.
func Attributes(m Message) (id, source, galleryID string) {
	var outer struct {
		SpecVersion jsontext.Value `json:"specversion"`
		Source      jsontext.Value `json:"source"`
		Data        named          `json:"data"`
		Base64      string         `json:"data_base64"`
		named
	}
	readPart(m.Data, &outer)
	if outer.SpecVersion == nil {
		ce, _ := attributes(m.Header)
		return short(ce["id"]), short(ce["source"]), outer.name(m)
	}
	if inner, err := base64.StdEncoding.DecodeString(outer.Base64); err == nil {
		readPart(inner, &outer.Data)
	}
	return text(outer.ID), text(outer.Source), outer.Data.name(m)
}

// named has the members that may be the id of a gallery.
type named struct {
	ID   jsontext.Value `json:"id"`
	GUID jsontext.Value `json:"guid"` // of a gallery, what feeds call it
	URI  jsontext.Value `json:"uri"`
}

// name returns the id of the gallery that m is about. In a message that is not ninjs, or
// cannot be read as a whole, id goes before the names that a ninjs item has.
func (n named) name(m Message) string {
	item := cmp.Or(text(n.GUID), text(n.URI))
	if env, err := open(m); err == nil && ninjs.Recognise(env.Data) {
		return item
	}
	return cmp.Or(text(n.ID), item)
}

// readPart fills v with the members of data before the first fault.
func readPart(data []byte, v any) {
	_ = json.Unmarshal(data, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// text returns the JSON string raw, clipped; empty when raw is no string.
func text(raw jsontext.Value) string {
	if raw.Kind() != jsontext.KindString {
		return ""
	}
	s, _ := jsontext.AppendUnquote(nil, raw) // an error says that characters were replaced
	return short(string(s))
}

func short(s string) string { return gallery.Clip(s, gallery.MaxID) }
