package ninjs

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policies by what they say; the address of the party ends in "partners".
const (
	prohibits   = `{"policytype":"http://www.w3.org/ns/odrl/2/Agreement","conflict":"perm","prohibitions":[{"target":"u","action":"http://www.w3.org/ns/odrl/2/commercialize","assigner":"a","assignee":"http://cv.example.com/partygroup/partners"}]}`
	distributes = `{"@context":"http://www.w3.org/ns/odrl.jsonld","prohibition":[{"action":"distribute","assignee":"ex:msn"},{"action":"odrl:display","assignee":"ex:msn/"}]}`
	limited     = `{"prohibitions":[{"action":"odrl:distribute","assignee":"ex:msn","constraint":[{"name":"spatial"}]}]}`
	nobody      = `{"prohibitions":[{"action":"odrl:distribute"},{"action":"odrl:print","assignee":"ex:yahoo"},{"action":"odrl:use","assignee":"ex:msn"}]}`
	permits     = `{"permissions":[{"action":"use"}]}`
)

func TestProhibitionsForNamedPartiesDenyThem(t *testing.T) {
	quoted := func(policy string) string {
		text, _ := json.Marshal(policy)
		return string(text)
	}
	for _, tt := range []struct {
		info string
		deny []string
		note string
	}{
		{`"rightsinfo":{"langid":"http://w3.org/ns/odrl/2/","encodedrights":` + quoted(prohibits) + `}`, []string{"partners"}, ""},
		{`"rightsInfo":{"encodedRights":` + quoted(prohibits) + `}`, []string{"partners"}, ""},
		{`"rightsinfo":{"encodedrights":` + quoted(distributes) + `}`, []string{"msn"}, ""},
		{`"rightsinfo":{"encodedrights":{"prohibition":{"action":"use","assignee":"ex:msn"}}}`, []string{"msn"}, ""},
		{`"rightsinfo":{"encodedrights":{"prohibition":{"action":["print",{"rdf:value":{"@id":"odrl:display"}}],"assignee":[{"@id":"ex:msn"},"ex:yahoo"]}}}`, []string{"msn", "yahoo"}, ""},
		{`"rightsinfo":{"encodedrights":{"prohibition":[{"action":{"@id":"odrl:use"},"assignee":{"@type":"Party","uid":"ex:msn"}}],"permission":{"action":"use"}}}`, []string{"msn"}, "has permissions, which are not applied"},
		{`"rightsinfo":{"encodedrights":{"prohibition":{"action":{"rdf:value":{"@id":"odrl:use"},"refinement":[{}]},"assignee":"ex:msn"}}}`, nil, "has a prohibition with a constraint, which is not applied"},
		{`"rightsinfo":{"encodedrights":{"prohibition":{"action":"use","assignee":7}}}`, nil, "is no policy of RightsML or ODRL in JSON that can be read: nothing in it is applied"},
		{`"rightsinfo":{"encodedrights":` + quoted(limited) + `}`, nil, "has a prohibition with a constraint, which is not applied"},
		{`"rightsinfo":{"encodedrights":` + quoted(nobody) + `}`, []string{"msn"}, "has a prohibition of something else than to show it, which is not applied"},
		{`"rightsinfo":{"encodedrights":` + quoted(permits) + `}`, nil, "has permissions, which are not applied"},
		{`"rightsinfo":{"encodedrights":"<o:Policy/>"}`, nil, "is no policy of RightsML or ODRL in JSON that can be read: nothing in it is applied"},
		{`"rightsinfo":{"linkedrights":"https://a.example/policy"}`, nil, ""},
		{`"rightsinfo":"none"`, nil, ""},
	} {
		for place, item := range map[string]string{
			"":                   `{"uri":"u","type":"picture","versioncreated":"2026-11-20T10:00:00Z","headline":"H",%s,"renditions":{"main":{"href":"https://a.example/1.jpg"}}}`,
			"/associations/main": `{"uri":"u","type":"text","versioncreated":"2026-11-20T10:00:00Z","headline":"H","associations":{"main":{"type":"picture",%s,"renditions":{"main":{"href":"https://a.example/1.jpg"}}}}}`,
		} {
			got := mustDecode(t, fmt.Sprintf(item, tt.info))
			deny, other := got.Gallery.Rights.Deny, got.Gallery.Slides[0].Rights.Deny
			if place != "" {
				deny, other = other, deny
			}
			note := ""
			for _, p := range got.LeftOut {
				if p.Place == place+"/rightsinfo/encodedrights" {
					note = p.Reason
				}
			}
			if !cmp.Equal(deny, tt.deny) || other != nil || note != tt.note {
				t.Errorf("%s of %q: denied are %v and %v, note %q", tt.info, place, deny, other, note)
			}
		}
	}
}
