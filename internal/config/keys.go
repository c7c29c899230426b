package config

import (
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
)

// field returns the struct field of key.
func field(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); key != "" && f.Tag.Get("yaml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// keys lists every key below the struct t whose own path is path, sections and
// lists before what they hold. A list's elements have "[]" in their paths.
func keys(t reflect.Type, path string) []string {
	var found []string
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == "" {
			continue
		}
		under, inner := join(path, key), f.Type
		found = append(found, under)
		if isList(inner) {
			under, inner = under+"[]", inner.Elem()
		}
		if isSection(inner) {
			found = append(found, keys(inner, under)...)
		}
	}
	return found
}

// isSection reports whether t holds keys of its own.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[netip.Prefix]() && t != reflect.TypeFor[time.Time]()
}

// isList reports whether t is written as a list. SecretLines is written as the
// name of a file.
func isList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t != reflect.TypeFor[SecretLines]()
}

// suggest returns which key was probably meant by an unknown one in the struct t at
// path: a similar one, else one of that name elsewhere, else all keys of t.
func suggest(t reflect.Type, path, unknown string) string {
	var here []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" {
			here = append(here, key)
		}
	}
	if key, ok := jsonfault.Nearest(here, unknown); ok {
		return "did you mean " + join(path, key) + "?"
	}
	var elsewhere []string
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		if strings.HasSuffix(key, "."+unknown) {
			elsewhere = append(elsewhere, key)
		}
	}
	if len(elsewhere) > 0 {
		return "did you mean " + strings.Join(elsewhere, " or ") + "?"
	}
	return "the keys here are " + strings.Join(here, ", ")
}
