package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
)

// Stray returns what is likely a slip of the hand in environ, whose entries are
// as in os.Environ: a variable that fits no key, and so does nothing, but is
// spelt nearly as that of one. It is no error, for others set variables with
// this prefix too. No value is quoted.
func Stray(environ []string) Problems {
	known, sections := map[string]bool{envPrefix + "CONFIG": true}, map[string]bool{}
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		switch f := fieldAt(key); {
		case f == nil:
		case isSection(f):
			sections[envName(key)] = true
		default:
			known[envName(key)] = true
		}
	}
	names := slices.Sorted(maps.Keys(known))
	var found Problems
	for _, name := range slices.Sorted(maps.Keys(variables(environ))) {
		if known[name] || ofService.MatchString(name) {
			continue
		}
		if sections[name] {
			found = append(found, Problem{Source: name, Message: "is a section of the configuration and does nothing: set its keys, as " + name + "_…"})
			continue
		}
		if meant, ok := meantBy(names, name); ok {
			found = append(found, Problem{Source: name, Message: fmt.Sprintf("is no key of the configuration and does nothing: did you mean %s?", meant)})
		}
	}
	return found
}

// ofService matches what Kubernetes sets for each service, and Docker for each
// link, of ours.
var ofService = regexp.MustCompile(`_(SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// meantBy compares what comes after the prefix, which they share.
func meantBy(names []string, name string) (string, bool) {
	short := make([]string, len(names))
	for i, n := range names {
		short[i] = strings.ToLower(strings.TrimPrefix(n, envPrefix))
	}
	meant, ok := jsonfault.Nearest(short, strings.TrimPrefix(name, envPrefix))
	return envPrefix + strings.ToUpper(meant), ok
}

// fieldAt is the type of the key at path; nil for what stands in a list, which no
// variable sets.
func fieldAt(path string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for key := range strings.SplitSeq(path, ".") {
		f, ok := field(t, key)
		if !ok {
			return nil
		}
		t = f.Type
	}
	return t
}
