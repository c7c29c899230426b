package ninjs

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Recognise reports whether data is a JSON object with the members of a ninjs
// item: a guid or uri, and a versioncreated, a pubstatus (both in any spelling) or one of
// IPTC's types; or a uri, which no gallery of ours has instead of an id. It is false for a
// gallery in our own form (slides, or title and published), for a CloudEvent and for what
// is not JSON. It looks at top-level members only and needs one pass over data, none where
// neither id occurs.
func Recognise(data []byte) bool {
	if !bytes.Contains(data, []byte(`"guid"`)) && !bytes.Contains(data, []byte(`"uri"`)) {
		return false
	}
	var m signs
	err := json.Unmarshal(data, &m, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err != nil || m.SpecVersion != nil || m.Slides != nil || m.Published != nil && m.Title != nil {
		return false
	}
	stated := m.VersionCreated != nil || m.PubStatus != nil
	if m.URI != nil && m.ID == nil && m.Published == nil {
		return true
	}
	return (m.GUID != nil || m.URI != nil) && (stated || slices.Contains(types, string(m.Type)))
}

// types are the values that IPTC and Superdesk give to type.
var types = []string{`"text"`, `"audio"`, `"video"`, `"picture"`, `"graphic"`, `"composite"`, `"component"`, `"preformatted"`,
	`"event"`, `"planning"`, `"planning_featured"`}

// signs are the members that distinguish the forms. A [jsontext.Value]
// is nil where there is no such member.
type signs struct {
	GUID           jsontext.Value `json:"guid"`
	URI            jsontext.Value `json:"uri"`
	VersionCreated jsontext.Value `json:"versioncreated,case:ignore"`
	PubStatus      jsontext.Value `json:"pubstatus,case:ignore"`
	Type           jsontext.Value `json:"type"`

	ID          jsontext.Value `json:"id"`
	SpecVersion jsontext.Value `json:"specversion"`
	Slides      jsontext.Value `json:"slides"`
	Published   jsontext.Value `json:"published"`
	Title       jsontext.Value `json:"title"`
}
