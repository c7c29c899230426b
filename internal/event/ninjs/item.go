package ninjs

import (
	"cmp"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// head is what an item says of itself as a revision. Names of 3.x differ from those of
// 2.x by capitals. Both have a field, because an item may have both.
type head struct {
	GUID            string  `json:"guid"` // Superdesk
	URI             string  `json:"uri"`  // IPTC
	Version         whole   `json:"version"`
	VersionCreated  instant `json:"versioncreated"`
	VersionCreated3 instant `json:"versionCreated"`
	PubStatus       string  `json:"pubstatus"`
	PubStatus3      string  `json:"pubStatus"`
}

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
}

// status reads the pubstatus of an item at place; an unknown one is a [gallery.Problems].
func (h *head) status(place string) (string, gallery.Problems) {
	member := "/pubstatus"
	if h.PubStatus == "" && h.PubStatus3 != "" {
		member = "/pubStatus"
	}
	stated := cmp.Or(h.PubStatus, h.PubStatus3)
	status, known := statuses[strings.ToLower(strings.TrimSpace(stated))]
	if !known {
		return "", gallery.Problems{problem(place+member, "%q is not known: write usable, withheld or canceled", gallery.Clip(stated, maxQuoted))}
	}
	return status, nil
}

// created is when the version was made, and where that stands.
func (h *head) created() (instant, string) {
	if h.VersionCreated.IsZero() && !h.VersionCreated3.IsZero() {
		return h.VersionCreated3, "/versionCreated"
	}
	return h.VersionCreated, "/versioncreated"
}

func (h *head) id() string { return cmp.Or(h.GUID, h.URI) }

// content is what an item and each of its associations may have, under the names of
// 1.x (and Superdesk), of 2.x and of 3.x: providers mix them.
type content struct {
	head
	Type           string  `json:"type"`
	Name           string  `json:"name"` // of an association in 2.x
	Embargoed      instant `json:"embargoed"`
	EmbargoedUntil instant `json:"embargoedUntil"` // 3.x
	Expires        instant `json:"expires"`
	Order          whole   `json:"order"` // Superdesk: of an association

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

	Byline           string `json:"byline"` // 1.x
	By               string `json:"by"`     // 2.x
	CreditLine       string `json:"creditline"`
	CopyrightHolder  string `json:"copyrightholder"`
	CopyrightHolder3 string `json:"copyrightHolder"`

	RightsInfo  lenient[rightsInfo] `json:"rightsinfo"`
	RightsInfo3 lenient[rightsInfo] `json:"rightsInfo"`

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

// embargo is until when c may not be shown, and where that stands.
func (c *content) embargo() (time.Time, string) {
	if c.Embargoed.IsZero() && !c.EmbargoedUntil.IsZero() {
		return c.EmbargoedUntil.Time, "/embargoedUntil"
	}
	return c.Embargoed.Time, "/embargoed"
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
	Authors      []concept `json:"authors"`
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

	// ExtraItems held the slideshows of Superdesk before October 2018, which had no
	// associations; later items have both. Other values are no slides.
	ExtraItems lenient[members[lenient[extra]]] `json:"extra_items"`
}

// extra is a field of a Superdesk content profile.
type extra struct {
	Type  string           `json:"type"`
	Items members[content] `json:"items"`
}

// isPicture reports whether w is nothing but a picture.
func (w *item) isPicture() bool { return w.Type != "" && w.kind() == still }

// concept is a person, subject or source: of these the name is shown.
type concept struct {
	Name string `json:"name"`
	Rel  string `json:"rel"`
}

// text is a headline, a description or a body in 2.x.
type text struct {
	Role         string `json:"role"`
	ContentType  string `json:"contenttype"`
	ContentType3 string `json:"contentType"`
	Value        string `json:"value"`
}

// rendition is one file of a picture.
type rendition struct {
	Name         string `json:"name"` // in 2.x
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
