package event

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// asyncDocument are the parts of an AsyncAPI 3.0 document that are looked at.
type asyncDocument struct {
	AsyncAPI string
	Channels map[string]struct {
		Address  string
		Messages map[string]any
	}
	Operations map[string]struct {
		Action  string
		Channel struct {
			Ref string `json:"$ref"`
		}
	}
	Components struct {
		Messages map[string]struct {
			ContentType string
			Examples    []struct {
				Name    string
				Headers map[string]string
				Payload json.RawMessage
			}
		}
	}
}

func readAsyncAPI(t *testing.T) asyncDocument {
	t.Helper()
	var d asyncDocument
	if err := json.Unmarshal(AsyncAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAsyncAPIHasAnOperationForEverySubject(t *testing.T) {
	d := readAsyncAPI(t)
	got := map[string]string{}
	for _, o := range d.Operations {
		name := strings.TrimPrefix(o.Channel.Ref, "#/channels/")
		got[d.Channels[name].Address] = o.Action
	}
	want := map[string]string{
		string(Published): "receive", string(Unpublished): "receive", FeedUpdated: "send", NoticeFailed: "send", Rejected: "send",
		PartnerUpdated: "send", PartnerNoticeFailed: "send",
		"":        "send", // the callback, whose address the configuration has
		"/events": "receive", "/events/article.published": "receive", "/events/article.unpublished": "receive",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if d.AsyncAPI != "3.0.0" || len(d.Operations) != 11 || len(d.Channels) != 12 {
		t.Errorf("version %s, %d operations on %d channels", d.AsyncAPI, len(d.Operations), len(d.Channels))
	}
}

func TestAsyncAPIShowsThreeFormsOfReceivedEvents(t *testing.T) {
	d := readAsyncAPI(t)
	for _, name := range []string{"articlePublished", "articleUnpublished"} {
		if got := slices.Sorted(maps.Keys(d.Channels[name].Messages)); !slices.Equal(got, []string{"bare", "binary", "structured"}) {
			t.Errorf("%s has the forms %v", name, got)
		}
	}
}

// A document is whole where it was saved: it refers to itself alone.
func TestEveryReferenceInADocumentResolves(t *testing.T) {
	for name, text := range map[string][]byte{"AsyncAPI": AsyncAPI(), "OpenAPI": OpenAPI()} {
		document, seen := parse(t, text), 0
		references(document, func(ref string) {
			seen++
			pointer, within := strings.CutPrefix(ref, "#")
			if _, there := step(document, pointer); !within || !there {
				t.Errorf("%s: %s leads nowhere", name, ref)
			}
		})
		if seen < 60 {
			t.Errorf("%s: %d references", name, seen)
		}
		if strings.Contains(string(text), `"$id"`) || strings.Contains(string(text), `"$schema"`) {
			t.Errorf("%s holds a document with a name of its own, in which references have another meaning", name)
		}
	}
}

func references(v any, visit func(ref string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			if ref, ok := child.(string); ok && name == "$ref" {
				visit(ref)
			}
			references(child, visit)
		}
	case []any:
		for _, child := range v {
			references(child, visit)
		}
	}
}

func TestEveryMessageInAsyncAPIHasAnExample(t *testing.T) {
	messages := readAsyncAPI(t).Components.Messages
	for name, message := range messages {
		if len(message.Examples) == 0 {
			t.Errorf("%s has none", name)
		}
	}
	if len(messages) != 17 {
		t.Errorf("%d messages", len(messages))
	}
}

func TestExamplesOfReceivedEventsAreAccepted(t *testing.T) {
	c := newContract(t)
	for name, message := range readAsyncAPI(t).Components.Messages {
		kind := Published
		switch {
		case strings.HasPrefix(name, "unpublished"):
			kind = Unpublished
		case !strings.HasPrefix(name, "published"):
			continue
		}
		for _, example := range message.Examples {
			m := Message{Subject: string(kind), Data: example.Payload, Header: map[string][]string{}, Stored: arrived}
			for header, value := range example.Headers {
				m.Header[header] = []string{value}
			}
			if e := mustDecode(t, m); e.Kind != kind || (e.Source == "") != strings.HasSuffix(name, "Bare") {
				t.Errorf("%s of %s is %s from %q", example.Name, name, e.Kind, e.Source)
			}
			if err := c.check(m); err != nil {
				t.Errorf("%s of %s: %v", example.Name, name, err)
			}
		}
	}
}

// What is shown of what we send is what we send, to the last field.
func TestExamplesOfSentEventsAreSent(t *testing.T) {
	c, messages := newContract(t), readAsyncAPI(t).Components.Messages
	sent := func(name string, s *jsonschema.Schema, data any, again func(e CloudEvent) CloudEvent) {
		for _, example := range messages[name].Examples {
			e := CloudEvent{Data: data}
			if err := jsonv2.Unmarshal(example.Payload, &e, jsonv2.RejectUnknownMembers(true)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			want, err := again(e).Encode()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Compact(&got, example.Payload); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-sent +shown):\n%s", name, diff)
			}
			if err := validate(s, example.Payload); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	site := func(e CloudEvent) string { return strings.TrimPrefix(e.Source, "//") }
	var u Update
	sent("feedUpdated", c.feedUpdated, &u, func(e CloudEvent) CloudEvent { return NewUpdate(e.ID, site(e), u) })
	var f Failed
	sent("feedNoticeFailed", c.noticeFailed, &f, func(e CloudEvent) CloudEvent { return NewFailed(e.ID, site(e), f) })
	sent("partnerUpdated", c.partnerUpdated, &u, func(e CloudEvent) CloudEvent { return NewUpdate(e.ID, site(e), u) })
	sent("partnerNoticeFailed", c.partnerFailed, &f, func(e CloudEvent) CloudEvent { return NewFailed(e.ID, site(e), f) })
	var r Refusal
	sent("articleRejected", c.articleRejected, &r, func(e CloudEvent) CloudEvent { return NewRejected(e.ID, site(e), r) })
	var o, w Outcome
	sent("articleSuperseded", c.superseded, &o, func(e CloudEvent) CloudEvent { return NewSuperseded(e.ID, site(e), o) })
	sent("articleWithheld", c.withheld, &w, func(e CloudEvent) CloudEvent { return NewWithheld(e.ID, site(e), w) })
}

func TestHeadersOfABinaryEventAreThoseOfTheDocument(t *testing.T) {
	c := newContract(t)
	flat := func(h map[string][]string) []byte {
		one := map[string]string{}
		for name, values := range h {
			one[name] = values[0]
		}
		data, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for kind, s := range c.headers {
		data := []byte(`{"id":"a","title":"t","published":"2026-11-20T09:00:00Z"}`)
		h := binary(kind)
		if err := validate(s, flat(h)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		for _, name := range []string{"ce-specversion", "ce-id", "ce-source", "ce-type"} {
			h := binary(kind)
			h[name] = []string{""}
			_, refusal := bounded.Decode(Message{Header: h, Data: data, Stored: arrived})
			if invalid := validate(s, flat(h)); invalid == nil || name != "ce-specversion" && refusal == nil {
				t.Errorf("%s without %s: decoder %v, schema %v", kind, name, refusal, invalid)
			}
		}
	}
}

func TestSentEventsConformToTheDocument(t *testing.T) {
	c := newContract(t)
	address := Address{URL: "https://news.example.com/feeds/all.rss", ETag: `"1"`}
	for name, u := range map[string]Update{
		"full":  {Feed: "all", Changed: arrived, Added: []string{"a"}, Edited: []string{"b"}, Removed: []string{"c"}, Formats: map[string]Address{"rss": address}},
		"empty": {Feed: "all", Changed: arrived},
	} {
		data, err := NewUpdate("n-1", "news.example.com", u).Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(c.feedUpdated, data); err != nil {
			t.Errorf("feed.updated, %s: %v", name, err)
		}
		if validate(c.articleRejected, data) == nil {
			t.Errorf("feed.updated, %s, passes for article.rejected", name)
		}
	}
	for name, f := range map[string]Failed{
		"full": {Channel: "webhook", Target: "partner", Feed: "all", Notice: "n-1", Attempts: 8, First: arrived, Last: arrived, Reason: "answered 500"},
		"ping": {Channel: "hub", Target: "https://hub.example.net", Notice: "n-1", Attempts: 1, First: arrived, Last: arrived, Reason: "answered 410"},
	} {
		data, err := NewFailed("f-1", "news.example.com", f).Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(c.noticeFailed, data); err != nil {
			t.Errorf("feed.notice.failed, %s: %v", name, err)
		}
		if validate(c.feedUpdated, data) == nil || validate(c.articleRejected, data) == nil {
			t.Errorf("feed.notice.failed, %s, passes for another event", name)
		}
	}
	ps := gallery.Problems{{Reason: "not valid JSON"}}
	for name, r := range map[string]Refusal{
		"full":  {Subject: "article.published", Event: "e", Source: "//cms", Gallery: "a", Stored: arrived, Sequence: 12, Reject: 7, Problems: ps},
		"empty": {Stored: arrived, Reject: 1, Problems: ps},
	} {
		data, err := NewRejected("r-1", "news.example.com", r).Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(c.articleRejected, data); err != nil {
			t.Errorf("article.rejected, %s: %v", name, err)
		}
		if validate(c.feedUpdated, data) == nil {
			t.Errorf("article.rejected, %s, passes for feed.updated", name)
		}
	}
}

func TestOutcomesConformToTheDocument(t *testing.T) {
	c := newContract(t)
	least := Outcome{Subject: "article.published", Gallery: "a", Stored: arrived, Revision: Revision{Updated: arrived}}
	superseded, withheld := least, least
	superseded.Stands = Revision{Updated: arrived.Add(1)}
	withheld.Partners, withheld.More = []Hidden{{Partner: "msn", Rule: "unstated_rights"}}, true
	for _, tt := range []struct {
		e               CloudEvent
		schema, another *jsonschema.Schema
	}{
		{NewSuperseded("s-1", "news.example.com", superseded), c.superseded, c.withheld},
		{NewWithheld("w-1", "news.example.com", withheld), c.withheld, c.superseded},
	} {
		data, err := tt.e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(tt.schema, data); err != nil {
			t.Errorf("%s: %v", tt.e.Type, err)
		}
		if validate(tt.another, data) == nil || validate(c.articleRejected, data) == nil {
			t.Errorf("%s passes for another event", tt.e.Type)
		}
	}
	if data, err := NewSuperseded("s-1", "news.example.com", least).Encode(); err != nil || validate(c.superseded, data) == nil {
		t.Errorf("article.superseded without the revision that stands conforms, %v", err)
	}
}

func TestAsyncAPIHasTheFieldsOfSentEvents(t *testing.T) {
	document := parse(t, AsyncAPI())
	const schemas = "/components/schemas/"
	sameFields[Update](t, document, schemas+"update")
	sameFields[Address](t, document, schemas+"document")
	sameFields[Failed](t, document, schemas+"failed")
	sameFields[Refusal](t, document, schemas+"refusal")
	sameFields[Outcome](t, document, schemas+"outcome")
	sameFields[Revision](t, document, schemas+"revision")
	sameFields[Hidden](t, document, schemas+"hidden")
	sameFields[gallery.Problem](t, document, schemas+"problem")
}
