package ninjs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// usual is an item that is accepted, with more members after it.
func usual(more string) string {
	return `{"guid":"g","version":"1","type":"composite","headline":"H","versioncreated":"2026-11-20T10:00:00+0000"` + more + `}`
}

func pictured(more string) string {
	return usual(`,"associations":{"a/b--1":{"guid":"p","type":"picture"` + more + `}}`)
}

func mustDecode(t *testing.T, data string) *Item {
	t.Helper()
	item, err := Decode([]byte(data), Options{})
	if err != nil {
		t.Fatalf("decode %.200s: %v", data, err)
	}
	return item
}

func TestItemIsRefusedWithPlaceAndReason(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for name, c := range map[string]struct{ data, place, reason string }{
		"empty":                   {``, "", "it is empty"},
		"not JSON":                {`{"guid":`, "/guid", "it ends too early"},
		"no object":               {`[]`, "", "holds an array where an object belongs"},
		"a name twice":            {usual(`,"headline":"I"`), "/headline", "line 1, column 105: the object has this name twice"},
		"a name twice deep":       {pictured(`,"x":{"y":1,"y":2}`), "/associations/a~1b--1/x/y", "this name twice"},
		"invalid UTF-8":           {usual(",\"slugline\":\"\xff\""), "/slugline", "invalid UTF-8"},
		"no id":                   {`{"type":"text","headline":"H","versioncreated":"2026-11-20T10:00:00Z"}`, "/guid", "missing"},
		"a long uri":              {`{"uri":"` + long + `","headline":"H","versioncreated":"2026-11-20T10:00:00Z"}`, "/uri", "3000 bytes"},
		"no headline":             {`{"guid":"g","versioncreated":"2026-11-20T10:00:00Z"}`, "/headline", "missing"},
		"a long slugline":         {`{"guid":"g","versioncreated":"2026-11-20T10:00:00Z","slugline":"` + long + `"}`, "/slugline", "3000 bytes"},
		"no date":                 {`{"guid":"g","headline":"H"}`, "/versioncreated", "missing"},
		"no instant":              {usual(`,"firstcreated":"yesterday"`), "/firstcreated", `"yesterday" is no instant`},
		"a time without a zone":   {usual(`,"firstcreated":"2026-11-20T10:00:00"`), "/firstcreated", "no instant"},
		"a date as a number":      {usual(`,"expires":5`), "/expires", "holds a number where a string belongs"},
		"an impossible embargo":   {usual(`,"embargoed":"9999-01-01T00:00:00Z"`), "/embargoed", "year 9999"},
		"a negative version":      {strings.Replace(usual(""), `"1"`, `-1`, 1), "/version", "negative"},
		"a version of many":       {strings.Replace(usual(""), `"1"`, `["1"]`, 1), "/version", "holds an array where a number belongs"},
		"an unknown status":       {usual(`,"pubstatus":"soon"`), "/pubstatus", `"soon" is not known: write usable`},
		"no language":             {usual(`,"language":"?"`), "/language", "no language tag"},
		"an unsafe url":           {usual(`,"url":"javascript:alert(1)"`), "/url", "http"},
		"a long subject":          {usual(`,"subject":[null,{"name":"` + long + `"}]`), "/subject/1/name", "3000 bytes"},
		"a long keyword":          {usual(`,"subject":[{"name":"a"}],"keywords":["b","` + long + `"]`), "/keywords/1", "3000 bytes"},
		"a long byline":           {usual(`,"byline":"` + long + `"`), "/byline", "3000 bytes"},
		"long terms of use":       {usual(`,"copyrightnotice":"c","usageterms":"` + long + `"`), "/usageterms", "3003 bytes"},
		"subjects as strings":     {usual(`,"subject":["a"]`), "/subject/0", "holds a string where an object belongs"},
		"associations as text":    {usual(`,"associations":"a"`), "/associations", "holds a string where an object or an array belongs"},
		"too many associations":   {usual(`,"associations":[` + strings.Repeat("null,", maxMembers) + `null]`), "/associations", "has more than 2000 entries"},
		"an association's status": {pictured(`,"pubstatus":"maybe"`), "/associations/a~1b--1/pubstatus", `"maybe" is not known`},
		"a picture's date":        {pictured(`,"expires":"soon","renditions":{"main":{"href":"https://a.example/1.jpg"}}`), "/associations/a~1b--1/expires", "no instant"},
		"an unsafe address": {pictured(`,"renditions":{"original":{"href":"ftp://a.example/1.jpg"}}`),
			"/associations/a~1b--1/renditions/original/href", "http"},
		"a relative address": {usual(`,"associations":[{"name":"n","type":"picture","renditions":[{"name":"main","href":"/1.jpg"}]}]`),
			"/associations/0/renditions/0/href", "relative"},
		"an unsafe thumbnail": {pictured(`,"renditions":{"main":{"href":"https://a.example/1.jpg"},"thumbnail":{"href":"data:x"}}`),
			"/associations/a~1b--1/renditions/thumbnail/href", "http"},
		"a picture too wide": {pictured(`,"renditions":{"main":{"href":"https://a.example/1.jpg","width":1e6}}`),
			"/associations/a~1b--1/renditions/main/width", "1000000 pixels"},
		"a long credit": {pictured(`,"creditline":"` + long + `","renditions":{"main":{"href":"https://a.example/1.jpg"}}`),
			"/associations/a~1b--1/creditline", "3000 bytes"},
		"a picture without renditions": {`{"guid":"g","type":"picture","headline":"H","versioncreated":"2026-11-20T10:00:00Z"}`,
			"/renditions", "the item has no rendition"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(c.data), Options{})
			var ps gallery.Problems
			if !errors.As(err, &ps) || len(ps) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
			if ps[0].Place != c.place || !strings.Contains(ps[0].Reason, c.reason) {
				t.Errorf("got  %s\nwant %s: … %s", ps[0], c.place, c.reason)
			}
		})
	}
}

