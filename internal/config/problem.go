package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Problem is one thing wrong with a configuration.
type Problem struct {
	// Source is the file as it was named, or the environment variable; empty for a
	// default.
	Source string
	// Line and Column count from 1, in characters; 0 where a source has no lines.
	Line, Column int
	// Key is the path of the key, such as "http.max_age"; empty for a problem of
	// the whole source.
	Key string
	// Message says what is wrong and what to write.
	Message string
}

// Error writes "source:line:column: key: message", leaving out what is empty.
func (p Problem) Error() string {
	var parts []string
	if where := (place{p.Source, p.Line, p.Column}).String(); where != "" {
		parts = append(parts, where)
	}
	if p.Key != "" {
		parts = append(parts, p.Key)
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// Problems is every problem of a configuration: those of the file first, in its
// order, then those of the environment by variable.
type Problems []Problem

// Error writes one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// cover reports whether key or a key that contains it already has a problem.
func (ps Problems) cover(key string) bool {
	for {
		if slices.ContainsFunc(ps, func(p Problem) bool { return p.Key == key }) {
			return true
		}
		if key == "" {
			return false
		}
		key = parent(key)
	}
}

// keyLength returns the length of the part of path that is a key of the struct t, or
// an unknown key.
func keyLength(path string, t reflect.Type) int {
	end := len(path)
	if i := strings.IndexAny(path, ".["); i >= 0 {
		end = i
	}
	f, ok := field(t, path[:end])
	if !ok {
		return len(path)
	}
	inner := f.Type
	if isList(inner) {
		inner = inner.Elem()
		end += strings.IndexByte(path[end:], ']') + 1
	}
	if !isSection(inner) || end == len(path) {
		return end
	}
	return end + 1 + keyLength(path[end+1:], inner)
}

// place is where a value stands; line is 0 in a source without lines.
type place struct {
	source       string
	line, column int
}

// String writes file, line and column, as editors understand it.
func (p place) String() string {
	if p.line == 0 {
		return p.source
	}
	return fmt.Sprintf("%s:%d:%d", p.source, p.line, p.column)
}

// places has the place of each key that is set, and under "" the file itself.
type places map[string]place

// nearest returns the place of key, or else of the nearest key that contains it.
func (ps places) nearest(key string) place {
	for {
		if at, ok := ps[key]; ok || key == "" {
			return at
		}
		key = parent(key)
	}
}

// parent returns the key that contains key: "feeds[1]" for "feeds[1].name", then
// "feeds", then "".
func parent(key string) string {
	return key[:max(strings.LastIndexAny(key, ".["), 0)]
}
