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
		for _, other := range []string{"pubstatus", "pubStatus", "Pub-Status"} {
			for _, pair := range swapped(name, other, `"canceled"`, `"usable"`) {
				if got := mustDecode(t, usual(pair)); got.Reason != canceled {
					t.Errorf("%s is not read", pair)
				}
				if got, err := Decode([]byte(usual(pair)), Options{TakeDown: true}); err != nil || got.Reason != canceled {
					t.Errorf("%s as a take-down: %+v, %v", pair, got, err)
				}
			}
		}
		if !Recognise([]byte(`{"guid":"g","` + name + `":"canceled"}`)) {
			t.Errorf("%s is not recognised", name)
		}
		if _, err := Decode([]byte(usual(`,"`+name+`":"soon"`)), Options{}); err == nil || !strings.HasPrefix(err.Error(), "/"+name+`: "soon" is not known`) {
			t.Errorf("%s: read with %v", name, err)
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
		{"embargoed", "embargoedUntil"}, {"embargoed", "embargoeduntil"}, {"embargoed", "publish_schedule"}, {"embargoed", "Embargoed"},
		{"embargoedUntil", "embargoed_until"}, {"EMBARGOED", "PublishSchedule"}, {"publish_schedule", "publishschedule"}, {"firstcreated", "firstCreated"},
		{"contentcreated", "contentCreated"}, {"firstpublished", "embargoedUntil"},
	} {
		for _, pair := range swapped(names[0], names[1], one, two) {
			g := mustDecode(t, usual(pair)).Gallery
			if want := at(t, "2026-12-24T00:00:00Z"); !g.Published.Equal(want) && !strings.Contains(pair, `firstpublished":`+two) {
				t.Errorf("%s: published %v", pair, g.Published)
			}
		}
	}
	const file = `,"renditions":{"main":{"href":"https://a.example/1.jpg"}}`
	for _, names := range [][2]string{{"embargoed", "embargoedUntil"}, {"Embargoed", "embargoed"}, {"embargoed", "publish_schedule"}} {
		for _, pair := range swapped(names[0], names[1], one, two) {
			g := mustDecode(t, pictured(pair+file)).Gallery
			if !g.Published.Equal(at(t, "2026-12-24T00:00:00Z")) {
				t.Errorf("%s of a picture: published %v", pair, g.Published)
			}
		}
	}
	for _, pair := range swapped("expires", "Expires", one, two) {
		if g := mustDecode(t, usual(pair)).Gallery; !g.Expires.Equal(at(t, "2026-11-25T00:00:00Z")) {
			t.Errorf("%s: expires %v", pair, g.Expires)
		}
		if s := mustDecode(t, pictured(pair+file)).Gallery.Slides[0]; !s.Rights.Until.Equal(at(t, "2026-11-25T00:00:00Z")) {
			t.Errorf("%s of a picture: shown until %v", pair, s.Rights.Until)
		}
	}
	for _, name := range []string{"Embargoed", "EXPIRES", "Publish_Schedule"} {
		for place, data := range map[string]string{"/" + name: usual(`,"` + name + `":"soon"`), "/associations/a~1b--1/" + name: pictured(`,"` + name + `":"soon"` + file)} {
			if _, err := Decode([]byte(data), Options{}); err == nil || !strings.HasPrefix(err.Error(), place+`: "soon" is no instant`) {
				t.Errorf("%s: read with %v", name, err)
			}
		}
	}
}

// Providers name renditions as they like, and link to pictures from the text.
func TestAWithdrawnPictureIsNotShownUnderAnyName(t *testing.T) {
	const withdrawn = `"gone":{"guid":"a","type":"picture","pubstatus":"withheld","renditions":{"w1":{"href":"https://a.example/1.jpg"},"w2":{"href":"https://a.example/2.jpg"},"thumbnail":{"href":"https://a.example/t.jpg"}}}`
	const other = `"again":{"guid":"b","type":"picture","renditions":{"hd":{"href":"https://a.example/2.jpg"}}},"good":{"guid":"c","type":"picture","description_html":"<b>c</b><img src=\"https://a.example/1.jpg\">",` +
		`"renditions":{"hd":{"href":"https://a.example/3.jpg"},"thumbnail":{"href":"https://a.example/t.jpg"}}}`
	const text = `"body_html":"<p>Text</p><img src=\"https://a.example/1.jpg\"><a href=\"https://a.example/2.jpg\">large</a><img src=\"https://a.example/3.jpg\">"`
	g := mustDecode(t, usual(`,"associations":{`+withdrawn+`,`+other+`},`+text)).Gallery
	if len(g.Slides) != 1 || g.Slides[0].ID != "c" || strings.Contains(g.Slides[0].Caption, "1.jpg") || !strings.Contains(g.Slides[0].Caption, "<b>c</b>") {
		t.Errorf("slides %+v", g.Slides)
	}
	if strings.Contains(g.Body, "1.jpg") || strings.Contains(g.Body, "2.jpg") || !strings.Contains(g.Body, "3.jpg") || !strings.Contains(g.Body, "<p>Text</p>") {
		t.Errorf("body %s", g.Body)
	}
	const clean = `<p class="x">Text<br/></p>`
	if g := mustDecode(t, usual(`,"associations":{`+withdrawn+`},"body_html":"`+strings.ReplaceAll(clean, `"`, `\"`)+`"`)).Gallery; g.Body != clean {
		t.Errorf("a body without it is rewritten: %s", g.Body)
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
