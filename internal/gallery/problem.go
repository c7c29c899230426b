package gallery

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with an event. The places that this
// package names are in the gallery.
type Problem struct {
	Place  string `json:"place"`  // a JSON pointer (RFC 6901), empty for the whole
	Reason string `json:"reason"` // what is wrong and how to correct it
}

// String returns "place: reason".
func (p Problem) String() string {
	if p.Place == "" {
		return p.Reason
	}
	return p.Place + ": " + p.Reason
}

// Problems lists what is wrong with an event, in the order of its fields.
type Problems []Problem

// Error joins the problems with "; ".
func (ps Problems) Error() string {
	words := make([]string, len(ps))
	for i, p := range ps {
		words[i] = p.String()
	}
	return strings.Join(words, "; ")
}

// maxProblems bounds the problems of an event.
const maxProblems = 20

func (ps *Problems) addf(place, format string, args ...any) {
	if len(*ps) < maxProblems {
		*ps = append(*ps, Problem{Place: place, Reason: fmt.Sprintf(format, args...)})
	}
}
