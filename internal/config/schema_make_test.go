package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

// object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := plainJSON(m.name)
		if err != nil {
			return nil, err
		}
		value, err := plainJSON(m.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON leaves <, > and & as people write them.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// maker puts the schema together from what there is already: the keys and their types
// from Config, the defaults from Default, the descriptions from the reference file, and
// what must be true of a value from rules. References are not used: editors that know
// older drafts only then understand it as well.
type maker struct {
	t     *testing.T
	texts map[string]string
	rules map[string]object
}

func makeSchema(t *testing.T) []byte {
	t.Helper()
	m := maker{t: t, texts: explanations(t), rules: rules()}
	schema := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "Configuration of gallerywire"},
		{"description", "Every key may be left out, and the environment may state what the file does not."},
	}
	schema = append(schema, m.section(reflect.ValueOf(Default()), "")...)
	for key := range m.rules {
		t.Errorf("a rule for %s, which is no key", key)
	}
	text, err := plainJSON(schema)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// section describes the keys of v, whose values there are the defaults.
func (m maker) section(v reflect.Value, path string) object {
	var properties object
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "" {
			continue
		}
		properties = append(properties, member{key, m.key(v.Field(i), join(path, key))})
	}
	// With every key below it commented out, a section is null.
	return object{{"type", []string{"object", "null"}}, {"additionalProperties", false}, {"properties", properties}}
}

func (m maker) key(v reflect.Value, path string) object {
	described := object{{"description", m.texts[path]}}
	switch {
	case isSection(v.Type()): // its keys have the defaults
		return append(described, m.section(v, path)...)
	case isList(v.Type()):
		rule, ok := m.rule(path)
		if !ok {
			rule = object{{"type", []string{"array", "null"}}}
		}
		described = append(append(described, rule...), member{"items", m.element(v.Type().Elem(), path+"[]")})
	default:
		described = append(described, m.single(v, path)...)
	}
	if !m.required(path) {
		described = append(described, member{"default", written(v)})
	}
	return described
}

// element describes an entry of the list at path.
func (m maker) element(t reflect.Type, path string) object {
	element := reflect.New(t)
	if e, ok := element.Interface().(interface{ setDefaults() }); ok {
		e.setDefaults()
	}
	if !isSection(t) {
		return m.single(element.Elem(), path)
	}
	rule, _ := m.rule(path)
	entry := m.section(element.Elem(), path)
	entry[0] = member{"type", "object"}
	return append(entry, rule...)
}

// required reports whether an entry of a list must state the key at path.
func (m maker) required(path string) bool {
	last := strings.LastIndex(path, "[].")
	if last < 0 {
		return false
	}
	for _, name := range requiredOf(path[:last]) {
		if name == path[last+len("[]."):] {
			return true
		}
	}
	return false
}

// rule takes what the rules say of path.
func (m maker) rule(path string) (object, bool) {
	rule, ok := m.rules[path]
	delete(m.rules, path)
	return rule, ok
}

// single is what must be true of a single value, where no rule says it what the type does.
func (m maker) single(v reflect.Value, path string) object {
	if rule, ok := m.rule(path); ok {
		return rule
	}
	switch v.Interface().(type) {
	case bool:
		return object{{"type", "boolean"}}
	case time.Duration:
		return duration()
	case time.Time:
		return pattern(instantPattern)
	case string, Secret, SecretLines:
		if strings.HasSuffix(path, "_file") {
			return object{{"type", []string{"string", "null"}}}
		}
	}
	m.t.Errorf("nothing says what %s may be: add it to rules", path)
	return nil
}

// written is v as the file states it, with what is secret left out.
func written(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case time.Duration:
		if value == 0 {
			return "0s"
		}
		return FormatDuration(value)
	case Servers, Secret, InlineSecret, SecretLines:
		return ""
	case time.Time:
		return nil // there is no default but none
	case slog.Level:
		return strings.ToLower(value.String())
	case fmt.Stringer:
		return value.String()
	}
	if isSection(v.Type()) {
		return writtenKeys(v)
	}
	if v.Kind() != reflect.Slice {
		return v.Interface()
	}
	items := []any{}
	for i := range v.Len() {
		items = append(items, written(v.Index(i)))
	}
	return items
}

// writtenKeys leaves out what nobody would state.
func writtenKeys(v reflect.Value) object {
	var o object
	for i := range v.NumField() {
		if key := v.Type().Field(i).Tag.Get("yaml"); key != "" && !v.Field(i).IsZero() {
			o = append(o, member{key, written(v.Field(i))})
		}
	}
	return o
}
