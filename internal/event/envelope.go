package event

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/jsonfault"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope is what is around the content of an event: the attributes of a
// CloudEvent, all empty around a bare one, and the JSON of the content.
type envelope struct {
	SpecVersion string
	ID          string
	Source      string
	Type        string
	Time        time.Time
	Data        jsontext.Value

	structured bool
	root       string // where Data is in the message, as a JSON pointer
}

// open tells the three forms apart and checks the attributes of a CloudEvent
// (CloudEvents 1.0 §3.1). A structured one says so in its content, whatever its
// headers say, because relays copy headers.
func open(m Message) (envelope, error) {
	if bytes.Contains(m.Data, []byte(`"specversion"`)) {
		env, err := openStructured(m.Data)
		if err != nil || env.structured {
			return env, err
		}
	}
	return openBinary(m)
}

// members are those of a structured event, not looked into, for they may as
// well be fields of a bare gallery.
type members struct {
	SpecVersion jsontext.Value `json:"specversion"`
	ID          jsontext.Value `json:"id"`
	Source      jsontext.Value `json:"source"`
	Type        jsontext.Value `json:"type"`
	Time        jsontext.Value `json:"time"`
	Data        jsontext.Value `json:"data"`
	Base64      jsontext.Value `json:"data_base64"`
}

func openStructured(data []byte) (envelope, error) {
	var a members
	if err := json.Unmarshal(data, &a); err != nil {
		return envelope{}, explain("", data, err)
	}
	if a.SpecVersion == nil {
		return envelope{}, nil
	}
	env := envelope{structured: true, Data: a.Data, root: "/data"}
	for _, member := range []struct {
		name string
		raw  jsontext.Value
		into any
	}{
		{"specversion", a.SpecVersion, &env.SpecVersion},
		{"id", a.ID, &env.ID},
		{"source", a.Source, &env.Source},
		{"type", a.Type, &env.Type},
		{"time", a.Time, &env.Time},
	} {
		if err := unmarshalMember("/"+member.name, member.raw, member.into); err != nil {
			return env, err
		}
	}
	if err := env.openBase64(a.Base64); err != nil {
		return env, err
	}
	return env, env.check()
}

func unmarshalMember(place string, raw jsontext.Value, into any) error {
	if raw == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return explain(place, raw, err)
	}
	return nil
}

// openBase64 takes the data from data_base64 (CloudEvents JSON format §3.1.1).
func (env *envelope) openBase64(raw jsontext.Value) error {
	const place = "/data_base64"
	var text string
	if err := unmarshalMember(place, raw, &text); err != nil || text == "" {
		return err
	}
	if !env.empty() {
		return refuse(place, "stands beside data: only one of them may hold the gallery")
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return refuse(place, "is not base64: use the standard alphabet and padding (RFC 4648 section 4)")
	}
	env.Data, env.root = data, place
	return nil
}

// openBinary also reads a bare gallery: it is a binary event without
// attributes.
func openBinary(m Message) (envelope, error) {
	env := envelope{
		SpecVersion: attribute(m.Header, "specversion"), ID: attribute(m.Header, "id"),
		Source: attribute(m.Header, "source"), Type: attribute(m.Header, "type"), Data: m.Data,
	}
	if env.SpecVersion == "" {
		return envelope{Data: m.Data}, nil
	}
	if at := attribute(m.Header, "time"); at != "" {
		var err error
		if env.Time, err = time.Parse(time.RFC3339, at); err != nil {
			return env, env.fault("time", "%.60q is no instant: %s", at, instantForm)
		}
	}
	return env, env.check()
}

func (env envelope) check() error {
	switch {
	case env.SpecVersion != "1.0":
		return env.fault("specversion", `%.20q is not understood: CloudEvents are sent as "1.0"`, env.SpecVersion)
	case env.ID == "":
		return env.fault("id", "missing: a CloudEvent has an id")
	case env.Source == "":
		return env.fault("source", "missing: a CloudEvent has a source")
	case env.Type == "":
		return env.fault("type", "missing: a CloudEvent has a type, here %s or %s", Published, Unpublished)
	case !env.Time.IsZero() && !gallery.Plausible(env.Time):
		return env.fault("time", "the year %d is not between %d and %d", env.Time.UTC().Year(), gallery.MinYear, gallery.MaxYear)
	case env.empty():
		return refuse(env.root, "missing: the gallery belongs here")
	}
	return nil
}

// empty reports whether there is no data, or null in its place.
func (env envelope) empty() bool {
	kind := env.Data.Kind()
	return kind == jsontext.KindInvalid && len(bytes.TrimSpace(env.Data)) == 0 || kind == jsontext.KindNull
}

// fault refuses the event because of an attribute: a structured event has it
// in its JSON, a binary one in a header.
func (env envelope) fault(attribute, format string, args ...any) error {
	if env.structured {
		return refuse("/"+attribute, format, args...)
	}
	return refuse("", "header ce-"+attribute+": "+format, args...)
}

// locate makes places in the content places in the message.
func (env envelope) locate(ps gallery.Problems) gallery.Problems {
	for i := range ps {
		ps[i].Place = jsonfault.Clip(env.root+ps[i].Place, maxPlace)
		ps[i].Reason = jsonfault.Clip(ps[i].Reason, maxReason)
	}
	return ps
}

// attribute returns an attribute of a binary event, whose value may be
// percent-encoded (HTTP binding §3.1.3.2, which that of NATS follows).
func attribute(h map[string][]string, name string) string {
	value := header(h, "ce-"+name)
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

// header looks name up without regard to case: NATS keeps what was sent. Of
// several spellings the one that sorts first counts, on every node.
func header(h map[string][]string, name string) string {
	var found, value string
	for key, values := range h {
		if len(values) > 0 && strings.EqualFold(key, name) && (found == "" || key < found) {
			found, value = key, values[0]
		}
	}
	return value
}
