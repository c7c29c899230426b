package ninjs

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// head is what an item says of itself as a revision. Names of 3.x differ from those of
// 2.x by capitals. Both have a field, because an item may have both: where they disagree,
// the reading counts that shows less.
type head struct {
	GUID            string  `json:"guid"` // Superdesk
	URI             string  `json:"uri"`  // IPTC
	Version         whole   `json:"version"`
	VersionCreated  instant `json:"versioncreated"`
	VersionCreated3 instant `json:"versionCreated"`
	PubStatus       string  `json:"pubstatus"`
	PubStatus3      string  `json:"pubStatus"`

	Others jsontext.Value `json:",embed"` // all that no field is for: other spellings, and texts of 1.x with any role in their name
}

// spelt returns those of the other members whose names are among names but for case,
// hyphens and underscores: one that restricts what is shown, and is not read, shows what
// must not be shown. There may be several of one name.
func (h *head) spelt(names ...string) (found []named) {
	if !mayHave(h.Others, names) {
		return nil
	}
	var others map[string]jsontext.Value
	_ = json.Unmarshal(h.Others, &others) // read before
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if slices.Contains(names, spelling(name)) {
			found = append(found, named{name, others[name]})
		}
	}
	return found
}

// mayHave reports whether data may have a member that spelt looks for. Most has none, and
// need not be read once more.
func mayHave(data []byte, names []string) bool {
	const longest = 64
	for _, name := range names {
		for _, initial := range []string{name[:1], strings.ToUpper(name[:1])} {
			begin := []byte(`"` + initial)
			for _, rest, found := bytes.Cut(data, begin); found; _, rest, found = bytes.Cut(rest, begin) {
				end := bytes.IndexByte(rest[:min(len(rest), longest-1)], '"')
				if end >= 0 && spelling(initial+string(rest[:end])) == name {
					return true
				}
			}
		}
	}
	return false
}

var unseparated = strings.NewReplacer("-", "", "_", "")

func spelling(name string) string { return unseparated.Replace(strings.ToLower(name)) }

// The values of pubstatus.
const (
	usable   = "usable"
	withheld = "withheld"
	canceled = "canceled"
)

// statuses has other spellings too: a take-down that is refused leaves on show what
// must not be.
var statuses = map[string]string{
	"": usable, usable: usable, withheld: withheld, "withhold": withheld, canceled: canceled, "cancelled": canceled,
	"unpublished": withheld, "killed": canceled, "recalled": canceled, // states of Superdesk
}

// status is the strictest pubstatus of an item at place, which may come from a
// vocabulary (stat:canceled). An unknown one is a [gallery.Problems], unless another
// takes the item down.
func (h *head) status(place string) (string, gallery.Problems) {
	strictest := usable
	var unknown gallery.Problems
	stated := []statement{{"/pubstatus", h.PubStatus}, {"/pubStatus", h.PubStatus3}}
	for _, m := range h.spelt("pubstatus") {
		stated = append(stated, m.statement())
	}
	for _, s := range stated {
		status, known := statuses[lastPart(strings.ToLower(s.text))]
		switch {
		case !known:
			unknown = append(unknown, problem(place+s.place, "%q is not known: write usable, withheld or canceled", gallery.Clip(s.text, maxQuoted)))
		case status == canceled, strictest == usable:
			strictest = status
		}
	}
	if strictest != usable {
		unknown = nil
	}
	return strictest, unknown
}

// Unusable says why an object in another form than ninjs is no publication: it has a
// pubstatus that is not usable. It is nil for all others, and for what is not JSON.
func Unusable(data []byte) (ps gallery.Problems) {
	h := head{Others: data}
	for _, m := range h.spelt("pubstatus") {
		s := m.statement()
		if statuses[lastPart(strings.ToLower(s.text))] != usable {
			ps = append(ps, problem(s.place, "%q is not usable: to take the gallery down, send article.unpublished", gallery.Clip(s.text, maxQuoted)))
		}
	}
	return ps
}

// dated is an instant with the place of the member that states it, zero where none does.
type dated struct {
	instant
	place string
}

