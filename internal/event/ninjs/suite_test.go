package ninjs

import (
	"strings"
	"testing"
)

// The IPTC's test suite has items that its schemas refuse. These are of the same shapes.
// A reader that shows what it knows refuses what would make it show something false, or
// something at a false time. It passes over what it shows nowhere: a schema refuses that
// so that authors find misspelt names, and gallerywire check is there for them.
func TestItemsThatTheSchemasRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		more    string
		refused string // place and reason; empty: accepted
		why     string // it is accepted
		left    string // places that are named
	}{
		"status of another standard":  {more: `"pubstatus":"replaced"`, refused: `/pubstatus: "replaced" is not known`},
		"status of a plan":            {more: `"pubStatus":"commissioned"`, refused: `/pubStatus: "commissioned" is not known`},
		"terms as an object":          {more: `"usageterms":{"start":"2026-01-01"}`, refused: "/usageterms: holds an object where a string belongs"},
		"title as a number":           {more: `"title":42`, refused: "/title: holds a number where a string belongs"},
		"person as a string":          {more: `"person":"Ann"`, refused: "/person: holds a string where an array belongs"},
		"headlines as a string":       {more: `"headlines":"H"`, refused: "/headlines: holds a string where an array belongs"},
		"date as a number":            {more: `"firstcreated":2026`, refused: "/firstcreated: holds a number where a string belongs"},
		"date as an object":           {more: `"contentCreated":{"start":"2026-04-21"}`, refused: "/contentCreated: holds an object where a string belongs"},
		"end as a list":               {more: `"expires":[]`, refused: "/expires: holds an array where a string belongs"},
		"end on a day":                {more: `"expires":"2026-04-21"`, refused: `/expires: "2026-04-21" is no instant`},
		"embargo in words":            {more: `"embargoedUntil":"Next Monday"`, refused: `/embargoedUntil: "Next Monday" is no instant`},
		"event with two beginnings":   {more: `"type":"event","eventDetails":{"dates":{"startDate":"2026-07-11T09:00:00Z","expectedStartDate":"2026-07-12"}}`, refused: "/type: is an event"},
		"event with renditions":       {more: `"type":"event","renditions":[]`, refused: "/type: is an event"},
		"plan with a wrong urgency":   {more: `"type":"planning","plannedCoverage":[{"urgency":0.5}]`, refused: "/type: is an event"},
		"picture with a wrong place":  {more: `"type":"picture","places":[{"geoJSON":{"type":"Pint"}}]`, refused: "/renditions: the item has no rendition"},
		"a name twice":                {more: `"renditions":{"a":{},"a":{}}`, refused: "/renditions/a: not valid JSON at line 1"},
		"line break in a text":        {more: "\"body_text\":\"a\nb\"", refused: "/body_text: not valid JSON at line 1"},
		"comma after the last":        {more: `"places":[{"name":"Italy"},]`, refused: "/places: not valid JSON at line 1"},
		"status with two letters l":   {more: `"pubstatus":"cancelled"`, why: "a take-down that is refused leaves on show what must not be"},
		"version with a point":        {more: `"version":1.2`, why: "it only orders revisions of one instant; 1.2 is no order, so it is 0"},
		"type of a later version":     {more: `"type":"component"`, why: "a version is no promise: providers send what a later one allows"},
		"unknown type":                {more: `"type":"liveblog"`, why: "its text can be shown, and that it has no slides is said", left: ""},
		"unknown member":              {more: `"random":"x","mime_type":"bad/property"`, why: "nothing of it is shown"},
		"profile as a number":         {more: `"profile":42`, why: "nothing of it is shown"},
		"representation":              {more: `"representationtype":"invalid"`, why: "nothing of it is shown"},
		"note as an object":           {more: `"ednote":{"text":"x"},"edNote":["x"]`, why: "a note for colleagues is never shown, and no reason to refuse"},
		"identifiers as a string":     {more: `"altids":"a","altIds":"a"`, why: "nothing of it is shown"},
		"genre as a string":           {more: `"genre":"Fact check","genres":"x"`, why: "nothing of it is shown"},
		"digital source as a string":  {more: `"digitalsourcetype":"bad","digitalSourceType":"bad"`, why: "nothing of it is shown"},
		"urgency with a point":        {more: `"urgency":0.1`, why: "nothing of it is shown"},
		"standard as a string":        {more: `"$standard":"https://www.iptc.org/std/ninjs/ninjs-schema_1.3.json"`, why: "nothing of it is shown"},
		"source with a deep scheme":   {more: `"infosource":[{"name":"Susan","scheme":{"uri":"x"}}]`, why: "its name can be shown"},
		"role with other characters":  {more: `"description_*&":"x","headline_é":"x","headline_":"x","body_a/b":"x"`, why: "the headline is there, and no text without a role"},
		"text that is none":           {more: `"body_extra":{"a":"x"},"description_odd":7`, why: "the other texts are shown, and these named", left: "/description_odd /body_extra"},
		"links beside rights":         {more: `"linkedrights":"https://a.example/r"`, why: "rights count wherever they stand"},
		"links and policies":          {more: `"rightsinfo":{"linkedrights":"https://a.example/r","encodedrights":"{}"}`, why: "both can be kept"},
		"rights that cannot be read":  {more: `"encodedrights":"some special instructions"`, why: "words for people are no rule; that they are not applied is said", left: "/encodedrights"},
		"links as an object":          {more: `"rightsinfo":{"linkedrights":{}}`, why: "as above", left: "/rightsinfo"},
		"association without a name":  {more: `"associations":[{"uri":"x","type":"graphic"}]`, why: "it is left out, and named by its place", left: "/associations/0"},
		"association without an id":   {more: `"associations":[{"name":"Logo"}]`, why: "it is left out, and named by its place", left: "/associations/0"},
		"association with more":       {more: `"associations":{"a":{"type":"graphic","incorrect":"x"}}`, why: "nothing of it is shown", left: "/associations/a"},
		"advice that is not advisory": {more: `"advice":"Useful for some"`, why: "nothing of it is shown"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(`{"uri":"urn:x","versioncreated":"2026-11-20T10:00:00Z","headline":"H",`+c.more+`}`), Options{})
			if c.refused != "" || err != nil {
				if err == nil || c.refused == "" || !strings.HasPrefix(err.Error(), c.refused) {
					t.Errorf("refused with %v, want %q", err, c.refused)
				}
				return
			}
			var left []string
			for _, p := range got.LeftOut {
				if p.Place != "" { // an unknown type is one of the whole item
					left = append(left, p.Place)
				}
			}
			if strings.Join(left, " ") != c.left {
				t.Errorf("left out %v, want %q", got.LeftOut, c.left)
			}
		})
	}
}

// An item needs what readers see: a name and a date. All that the IPTC requires is a uri.
func TestAnItemWithNothingButAURIIsRefusedInItsOwnNames(t *testing.T) {
	for _, data := range []string{`{"uri":"urn:x"}`, `{"uri":"urn:x","renditions":[{"name":"thumbnail","href":"https://a.example/1.jpg"}],"bodies":[{"value":"..."}]}`} {
		_, err := Decode([]byte(data), Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "/headline: missing or blank; /versioncreated: missing") || !Recognise([]byte(data)) {
			t.Errorf("%s: read with %v", data, err)
		}
	}
	if Recognise([]byte(`{"uri":"u","title":"T","published":"2026-11-20T09:00:00Z"}`)) {
		t.Error("a gallery without its id is taken for an item")
	}
}
