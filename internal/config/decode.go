package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const envPrefix = "GALLERYWIRE_"

// envName is the variable that overrides path.
func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// decoder fills a Config that has the defaults from a tree and the environment. It
// does not check a value that the environment overrides.
type decoder struct {
	environ  map[string]string
	places   places
	secrets  map[string]string // the files that keys name, by key
	problems Problems
}

// value fills v, the value of the key at path, from n, which is nil if the file
// does not set it. at is the place of n's key.
func (d *decoder) value(v reflect.Value, path string, n *node, at place) {
	if other, ok := d.override(v, path); ok {
		n, at = other, place{source: envName(path)}
	}
	if n != nil {
		d.places[path] = at
	}
	switch {
	case isSection(v.Type()):
		d.mapping(v, path, n, at)
	case n == nil:
	case isList(v.Type()):
		d.list(v, path, n, at)
	default:
		d.scalar(v, path, n, at)
	}
}

// override returns the environment's value of path: a single value as it is, a
// list as YAML.
func (d *decoder) override(v reflect.Value, path string) (*node, bool) {
	name := envName(path)
	text, ok := d.environ[name]
	if !ok || isSection(v.Type()) || strings.Contains(path, "[") {
		return nil, false
	}
	if !isList(v.Type()) {
		return &node{kind: scalar, text: text}, true
	}
	root, problems := parse(name, []byte(text), path)
	d.problems = append(d.problems, problems...)
	if root == nil {
		root = &node{kind: scalar, null: true}
	}
	return root, true
}

func (d *decoder) mapping(v reflect.Value, path string, n *node, at place) {
	if n != nil && n.kind != mapping && !n.null {
		d.problem(at, path, fmt.Sprintf("is a %s: write keys and their values", n.kind))
	}
	// The environment may still set what the file does not.
	if n == nil || n.kind != mapping {
		n = &node{kind: mapping}
	}
	for _, e := range n.entries {
		if _, ok := field(v.Type(), e.key); !ok {
			d.problem(e.at, join(path, e.key), "unknown key: "+suggest(v.Type(), path, e.key))
		}
	}
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "" {
			continue
		}
		e, _ := n.entry(key)
		d.value(v.Field(i), join(path, key), e.value, e.at)
	}
}

func (d *decoder) list(v reflect.Value, path string, n *node, at place) {
	if n.kind != list && !n.null {
		d.problem(at, path, fmt.Sprintf("is a %s: write a list, such as [a, b]", n.kind))
		return
	}
	v.SetZero()
	for i, item := range n.items {
		element := reflect.New(v.Type().Elem())
		if e, ok := element.Interface().(interface{ setDefaults() }); ok {
			e.setDefaults()
		}
		d.value(element.Elem(), fmt.Sprintf("%s[%d]", path, i), item, item.where())
		v.Set(reflect.Append(v, element.Elem()))
	}
}

func (d *decoder) scalar(v reflect.Value, path string, n *node, at place) {
	if n.kind != scalar {
		d.problem(at, path, fmt.Sprintf("is a %s: write a single value", n.kind))
		return
	}
	if strings.ContainsFunc(n.text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		d.problem(at, path, "contains a control character: remove it")
		return
	}
	if err := setScalar(v.Addr().Interface(), n.text); err != nil {
		d.problem(at, path, err.Error())
		return
	}
	switch v.Addr().Interface().(type) {
	case *Secret, *SecretLines:
		if n.text != "" {
			d.secrets[path] = n.text
		}
	}
}

// setScalar sets what target points to. Its errors name a remedy.
func setScalar(target any, text string) (err error) {
	switch t := target.(type) {
	case *string:
		*t = text
	case *Servers:
		*t = Servers(text)
	case *Secret:
		*t, err = readSecret(text)
	case *InlineSecret:
		*t = InlineSecret(text)
	case *SecretLines:
		*t, err = readSecretLines(text)
	case *netip.Prefix:
		*t, err = network(text)
	case *bool:
		switch text { // as YAML 1.2 has it
		case "true", "True", "TRUE":
			*t = true
		case "false", "False", "FALSE":
			*t = false
		default:
			return fmt.Errorf("%q is not a valid choice: write true or false", text)
		}
	case *int:
		*t, err = strconv.Atoi(text)
		if errors.Is(err, strconv.ErrRange) {
			return fmt.Errorf("%s is too large: write a smaller number", text)
		}
		if err != nil {
			return fmt.Errorf("%q is not a whole number: write digits, such as 3", text)
		}
	case *time.Duration:
		*t, err = ParseDuration(text)
	case *time.Time:
		*t, err = instant(text)
	case *slog.Level:
		if err := t.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%q is not a level: write debug, info, warn or error", text)
		}
	case encoding.TextUnmarshaler:
		return t.UnmarshalText([]byte(text))
	default:
		panic(fmt.Sprintf("config: a key has the type %T, which no text is read into", target))
	}
	return err
}

func (d *decoder) problem(at place, path, message string) {
	d.problems = append(d.problems, Problem{Source: at.source, Line: at.line, Column: at.column, Key: path, Message: message})
}