func TestMisfitHidesNoOtherProblem(t *testing.T) {
	const dated = `,"versioncreated":"2026-11-20T10:00:00Z"`
	for name, c := range map[string]struct {
		data string
		want []string
	}{
		"a date and much else": {
			`{"guid":"","type":"text","versioncreated":"yesterday","language":"?","version":[],` +
				`"associations":{"a":{"type":"picture","expires":5},"b":{"type":"picture","renditions":{"main":{"href":"ftp://a.example/1"}}}}}`,
			[]string{"/versioncreated", "/version", "/associations/a/expires", "/guid", "/headline", "/language",
				"/associations/b/renditions/main/href"}},
		"too many associations and more": {
			usual(`,"language":"?","renditions":"x","associations":[` + strings.Repeat("null,", maxMembers) + `null]`),
			[]string{"/renditions", "/associations", "/language"}},
		"a take-down": {`{"guid":"","pubstatus":"canceled","versioncreated":7,"headline":[]}`, []string{"/versioncreated", "/guid"}},
		"a status":    {`{"guid":"g","pubstatus":"maybe","versioncreated":7,"headline":[]}`, []string{"/versioncreated", "/pubstatus"}},
		"no status":   {`{"guid":"g","pubstatus":7,"headline":"H"` + dated + `}`, []string{"/pubstatus"}},

		// Faults that follow from another fault are not reported.
		"a headline":        {`{"guid":"g","headlines":[{"value":7}]` + dated + `}`, []string{"/headlines/0/value"}},
		"an id":             {`{"uri":7,"headline":"H"` + dated + `}`, []string{"/uri"}},
		"the only date":     {`{"guid":"g","headline":"H","firstcreated":7}`, []string{"/firstcreated"}},
		"a rendition":       {pictured(`,"renditions":{"original":7}`), []string{"/associations/a~1b--1/renditions/original"}},
		"a base of others":  {strings.Replace(pictured(`,"renditions":{"main":{"href":"/1.jpg"}}`), "{", `{"url":7,`, 1), []string{"/url"}},
		"not JSON after it": {`{"guid":"g","headline":7,"version":}`, []string{"/headline", "/version"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(c.data), Options{})
			var ps gallery.Problems
			errors.As(err, &ps)
			var places []string
			for _, p := range ps {
				places = append(places, p.Place)
			}
			if diff := cmp.Diff(c.want, places); diff != "" {
				t.Errorf("places (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

func TestProblemsAreBounded(t *testing.T) {
	name := strings.Repeat("n", 100_000)
	renditions := make([]string, 1000)
	for i := range renditions {
		renditions[i] = fmt.Sprintf(`{"name":"r%d%s"}`, i, strings.Repeat("r", 100))
	}
	broken := fmt.Sprintf(`{"type":"picture","renditions":[%s]}`, strings.Join(renditions, ","))
	data := usual(`,"associations":{"` + name + `":` + broken + `,"a":` + broken + `}`)
	if size := len(mustDecode(t, data).LeftOut.Error()); size < 1000 || size > 5000 {
		t.Errorf("%d bytes of what is left out", size)
	}
	_, err := Decode([]byte(strings.Replace(data, `"composite"`, `"picture"`, 1)), Options{})
	if err == nil || len(err.Error()) > 5000 {
		t.Errorf("%d bytes of reasons", len(fmt.Sprint(err)))
	}
	many := strings.Repeat(`{"name":"a","type":"audio"},`, 100) + "null"
	if left := mustDecode(t, usual(`,"associations":[`+many+`]`)).LeftOut; len(left) != maxProblems || left[maxProblems-1].Reason != "81 more are left out" {
		t.Errorf("%d are named, the last %v", len(left), left[len(left)-1])
	}
}

func TestCanceledAndWithheldItemsAreTakeDowns(t *testing.T) {
	for status, reason := range map[string]string{
		"canceled": "canceled", "withheld": "withheld", "Cancelled": "canceled", "withhold": "withheld",
		"unpublished": "withheld", "killed": "canceled", "recalled": "canceled",
	} {
		t.Run(status, func(t *testing.T) {
			got := mustDecode(t, `{"uri":"u","version":"4","versioncreated":"2026-11-20T10:00:00+0100","pubstatus":"`+status+`",
				"headline":5,"associations":"whatever","firstcreated":"no date"}`)
			want := &Item{ID: "u", IDPlace: "/uri", Version: 4, Updated: at(t, "2026-11-20T09:00:00Z"), Dated: "/versioncreated", Reason: reason}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("item (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATakeDownNeedsAnIDAndNoDate(t *testing.T) {
	if got := mustDecode(t, `{"guid":"g","pubstatus":"canceled"}`); !got.Updated.IsZero() {
		t.Errorf("updated is %v", got.Updated)
	}
	_, err := Decode([]byte(`{"pubstatus":"canceled"}`), Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "/guid: missing") {
		t.Errorf("got %v", err)
	}
}

func TestAnItemSaysItsRevision(t *testing.T) {
	got := mustDecode(t, usual(`,"embargoed":"2026-12-01T00:00:00Z"`))
	if got.ID != "g" || got.Version != 1 || !got.Updated.Equal(at(t, "2026-11-20T10:00:00Z")) || got.Gallery == nil {
		t.Errorf("got %+v", got)
	}
	if want := at(t, "2026-12-01T00:00:00Z"); !got.Gallery.Published.Equal(want) {
		t.Errorf("published %v, want the end of the embargo", got.Gallery.Published)
	}
}

func TestAnEmbargoThatIsOverBeforePublicationChangesNothing(t *testing.T) {
	got := mustDecode(t, usual(`,"embargoed":"2026-11-01T00:00:00Z"`))
	if want := at(t, "2026-11-20T10:00:00Z"); !got.Gallery.Published.Equal(want) {
		t.Errorf("published %v, want %v", got.Gallery.Published, want)
	}
}

func TestTheDateOfPublicationIsTheFirstThatThereIs(t *testing.T) {
	const a, b, c = `,"firstpublished":"2026-11-01T00:00:00Z"`, `,"firstcreated":"2026-11-02T00:00:00Z"`, `,"contentcreated":"2026-11-03T00:00:00Z"`
	for _, dates := range []struct{ in, want string }{
		{a + b + c, "2026-11-01T00:00:00Z"}, {b + c, "2026-11-02T00:00:00Z"},
		{c, "2026-11-03T00:00:00Z"}, {`,"firstcreated":""`, "2026-11-20T10:00:00Z"},
	} {
		if got := mustDecode(t, usual(dates.in)).Gallery.Published; !got.Equal(at(t, dates.want)) {
			t.Errorf("published %v, want %s, from %s", got, dates.want, dates.in)
		}
	}
}

func TestAVersionIsReadFromAnyFormAndZeroWhereItIsNoNumber(t *testing.T) {
	for in, want := range map[string]int64{
		`"12"`: 12, `12`: 12, `"12.0"`: 12, `" 7 "`: 7, `null`: 0, `"2026b"`: 0, `1.5`: 0, `1e300`: 0, `""`: 0, `"NaN"`: 0,
	} {
		if got := mustDecode(t, strings.Replace(usual(""), `"1"`, in, 1)).Version; got != want {
			t.Errorf("version %s is %d, want %d", in, got, want)
		}
	}
}
