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
	LinkedRights   string         `json:"linkedrights"`
	LinkedRights3  string         `json:"linkedRights"`
	EncodedRights  jsontext.Value `json:"encodedrights"` // a text, or the policy itself
	EncodedRights3 jsontext.Value `json:"encodedRights"`
}

// rights are the statements of an item or of an association, by their place: all count.
func (c *content) rights() (links, policies []statement) {
	for _, info := range []struct {
		place string
		rightsInfo
	}{{"/rightsinfo", c.RightsInfo.value}, {"/rightsInfo", c.RightsInfo3.value}, {"", c.rightsInfo}} {
		links = append(links, statement{info.place + "/linkedrights", info.LinkedRights}, statement{info.place + "/linkedRights", info.LinkedRights3})
		policies = append(policies, statement{info.place + "/encodedrights", unquoted(info.EncodedRights)},
			statement{info.place + "/encodedRights", unquoted(info.EncodedRights3)})
	}
	return links, policies
}

type statement struct{ place, text string }

// unquoted is the text of a JSON string, or another value as it is written.
func unquoted(v jsontext.Value) string {
	if v.Kind() != jsontext.KindString {
		return string(v)
	}
	text, _ := jsontext.AppendUnquote(nil, v) // read before
	return string(text)
}

// policy is one of RightsML (IPTC) or ODRL 2 (W3C): the spellings of both.
type policy struct {
	Prohibitions several[prohibition]    `json:"prohibitions"`
	Prohibition  several[prohibition]    `json:"prohibition"`
	Permissions  several[jsontext.Value] `json:"permissions"`
	Permission   several[jsontext.Value] `json:"permission"`
}

type prohibition struct {
	Action      several[term]  `json:"action"`
	Assignee    several[term]  `json:"assignee"`
	Constraint  jsontext.Value `json:"constraint"`
	Constraints jsontext.Value `json:"constraints"`
}

// isLimited reports whether r holds only under a condition.
func (r *prohibition) isLimited() bool {
	limited := func(t term) bool { return t.limited }
	return r.Constraint != nil || r.Constraints != nil || slices.ContainsFunc(r.Action, limited) || slices.ContainsFunc(r.Assignee, limited)
}

// several are values of which there may be one without an array around it, as JSON-LD
// writes it.
type several[T any] []T

// UnmarshalJSONFrom reads one or an array of them, and null as none.
func (s *several[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case jsontext.KindNull:
		*s = nil
		return dec.SkipValue()
	case jsontext.KindBeginArray:
		return json.UnmarshalDecode(dec, (*[]T)(s))
	}
	*s = make([]T, 1)
	return json.UnmarshalDecode(dec, &(*s)[0])
}

// term is a party or an action: its address, or an object with that (ODRL Model §2.3, §2.4).
type term struct {
	address string
	limited bool // by a refinement
}

// UnmarshalJSONFrom reads either form.
func (t *term) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return json.UnmarshalDecode(dec, &t.address)
	}
	var o struct {
		ID         string         `json:"@id"`
		UID        string         `json:"uid"`
		Source     string         `json:"source"`
		Value      *term          `json:"rdf:value"`
		Refinement jsontext.Value `json:"refinement"`
	}
	if err := json.UnmarshalDecode(dec, &o); err != nil {
		return err
	}
	*t = term{cmp.Or(o.UID, o.Source, o.ID), o.Refinement != nil}
	if o.Value != nil {
		*t = term{cmp.Or(o.Value.address, t.address), t.limited || o.Value.limited}
	}
	return nil
}

// shows are the actions without which an audience sees no picture, by the last part of
// their address (ODRL Vocabulary §3).
func shows(action string) bool {
	return slices.Contains([]string{"commercialize", "display", "distribute", "present", "reproduce", "use"}, action)
}

// denied are the parties that an encoded policy forbids to show it, by the last part of
// their addresses. unread says why a prohibition could not be taken for a denial.
func denied(text string) (names []string, unread string) {
	if text = strings.TrimSpace(text); text == "" || text == "null" {
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
		parties, why := rule.forbids()
		names, unread = append(names, parties...), cmp.Or(why, unread)
	}
	return names, unread
}

// forbids are the parties to which r forbids to show it, or why it is not applied.
func (r *prohibition) forbids() (names []string, unread string) {
	switch {
	case !slices.ContainsFunc(r.Assignee, func(party term) bool { return lastPart(party.address) != "" }):
		return nil, "has a prohibition that names no party, which is not applied"
	case r.isLimited():
		return nil, "has a prohibition with a constraint, which is not applied"
	case !slices.ContainsFunc(r.Action, func(action term) bool { return shows(lastPart(action.address)) }):
		return nil, "has a prohibition of something else than to show it, which is not applied"
	}
	for _, party := range r.Assignee {
		if name := lastPart(party.address); name != "" && len(name) <= gallery.MaxLabel {
			names = append(names, name)
		}
	}
	return names, ""
}

// denied are the parties that c at that place forbids to show it, by all of its policies.
// It leaves out, with the reason, what it cannot apply.
func (d *draft) denied(c *content, place string) (names []string) {
	if c.RightsInfo.unfit || c.RightsInfo3.unfit {
		d.leaveOut(problem(place+"/rightsinfo", "is no object with linkedrights or encodedrights: nothing in it is applied"))
	}
	_, policies := c.rights()
	for _, policy := range policies {
		more, unread := denied(policy.text)
		if unread != "" {
			d.leaveOut(problem(place+policy.place, "%s", unread))
		}
		for _, name := range more {
			if !slices.Contains(names, name) && len(names) < gallery.MaxList {
				names = append(names, name)
			}
		}
	}
	return names
}

// lastPart is what follows the last separator of an address or a short name.
func lastPart(address string) string {
	address = strings.TrimRight(strings.TrimSpace(address), "/#:")
	return address[strings.LastIndexAny(address, "/#:")+1:]
}
