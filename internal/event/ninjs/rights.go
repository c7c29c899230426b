package ninjs

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// rightsInfo is the machine-readable rights of an item or of an association.
type rightsInfo struct {
	LinkedRights   string `json:"linkedrights"`
	LinkedRights3  string `json:"linkedRights"`
	EncodedRights  string `json:"encodedrights"`
	EncodedRights3 string `json:"encodedRights"`
}

// rights are those of an item or of an association, under either name.
func (c *content) rights() rightsInfo {
	if c.RightsInfo.value == (rightsInfo{}) {
		return c.RightsInfo3.value
	}
	return c.RightsInfo.value
}

// policy is one of RightsML (IPTC) or ODRL 2 (W3C): the spellings of both.
type policy struct {
	Prohibitions []prohibition    `json:"prohibitions"`
	Prohibition  []prohibition    `json:"prohibition"`
	Permissions  []jsontext.Value `json:"permissions"`
	Permission   []jsontext.Value `json:"permission"`
}

type prohibition struct {
	Action      string         `json:"action"`
	Assignee    string         `json:"assignee"`
	Constraint  jsontext.Value `json:"constraint"`
	Constraints jsontext.Value `json:"constraints"`
}

// shows are the actions without which an audience sees no picture, by the last part of
// their address (ODRL Vocabulary §3).
func shows(action string) bool {
	return slices.Contains([]string{"commercialize", "display", "distribute", "present", "reproduce", "use"}, action)
}

// denied are the parties that the rights forbid to show it, by the last part of their
// addresses. unread says why a prohibition could not be taken for a denial.
func (r rightsInfo) denied() (names []string, unread string) {
	text := cmp.Or(r.EncodedRights, r.EncodedRights3)
	if strings.TrimSpace(text) == "" {
		return nil, ""
	}
	var p policy
	if json.Unmarshal([]byte(text), &p) != nil {
		return nil, "is no policy of RightsML or ODRL in JSON that can be read: nothing in it is applied"
	}
	if len(p.Permissions)+len(p.Permission) > 0 {
		unread = "has permissions, which are not applied"
	}
	for _, rule := range append(p.Prohibitions, p.Prohibition...) {
		name := lastPart(rule.Assignee)
		switch {
		case name == "":
			unread = "has a prohibition that names no party, which is not applied"
		case rule.Constraint != nil || rule.Constraints != nil:
			unread = "has a prohibition with a constraint, which is not applied"
		case !shows(lastPart(rule.Action)):
			unread = "has a prohibition of something else than to show it, which is not applied"
		case !slices.Contains(names, name) && len(name) <= gallery.MaxLabel && len(names) < gallery.MaxList:
			names = append(names, name)
		}
	}
	return names, unread
}

// denied are the parties that c at that place forbids to show it. It leaves out, with the
// reason, what it cannot apply.
func (d *draft) denied(c *content, place string) []string {
	names, unread := c.rights().denied()
	if unread != "" {
		d.leaveOut(problem(place+"/rightsinfo/encodedrights", "%s", unread))
	}
	return names
}

// lastPart is what follows the last separator of an address or a short name.
func lastPart(address string) string {
	address = strings.TrimRight(strings.TrimSpace(address), "/#:")
	return address[strings.LastIndexAny(address, "/#:")+1:]
}
