package event

import (
	"bytes"
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope holds the attributes of a CloudEvent, all empty around bare content, and the
// JSON of the content.
type envelope struct {
	SpecVersion string
	ID          string
	Source      string
	Type        string
	Time        time.Time
	Data        jsontext.Value

	structured bool
	stored     bool   // the event was accepted before, perhaps by an older release
	root       string // where Data is in the message, as a JSON pointer
}

// open distinguishes the three forms and checks the attributes of a CloudEvent
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

// members are those of a structured event. They are raw, for in a bare gallery they
// may be anything.
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
		place string
		raw   jsontext.Value
		into  any
	}{
		{"/specversion", a.SpecVersion, &env.SpecVersion}, {"/id", a.ID, &env.ID}, {"/source", a.Source, &env.Source},
		{"/type", a.Type, &env.Type}, {"/time", a.Time, &env.Time},
	} {
		if err := unmarshalMember(member.place, member.raw, member.into); err != nil {
			return env, err
		}
	}
	const base64Place = "/data_base64" // CloudEvents JSON format §3.1.1
	var text string
	if err := unmarshalMember(base64Place, a.Base64, &text); err != nil {
		return env, err
	}
	if text != "" {
		if !env.empty() {
			return env, refuse(base64Place, "stands beside data: only one of them may hold the gallery")
		}
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return env, refuse(base64Place, "is not base64: use the standard alphabet and padding (RFC 4648 section 4)")
		}
		env.Data, env.root = decoded, base64Place
	}
	return env, env.check()
}

func unmarshalMember(place string, raw jsontext.Value, into any) error {
	if raw == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into, instants); err != nil {
		return explain(place, raw, err)
	}
	return nil
}

// openBinary also reads bare content, which is a binary event without attributes.
func openBinary(m Message) (envelope, error) {
	ce, unreadable := attributes(m.Header)
	env := envelope{SpecVersion: ce["specversion"], ID: ce["id"], Source: ce["source"], Type: ce["type"], Data: m.Data}
	if env.SpecVersion == "" {
		return envelope{Data: m.Data}, nil
	}
	if unreadable != "" {
		return env, refuse("", "header ce-%s: %.60q is not UTF-8 once it is decoded", gallery.Clip(unreadable, maxValue), ce[unreadable])
	}
	if at := ce["time"]; at != "" {
		var ok bool
		if env.Time, ok = gallery.ParseInstant(at); !ok {
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
	return len(bytes.TrimSpace(env.Data)) == 0 || env.null()
}

// null reports whether the data is null, which [jsontext.Value.Kind] says of every
// word that begins with n.
func (env envelope) null() bool { return string(bytes.TrimSpace(env.Data)) == "null" }

// fault refuses the event because of an attribute: a structured event has it
// in its JSON, a binary one in a header.
func (env envelope) fault(attribute, format string, args ...any) error {
	if env.structured {
		return refuse("/"+attribute, format, args...)
	}
	return refuse("", "header ce-"+attribute+": "+format, args...)
}

// attributes returns the attributes of a binary event by name, and the name of one
// whose value is not UTF-8, if there is any. NATS keeps the case of names, which does
// not count: of several spellings the one that sorts first is taken, on every node.
func attributes(h map[string][]string) (ce map[string]string, unreadable string) {
	ce = make(map[string]string, len(h))
	for _, key := range slices.Sorted(maps.Keys(h)) {
		name, ours := strings.CutPrefix(strings.ToLower(key), "ce-")
		if _, known := ce[name]; !ours || known || len(h[key]) == 0 {
			continue
		}
		ce[name] = headerValue(h[key][0])
		if unreadable == "" && !utf8.ValidString(ce[name]) {
			unreadable = name
		}
	}
	return ce, unreadable
}

// headerValue undoes how a value was written for a header: in double quotes with
// backslashes (RFC 9110 §5.6.4), and in it one round of percent-encoding
// (CloudEvents, NATS binding §3.1.3.2). What is neither stays as it is.
func headerValue(s string) string {
	s = strings.Trim(s, " \t")
	if m := quotedString.FindStringSubmatch(s); m != nil {
		s = quotedPair.ReplaceAllString(m[1], "$1")
	}
	return percentEncoded.ReplaceAllStringFunc(s, func(code string) string {
		c, _ := strconv.ParseUint(code[1:], 16, 8) // no error: two digits
		return string([]byte{byte(c)})
	})
}

var (
	quotedString   = regexp.MustCompile(`^"((?s:[^"\\]|\\.)*)"$`)
	quotedPair     = regexp.MustCompile(`\\((?s:.))`)
	percentEncoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)
