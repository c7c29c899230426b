package event

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope is what is around a gallery: the attributes of a CloudEvent, all
// empty around a bare one, and the gallery's JSON.
type envelope struct {
	SpecVersion string         `json:"specversion"`
	ID          string         `json:"id"`
	Source      string         `json:"source"`
	Type        string         `json:"type"`
	Time        time.Time      `json:"time"`
	Data        jsontext.Value `json:"data"`
	Base64      string         `json:"data_base64"`
}

// open tells the three forms apart and checks the attributes of a CloudEvent
// (CloudEvents 1.0 §3.1). A structured one says so in its content, whatever its
// headers say, because relays copy headers.
func open(m Message) (envelope, error) {
	if bytes.Contains(m.Data, []byte(`"specversion"`)) {
		env, structured, err := openStructured(m.Data)
		if err != nil || structured {
			return env, err
		}
	}
	return openBinary(m)
}

func openStructured(data []byte) (env envelope, structured bool, err error) {
	var probe struct {
		SpecVersion jsontext.Value `json:"specversion"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return env, false, explain(err)
	}
	if probe.SpecVersion == nil {
		return env, false, nil
	}
	if err := json.Unmarshal(data, &env); err != nil {
		return env, true, explain(err)
	}
	if env.Base64 != "" {
		if env.Data, err = base64.StdEncoding.DecodeString(env.Base64); err != nil {
			return env, true, refuse("/data_base64", "is not base64")
		}
	}
	return env, true, env.check()
}

// openBinary also reads a bare gallery: it is a binary event without
// attributes.
func openBinary(m Message) (envelope, error) {
	attr := func(name string) string { return header(m.Header, "ce-"+name) }
	env := envelope{SpecVersion: attr("specversion"), ID: attr("id"), Source: attr("source"), Type: attr("type"), Data: m.Data}
	if env.SpecVersion == "" {
		return envelope{Data: m.Data}, nil
	}
	if at := attr("time"); at != "" {
		var err error
		if env.Time, err = time.Parse(time.RFC3339, at); err != nil {
			return env, refuse("", "the header ce-time %.60q is no instant (RFC 3339)", at)
		}
	}
	return env, env.check()
}

func (env envelope) check() error {
	switch {
	case !strings.HasPrefix(env.SpecVersion, "1."):
		return refuse("/specversion", "%.20q: only CloudEvents 1.0 are understood", env.SpecVersion)
	case env.Type == "":
		return refuse("/type", "missing: a CloudEvent has a type")
	case len(env.Data) == 0:
		return refuse("/data", "missing: the gallery belongs here")
	}
	return nil
}

// header looks name up without regard to case: NATS keeps what was sent.
func header(h map[string][]string, name string) string {
	for key, values := range h {
		if len(values) > 0 && strings.EqualFold(key, name) {
			return values[0]
		}
	}
	return ""
}

// explain turns an error of the decoder into the place and the reason.
func explain(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return refuse(string(semantic.JSONPointer), "%s", misfit(semantic))
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return refuse(string(syntactic.JSONPointer), "not valid JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	}
	return refuse("", "not valid JSON: %v", err)
}

// misfit says what was found and what belongs there, in JSON's words.
func misfit(e *json.SemanticError) string {
	wanted := "a string"
	switch {
	case e.GoType == nil:
		return "does not fit"
	case strings.Contains(e.GoType.String(), "time.Time"):
		return "no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)"
	case strings.HasPrefix(e.GoType.Kind().String(), "int"):
		wanted = "a whole number"
	case e.GoType.Kind().String() == "bool":
		wanted = "true or false"
	case e.GoType.Kind().String() == "slice":
		wanted = "a list"
	case e.GoType.Kind().String() == "struct":
		wanted = "an object"
	}
	if kind := e.JSONKind.String(); kind != "" && e.JSONKind != 0 {
		return "holds " + article(kind) + " where " + wanted + " belongs"
	}
	return "is not " + wanted
}

func article(kind string) string {
	switch kind {
	case "null", "true", "false":
		return kind
	case "object", "array":
		return "an " + kind
	}
	return "a " + kind
}