// latest returns the last of ds.
func latest(ds ...dated) dated {
	return slices.MaxFunc(ds, func(a, b dated) int { return a.Compare(b.Time) })
}

// created is when the version was made. Of two dates that disagree the earlier is that of
// a publication and the later that of a take-down: what was taken down in between stays so.
func (h *head) created(takeDown bool) dated {
	a, b := dated{h.VersionCreated, "/versioncreated"}, dated{h.VersionCreated3, "/versionCreated"}
	switch {
	case takeDown, a.IsZero(), b.IsZero():
		return latest(a, b)
	case b.Before(a.Time):
		return b
	}
	return a
}

func (h *head) id() string { return cmp.Or(h.GUID, h.URI) }

// content is what an item and each of its associations may have, under the names of
// 1.x (and Superdesk), of 2.x and of 3.x: providers mix them.
type content struct {
	head
	Type            string  `json:"type"`
	Name            string  `json:"name"` // of an association in 2.x
	Embargoed       instant `json:"embargoed"`
	EmbargoedUntil  instant `json:"embargoedUntil"`   // 3.x
	PublishSchedule instant `json:"publish_schedule"` // Superdesk
	Expires         instant `json:"expires"`
	Order           whole   `json:"order"` // Superdesk: of an association

	Headline     string `json:"headline"`
	HeadlineMain string `json:"headline_main"`
	Headlines    []text `json:"headlines"`
	Title        string `json:"title"`
	Slugline     string `json:"slugline"`

	DescriptionHTML     string `json:"description_html"`
	DescriptionXHTML    string `json:"description_xhtml"`
	DescriptionRichText string `json:"description_richtext"`
	DescriptionText     string `json:"description_text"`
	Descriptions        []text `json:"descriptions"`

	BodyHTML     string `json:"body_html"`
	BodyXHTML    string `json:"body_xhtml"`
	BodyRichText string `json:"body_richtext"`
	BodyText     string `json:"body_text"` // of a picture in Superdesk: its alternative text
	Bodies       []text `json:"bodies"`
	AltText      string `json:"alttext"`
	AltTextOld   string `json:"alt_text"`
	AltText3     string `json:"altText"`

	Makers           lenient[[]maker] `json:"authors"` // of an association
	Byline           string           `json:"byline"`  // 1.x
	By               string           `json:"by"`      // 2.x
	CreditLine       string           `json:"creditline"`
	CopyrightHolder  string           `json:"copyrightholder"`
	CopyrightHolder3 string           `json:"copyrightHolder"`

	RightsInfo  lenient[rightsInfo] `json:"rightsinfo"`
	RightsInfo3 lenient[rightsInfo] `json:"rightsInfo"`
	rightsInfo                      // outside its object, and no less meant

	Renditions members[rendition] `json:"renditions"`
}

func (c content) label() string { return c.Name }

// kind says what becomes of a content.
type kind int

const (
	unknown kind = iota // no type; audio; a type that no version of the standard has
	other               // text, a package, an event: no picture of this item's gallery
	still               // a picture or a graphic
	film                // a video, which is shown by its still
)

var kinds = map[string]kind{
	"picture": still, "graphic": still, "video": film,
	"text": other, "preformatted": other, "composite": other, "component": other, "event": other, "planning": other,
}

func (c *content) kind() kind {
	mediaType := strings.ToLower(strings.TrimSpace(c.Type))
	if mediaType == "" && len(c.Renditions.list) > 0 && best(c.Renditions, true) != nil {
		return still
	}
	return kinds[mediaType]
}

// window says when c is shown. shownFrom is until when c, at that place, may not be shown: the last of its embargoes.
// shownUntil is the first instant at which it expires. Both count in any spelling.
func (c *content) window(place string) (shownFrom dated, shownUntil instant, faults gallery.Problems) {
	shownFrom = latest(dated{c.Embargoed, place + "/embargoed"}, dated{c.EmbargoedUntil, place + "/embargoedUntil"},
		dated{c.PublishSchedule, place + "/publish_schedule"})
	shownUntil = c.Expires
	for _, m := range c.spelt("embargoed", "embargoeduntil", "publishschedule", "expires") {
		at := dated{place: place + "/" + m.name}
		err := json.Unmarshal(m.value, &at.instant)
		switch {
		case err != nil:
			faults = append(faults, problem(at.place, "%s", jsonfault.Explain(m.value, err, unfit).Reason))
		case spelling(m.name) != "expires":
			shownFrom = latest(shownFrom, at)
		case shownUntil.IsZero() || !at.IsZero() && at.Before(shownUntil.Time):
			shownUntil = at.instant
		}
	}
	return shownFrom, shownUntil, faults
}

