package ninjs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// swapped writes a pair of spellings with one value each, and the other way round.
func swapped(a, b, one, two string) []string {
	return []string{fmt.Sprintf(`,%q:%s,%q:%s`, a, one, b, two), fmt.Sprintf(`,%q:%s,%q:%s`, a, two, b, one)}
}

func TestOfTwoStatusesTheStricterCounts(t *testing.T) {
	for _, c := range []struct{ one, two, reason string }{
		{`"usable"`, `"canceled"`, canceled}, {`"usable"`, `"withheld"`, withheld}, {`"withheld"`, `"canceled"`, canceled},
		{`"soon"`, `"canceled"`, canceled}, {`"soon"`, `"withheld"`, withheld}, {`""`, `"canceled"`, canceled}, {`null`, `"canceled"`, canceled},
		{`7`, `"canceled"`, canceled}, {`["usable"]`, `"withheld"`, withheld}, {`"usable"`, `"usable"`, ""}, {`"usable"`, `" Stat:Canceled "`, canceled},
		{`"usable"`, `"http://cv.iptc.org/newscodes/pubstatusg2/withheld"`, withheld},
	} {
		for _, pair := range swapped("pubstatus", "pubStatus", c.one, c.two) {
			if got := mustDecode(t, usual(pair)); got.Reason != c.reason || (got.Gallery == nil) != (c.reason != "") || got.LeftOut != nil {
				t.Errorf("%s: taken down as %q, gallery %v, left out %v", pair, got.Reason, got.Gallery, got.LeftOut)
			}
			if c.one == `7` || c.one == `["usable"]` {
				continue // a picture is refused
			}
			got := mustDecode(t, pictured(pair+`,"renditions":{"main":{"href":"https://a.example/1.jpg"}}`))
			if (len(got.Gallery.Slides) == 0) != (c.reason != "") {
				t.Errorf("%s of a picture: slides %v", pair, got.Gallery.Slides)
			}
		}
	}
	for _, name := range []string{"PubStatus", "pub_status", "PUBSTATUS"} {
		if got := mustDecode(t, usual(`,"`+name+`":"canceled"`)); got.Reason != canceled {
			t.Errorf("%s is not read", name)
		}
	}
	for _, pair := range swapped("pubstatus", "pubStatus", `"usable"`, `"soon"`) {
		if _, err := Decode([]byte(usual(pair)), Options{}); err == nil || !strings.Contains(err.Error(), `"soon" is not known`) {
			t.Errorf("%s: read with %v", pair, err)
		}
	}
}

// What was taken down at eleven stays down, whichever of ten and twelve is true: a
// publication is that of ten, a take-down of twelve is that of twelve.
func TestOfTwoDatesOfAVersionTheOneCountsThatShowsLess(t *testing.T) {
	for _, pair := range swapped("versioncreated", "versionCreated", `"2026-11-20T10:00:00Z"`, `"2026-11-20T12:00:00Z"`) {
		shown := mustDecode(t, `{"uri":"u","headline":"H"`+pair+`}`)
		if !shown.Updated.Equal(at(t, "2026-11-20T10:00:00Z")) || !shown.Gallery.Published.Equal(at(t, "2026-11-20T12:00:00Z")) {
			t.Errorf("%s: updated %v, published %v", pair, shown.Updated, shown.Gallery.Published)
		}
		if down := mustDecode(t, `{"uri":"u","pubstatus":"canceled"`+pair+`}`); !down.Updated.Equal(at(t, "2026-11-20T12:00:00Z")) {
			t.Errorf("%s: taken down at %v", pair, down.Updated)
		}
		if member := strings.Split(pair, `"`)[1]; member != strings.TrimPrefix(shown.Dated, "/") == strings.Contains(pair, member+`":"2026-11-20T10`) {
			t.Errorf("%s: dated by %s", pair, shown.Dated)
		}
	}
	for _, pair := range swapped("versioncreated", "versionCreated", `"2026-11-20T10:00:00Z"`, `""`) {
		if got := mustDecode(t, `{"uri":"u","headline":"H"`+pair+`}`); !got.Updated.Equal(at(t, "2026-11-20T10:00:00Z")) {
			t.Errorf("%s: updated %v", pair, got.Updated)
		}
	}
}

func TestOfTwoDatesTheLaterDelays(t *testing.T) {
	const one, two = `"2026-11-25T00:00:00Z"`, `"2026-12-24T00:00:00Z"`
	for _, names := range [][2]string{
		{"embargoed", "embargoedUntil"}, {"embargoed", "embargoeduntil"}, {"embargoed", "publish_schedule"}, {"firstcreated", "firstCreated"},
		{"contentcreated", "contentCreated"}, {"firstpublished", "embargoedUntil"},
	} {
		for _, pair := range swapped(names[0], names[1], one, two) {
			g := mustDecode(t, usual(pair)).Gallery
			if want := at(t, "2026-12-24T00:00:00Z"); !g.Published.Equal(want) && !strings.Contains(pair, `firstpublished":`+two) {
				t.Errorf("%s: published %v", pair, g.Published)
			}
		}
	}
	for _, pair := range swapped("embargoed", "embargoedUntil", one, two) {
		g := mustDecode(t, pictured(pair+`,"renditions":{"main":{"href":"https://a.example/1.jpg"}}`)).Gallery
		if !g.Published.Equal(at(t, "2026-12-24T00:00:00Z")) {
			t.Errorf("%s of a picture: published %v", pair, g.Published)
		}
	}
}

