package jsonfault_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// tree has every kind of thing that values stand in.
type tree struct {
	Name  string    `json:"name"`
	Count int       `json:"count"`
	At    time.Time `json:"at"`
	One   struct {
		Name string `json:"name"`
	} `json:"one"`
	Many []tree `json:"many"`
	Next *tree  `json:"next"`
	Own  own    `json:"own"`
}

// own reads itself: an array of trees, at most three.
type own struct{ list []tree }

func (o *own) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if err := json.UnmarshalDecode(dec, &o.list); err != nil {
		return err
	}
	if len(o.list) > 3 {
		return fmt.Errorf("more than three")
	}
	return nil
}

func unfit(e *json.SemanticError) string {
	if e.JSONKind == jsontext.KindInvalid || e.Err != nil {
		return "unfit"
	}
	return "unfit " + e.JSONKind.String()
}

func TestCollect(t *testing.T) {
	for _, c := range []struct {
		name, text string
		places     string
		whole      bool
	}{
		{"nothing wrong", `{"name": "a", "many": [{"count": 1}], "next": {"at": "2026-11-20T09:00:00Z"}, "own": [{}], "other": [1]}`, "", true},
		{"null everywhere", `{"name": null, "count": null, "at": null, "one": null, "many": null, "next": null}`, "", true},
		{"values", `{"name": 1, "count": "2", "at": "soon"}`, "/name /count /at", true},
		{"what is around values", `{"one": [], "many": {}, "next": "x", "own": 7}`, "/one /many /next /own", true},
		{"within", `{"one": {"name": 1}, "many": [{"name": "a"}, {"many": [{"at": 7}]}, 3], "next": {"next": {"count": 1.5}}}`,
			"/one/name /many/1/many/0/at /many/2 /next/next/count", true},
		{"within what reads itself", `{"own": [{"name": 1}, {"own": [{"count": "1"}, 5]}], "count": true}`,
			"/own/0/name /own/1/own/0/count /own/1/own/1 /count", true},
		{"what reads itself", `{"own": [{}, {}, {}, {}], "name": 1}`, "/own /name", true},
		{"names that are escaped", `{"many": [{"name": 1}], "a/b": 1}`, "/many/0/name", true},
		{"the whole", `[1]`, "", false},
		{"broken", `{"name": 1, "count": }`, "/name /count", false},
		{"broken within", `{"name": 1, "own": [{"count": "x"}, {"name" 1}]}`, "/name /own/1/name", false},
		{"a name twice", `{"name": 1, "name": "a", "count": "1"}`, "/name /name", false},
		{"more than that", `{"many": [1, 2, 3, 4, 5, 6, 7, 8, 9]}`, "/many/0 /many/1 /many/2 /many/3 /many/4", false},
		{"more within what reads itself", `{"own": [1, 2, 3, 4, 5, 6, 7, 8, 9], "name": 1}`, "/own/0 /own/1 /own/2 /own/3 /own/4", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v tree
			faults, whole := jsonfault.Collect([]byte(c.text), &v, 5, unfit)
			var places []string
			for _, f := range faults {
				places = append(places, f.Place)
				if f.Reason == "" {
					t.Errorf("%q has no reason", f.Place)
				}
			}
			if got := strings.Join(places, " "); got != c.places || whole != c.whole {
				t.Errorf("faults at %q, whole %t; want %q, %t", got, whole, c.places, c.whole)
			}
			if c.name == "the whole" && len(faults) != 1 {
				t.Errorf("faults %v", faults)
			}
		})
	}
}

func TestCollectReadsTheRest(t *testing.T) {
	var v tree
	jsonfault.Collect([]byte(`{"name": 7, "count": 3, "many": [{"at": 7, "name": "b"}, 4, {"name": "c"}]}`), &v, 5, unfit)
	want := tree{Count: 3, Many: []tree{{Name: "b"}, {}, {Name: "c"}}}
	if diff := cmp.Diff(want, v, cmp.AllowUnexported(own{})); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestCovers(t *testing.T) {
	f := gallery.Problem{Place: "/a/b"}
	for place, want := range map[string]bool{"/a/b": true, "/a/b/0": true, "/a/bc": false, "/a": false, "": false} {
		if jsonfault.Covers(f, place) != want {
			t.Errorf("%q: %t", place, !want)
		}
	}
}