// item is a whole news item. Associations of its associations are not read:
// they are the pictures of other items.
type item struct {
	content
	URL             string  `json:"url"` // in no version of the standard, but sent
	FirstPublished  instant `json:"firstpublished"`
	FirstCreated    instant `json:"firstcreated"`
	FirstCreated3   instant `json:"firstCreated"`
	ContentCreated  instant `json:"contentcreated"`
	ContentCreated3 instant `json:"contentCreated"`
	Language        string  `json:"language"`

	Service      []concept `json:"service"`
	Subject      []concept `json:"subject"`
	Subjects     []concept `json:"subjects"`
	Keywords     []string  `json:"keywords"`
	Authors      []maker   `json:"authors"`
	Person       []concept `json:"person"`
	People       []concept `json:"people"`
	Source       string    `json:"source"`
	InfoSource   []concept `json:"infosource"`
	InfoSources  []concept `json:"infosources"`
	InfoSources3 []concept `json:"infoSources"`

	CopyrightNotice  string `json:"copyrightnotice"`
	CopyrightNotice3 string `json:"copyrightNotice"`
	UsageTerms       string `json:"usageterms"`
	UsageTerms3      string `json:"usageTerms"`

	Associations members[content] `json:"associations"`

	// What only an event or a plan of coverage has.
	EventDetails    jsontext.Value `json:"eventDetails"`
	PlannedCoverage jsontext.Value `json:"plannedCoverage"`

	// ExtraItems held the slideshows of Superdesk before October 2018, which had no
	// associations; later items have both. Other values are no slides.
	ExtraItems lenient[members[lenient[extra]]] `json:"extra_items"`
}

// extra is a field of a Superdesk content profile.
type extra struct {
	Type  string           `json:"type"`
	Items members[content] `json:"items"`
}

// isPlan reports whether w announces to colleagues what will happen or be covered.
func (w *item) isPlan() bool {
	switch strings.ToLower(strings.TrimSpace(w.Type)) {
	case "event", "planning", "planning_featured": // Superdesk has the last
		return true
	case "":
		return w.EventDetails != nil || w.PlannedCoverage != nil
	}
	return false
}

// isPicture reports whether w is nothing but a picture.
func (w *item) isPicture() bool { return w.Type != "" && w.kind() == still }

// concept is a person, subject or source: of these the name is shown.
type concept struct {
	Name string `json:"name"`
	Rel  string `json:"rel"`
}

// maker is an author in Superdesk, who may also be an editor or a photographer.
type maker struct {
	Name string          `json:"name"`
	Role lenient[string] `json:"role"`
}

func (m maker) isEditor() bool { return strings.Contains(strings.ToLower(m.Role.value), "editor") }

// text is a headline, a description or a body in 2.x, and in 1.x one with a role in its
// name.
type text struct {
	Role         string `json:"role"`
	ContentType  string `json:"contenttype"`
	ContentType3 string `json:"contentType"`
	Value        string `json:"value"`

	place string // empty: its index says it
}

// rendition is one file of a picture.
type rendition struct {
	Name         string `json:"name"` // in 2.x
	Title        string `json:"title"`
	HRef         string `json:"href"`
	MIMEType     string `json:"mimetype"`    // 1.x
	ContentType  string `json:"contenttype"` // 2.x
	ContentType3 string `json:"contentType"` // 3.x
	Width        whole  `json:"width"`
	Height       whole  `json:"height"`
	SizeInBytes  whole  `json:"sizeinbytes"`
	SizeInBytes3 whole  `json:"sizeInBytes"`
}

func (r rendition) label() string { return r.Name }