func TestAllStatementsOfRightsCount(t *testing.T) {
	const msn, yahoo = `{"prohibitions":[{"action":"use","assignee":"msn"}]}`, `{"prohibitions":[{"action":"use","assignee":"yahoo"}]}`
	quoted := func(policy string) string { return string(encode(t, policy)) }
	for _, more := range append(append(
		swapped("rightsinfo", "rightsInfo", `{"encodedrights":`+quoted(msn)+`}`, `{"encodedRights":`+quoted(yahoo)+`}`),
		swapped("encodedrights", "rightsInfo", quoted(msn), `{"encodedrights":`+quoted(yahoo)+`}`)[0],
		swapped("rightsinfo", "encodedRights", `{"encodedrights":`+msn+`}`, yahoo)[0]), // the policies themselves
		`,"rightsinfo":{"encodedrights":`+quoted(msn)+`,"encodedRights":`+quoted(yahoo)+`}`,
		`,"rightsinfo":{"linkedrights":"https://a.example/r","encodedrights":`+quoted(msn)+`},"rightsInfo":{"encodedrights":`+quoted(yahoo)+`}`) {
		deny := mustDecode(t, usual(more)).Gallery.Rights.Deny
		slices.Sort(deny)
		if !cmp.Equal(deny, []string{"msn", "yahoo"}) {
			t.Errorf("%s: denied are %v", more, deny)
		}
		slide := mustDecode(t, pictured(more+`,"renditions":{"main":{"href":"https://a.example/1.jpg"}}`)).Gallery.Slides[0]
		if len(slide.Rights.Deny) != 2 {
			t.Errorf("%s of a picture: denied are %v", more, slide.Rights.Deny)
		}
	}
	for _, more := range []string{`,"rightsinfo":"none"`, `,"rightsInfo":["x"]`, `,"rightsinfo":{"linkedrights":{}}`, `,"rightsinfo":{"encodedrights":7}`} {
		if left := mustDecode(t, usual(more)).LeftOut; len(left) != 1 || !strings.HasPrefix(left[0].Place, "/rightsinfo") {
			t.Errorf("%s: left out %v", more, left)
		}
	}
}

func TestAFileIsNoPictureIfAnyOfItsTypesSaysSo(t *testing.T) {
	for _, names := range [][2]string{{"mimetype", "contenttype"}, {"contenttype", "contentType"}, {"mimetype", "contentType"}} {
		for _, pair := range swapped(names[0], names[1], `"image/jpeg"`, `"video/mp4"`) {
			got := mustDecode(t, pictured(`,"renditions":{"main":{"href":"https://a.example/1"`+pair+`}}`))
			if len(got.Gallery.Slides) != 0 || len(got.LeftOut) != 1 {
				t.Errorf("%s: slides %v, left out %v", pair, got.Gallery.Slides, got.LeftOut)
			}
		}
	}
}

// A take-down that is refused for a triviality leaves on show what must not be.
func TestATakeDownIsActedUponWhateverElseCannotBeRead(t *testing.T) {
	for _, c := range []struct{ more, left string }{
		{`"pubstatus":"canceled","versioncreated":"Last Tuesday"`, "/versioncreated"},
		{`"pubStatus":"withheld","versionCreated":"2026-11-20"`, "/versionCreated"},
		{`"pubstatus":"canceled","versioncreated":"2026-11-20T10:00:00","version":["1"]`, "/versioncreated /version"},
		{`"pubstatus":"canceled","uri":7`, "/uri"},
		{`"pubstatus":"canceled","version":-1,"type":"event","rightsinfo":7,"associations":"x"`, ""},
		{`"pubstatus":"cancelled","type":"planning","name":"Press conference"`, ""}, // Superdesk's planning writes it so
	} {
		got := mustDecode(t, `{"guid":"g",`+c.more+`}`)
		var left []string
		for _, p := range got.LeftOut {
			left = append(left, p.Place)
		}
		if got.Gallery != nil || got.ID != "g" || !got.Updated.IsZero() || got.Version != 0 || strings.Join(left, " ") != c.left {
			t.Errorf("%s: got %+v", c.more, got)
		}
	}
	for _, data := range []string{`{"guid":7,"pubstatus":"canceled"}`, `{"guid":"g","pubstatus":"usable","pubstatus":"canceled"}`, `{"guid":"g","pubstatus":"canceled"`} {
		if _, err := Decode([]byte(data), Options{}); err == nil {
			t.Errorf("acted upon %s", data)
		}
	}
}

func TestPlansForColleaguesAreNotPublished(t *testing.T) {
	for _, more := range []string{
		`"type":"event","headlines":[{"value":"Press conference at four"}]`, `"type":"Planning","slugline":"s"`, `"type":"planning_featured","headline":"H"`,
		`"title":"Match","eventDetails":{"dates":{"startDate":"2026-10-04T18:45:00+02:00"}}`, `"title":"Vote","plannedCoverage":[]`, `"type":"event"`,
		`"type":"event","headline":7`,
	} {
		data := []byte(`{"uri":"u","versionCreated":"2026-11-20T10:00:00Z",` + more + `}`)
		_, err := Decode(data, Options{})
		if err == nil || !strings.Contains(err.Error(), "/type: is an event or a plan of coverage") {
			t.Errorf("%s: read with %v", more, err)
		}
		if !Recognise(data) {
			t.Errorf("%s is not recognised", more)
		}
		if down, err := Decode(data, Options{TakeDown: true}); err != nil || down.Gallery != nil {
			t.Errorf("%s: a take-down is %+v, %v", more, down, err)
		}
	}
	const story = `{"uri":"u","type":"text","headline":"H","versionCreated":"2026-11-20T10:00:00Z","events":[{"name":"e"}],"eventDetails":{}}`
	mustDecode(t, story)
	if _, err := Decode([]byte(strings.Replace(story, `"text"`, `"event"`, 1)), Options{Stored: true}); err != nil {
		t.Errorf("stored by a release that took it: %v", err)
	}
}
