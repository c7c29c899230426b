package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event/ninjs"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is what the two documents say, as a validator that nobody here wrote
// understands it.
type contract struct {
	gallery, takeDown, item      *jsonschema.Schema
	bodies                       map[Kind]map[bool]*jsonschema.Schema // by whether the event is structured
	headers                      map[Kind]*jsonschema.Schema
	feedUpdated, articleRejected *jsonschema.Schema
	noticeFailed                 *jsonschema.Schema
	partnerUpdated               *jsonschema.Schema
	partnerFailed                *jsonschema.Schema
	superseded, withheld         *jsonschema.Schema
}

func newContract(t testing.TB) *contract {
	t.Helper()
	const base = "https://gallerywire.example/"
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: dateTime})
	for path, document := range map[string][]byte{"asyncapi.json": AsyncAPI(), "gallery.json": Schema()} {
		if err := c.AddResource(base+path, parse(t, document)); err != nil {
			t.Fatal(err)
		}
	}
	compile := func(name string) *jsonschema.Schema {
		s, err := c.Compile(base + name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	message := func(name string) *jsonschema.Schema { return compile("asyncapi.json#/components/messages/" + name) }
	return &contract{
		gallery:  compile("gallery.json"),
		takeDown: compile("gallery.json#takeDown"),
		item:     compile("asyncapi.json#/components/schemas/item"),
		bodies: map[Kind]map[bool]*jsonschema.Schema{
			Published:   {true: message("publishedStructured/payload"), false: message("publishedBare/payload")},
			Unpublished: {true: message("unpublishedStructured/payload"), false: message("unpublishedBare/payload")},
		},
		headers: map[Kind]*jsonschema.Schema{
			Published: message("publishedBinary/headers"), Unpublished: message("unpublishedBinary/headers"),
		},
		feedUpdated:     message("feedUpdated/payload"),
		articleRejected: message("articleRejected/payload"),
		noticeFailed:    message("feedNoticeFailed/payload"),
		partnerUpdated:  message("partnerUpdated/payload"),
		partnerFailed:   message("partnerNoticeFailed/payload"),
		superseded:      message("articleSuperseded/payload"),
		withheld:        message("articleWithheld/payload"),
	}
}

// dateTime is the format with the liberties that the schema describes in words.
func dateTime(v any) error {
	if text, ok := v.(string); ok {
		if _, ok = gallery.ParseInstant(text); !ok {
			return fmt.Errorf("%q is no instant", text)
		}
	}
	return nil
}

func parse(t testing.TB, data []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%.200s: %v", data, err)
	}
	return v
}

// check returns what is wrong, by the documents, with a message that was
// accepted: with the whole of it in its form, and with its content, which may
// stand in base64.
func (c *contract) check(m Message) error {
	env, err := open(m)
	if err != nil {
		return err
	}
	kind, err := env.kind(m.Subject)
	if err != nil {
		return err
	}
	if err := validate(c.contentOf(kind, env.Data), env.Data); err != nil {
		return fmt.Errorf("content: %w", err)
	}
	return c.whole(kind, m.Data)
}

func (c *contract) contentOf(kind Kind, data []byte) *jsonschema.Schema {
	switch {
	case ninjs.Recognise(data):
		return c.item
	case kind == Unpublished:
		return c.takeDown
	}
	return c.gallery
}

// whole returns what is wrong, by the documents alone, with the body of a
// message of that kind, unless it says another one itself.
func (c *contract) whole(kind Kind, data []byte) error {
	var members map[string]any
	_ = json.Unmarshal(data, &members) // what is no object has none
	_, structured := members["specversion"]
	if text, _ := members["type"].(string); structured && strings.HasSuffix(text, string(Unpublished)) {
		kind = Unpublished
	} else if structured {
		kind = Published
	}
	return validate(c.bodies[kind][structured], data)
}

func validate(s *jsonschema.Schema, data []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return s.Validate(v)
}
