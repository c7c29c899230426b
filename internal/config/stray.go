package config

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
)

// Stray returns the variables of environ, whose entries are as in os.Environ, that
// set no key but look like one that does: they are probably misspelt. They are not
// errors, because others set variables with this prefix too. Stray quotes no value.
func Stray(environ []string) Problems {
	known, sections := map[string]bool{envPrefix + "CONFIG": true}, map[string]bool{}
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		if strings.Contains(key, "[") {
			continue // no variable sets a part of a list
		}
		t := reflect.TypeFor[Config]()
		for part := range strings.SplitSeq(key, ".") {
			f, _ := field(t, part)
			t = f.Type
		}
		if isSection(t) {
			sections[envName(key)] = true
		} else {
			known[envName(key)] = true
		}
	}
	var names []string // without the prefix that all share
	for _, name := range slices.Sorted(maps.Keys(known)) {
		names = append(names, strings.ToLower(strings.TrimPrefix(name, envPrefix)))
	}
	var found Problems
	for _, name := range slices.Sorted(maps.Keys(variables(environ))) {
		if known[name] || ofService.MatchString(name) {
			continue
		}
		if sections[name] {
			found = append(found, Problem{Source: name, Message: "is a section of the configuration and has no effect: set its keys, as " + name + "_…"})
			continue
		}
		if meant, ok := jsonfault.Nearest(names, strings.ToLower(strings.TrimPrefix(name, envPrefix))); ok {
			found = append(found, Problem{Source: name, Message: "is not a key of the configuration and has no effect: did you mean " + envName(meant) + "?"})
		}
	}
	return found
}

// ofService matches the variables that Kubernetes sets for a service of ours, and
// Docker for a link.
var ofService = regexp.MustCompile(`_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)
