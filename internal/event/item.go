package event

import (
	"errors"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// item reads the content as a ninjs item.
func (env envelope) item(o ninjs.Options) (content, error) {
	i, err := ninjs.Decode(env.Data, o)
	if err != nil {
		return content{}, env.located(err)
	}
	c := content{updated: "/versioncreated", embargo: "/embargoed"}
	if i.TakeDown {
		c.removed = TakeDown{ID: i.ID, Updated: i.Updated, Version: i.Version, Reason: i.Reason}
	} else {
		c.gallery, c.leftOut = i.Gallery, env.locate(i.LeftOut)
	}
	return c, nil
}

// removedItem reads the content as a ninjs item that is taken down whatever its
// own status is. Of one that is still usable, or says nothing that is known, it
// gives no reason.
func (env envelope) removedItem() (content, error) {
	if c, err := env.item(ninjs.Options{}); err == nil && c.gallery == nil {
		return c, nil
	}
	canceled, err := env.canceled()
	if err != nil {
		return content{}, err
	}
	c, err := canceled.item(ninjs.Options{})
	if err != nil {
		return content{}, err
	}
	c.removed.Reason = ""
	return c, nil
}

// idPlace is where the content states the id of its gallery.
func (env envelope) idPlace() string {
	var h head
	switch {
	case !ninjs.Recognise(env.Data):
		return "/id"
	case json.Unmarshal(env.Data, &h) == nil && h.GUID == nil:
		return "/uri"
	}
	return "/guid"
}

// head is what makes an item a revision.
type head struct {
	GUID           jsontext.Value `json:"guid,omitzero"`
	URI            jsontext.Value `json:"uri,omitzero"`
	Version        jsontext.Value `json:"version,omitzero"`
	VersionCreated jsontext.Value `json:"versioncreated,omitzero"`
	Created3       jsontext.Value `json:"versionCreated,omitzero"`
	PubStatus      jsontext.Value `json:"pubstatus"`
}

// canceled returns the same event with no more of its item than the head, and
// that canceled: the rest may be in any state.
func (env envelope) canceled() (envelope, error) {
	var h head
	if err := json.Unmarshal(env.Data, &h); err != nil {
		return env, explain(env.root, env.Data, err)
	}
	h.PubStatus = jsontext.Value(`"canceled"`)
	data, err := json.Marshal(h)
	if err != nil {
		return env, fmt.Errorf("encode the head of an item: %w", err)
	}
	env.Data = data
	return env, nil
}

// located makes the places of what is wrong with an item places in the message.
func (env envelope) located(err error) error {
	var ps gallery.Problems
	if errors.As(err, &ps) {
		return env.locate(ps)
	}
	return err
}
