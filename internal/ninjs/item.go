package ninjs

import "strings"

// head is what an item says of itself as a revision.
type head struct {
	GUID           string  `json:"guid"` // Superdesk
	URI            string  `json:"uri"`  // IPTC
	Version        whole   `json:"version"`
	VersionCreated instant `json:"versioncreated"`
	PubStatus      string  `json:"pubstatus"`
}

func (h *head) id() string {
	if h.GUID != "" {
		return h.GUID
	}
	return h.URI
}

// content is what an item and each of its associations may have. Names of 1.x
// (and Superdesk) and of 2.x stand side by side: providers mix them.
type content struct {
	head
	Type      string  `json:"type"`
	Name      string  `json:"name"` // of an association in 2.x
	Embargoed instant `json:"embargoed"`
	Expires   instant `json:"expires"`
	Order     whole   `json:"order"` // Superdesk: of an association

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

	Byline          string `json:"byline"` // 1.x
	By              string `json:"by"`     // 2.x
	CreditLine      string `json:"creditline"`
	CopyrightHolder string `json:"copyrightholder"`

	Renditions members[rendition] `json:"renditions"`
}

func (c content) label() string { return c.Name }

func (c *content) isPicture() bool { return strings.EqualFold(strings.TrimSpace(c.Type), "picture") }

// item is a whole news item. Associations of its associations are not read:
// they are other stories' pictures.
type item struct {
	content
	URL            string  `json:"url"` // in no version of the standard, but sent
	FirstPublished instant `json:"firstpublished"`
	FirstCreated   instant `json:"firstcreated"`
	ContentCreated instant `json:"contentcreated"`
	Language       string  `json:"language"`

	Service     []concept `json:"service"`
	Subject     []concept `json:"subject"`
	Subjects    []concept `json:"subjects"`
	Keywords    []string  `json:"keywords"`
	Authors     []concept `json:"authors"`
	Person      []concept `json:"person"`
	People      []concept `json:"people"`
	Source      string    `json:"source"`
	InfoSource  []concept `json:"infosource"`
	InfoSources []concept `json:"infosources"`

	CopyrightNotice string `json:"copyrightnotice"`
	UsageTerms      string `json:"usageterms"`
	RightsInfo      struct {
		LinkedRights string `json:"linkedrights"`
	} `json:"rightsinfo"`

	Associations members[content] `json:"associations"`
}

// concept is a person, subject or source: of these the name is shown.
type concept struct {
	Name string `json:"name"`
	Rel  string `json:"rel"`
}

// text is a headline, a description or a body in 2.x.
type text struct {
	Role        string `json:"role"`
	ContentType string `json:"contenttype"`
	Value       string `json:"value"`
}

// rendition is one file of a picture.
type rendition struct {
	Name        string `json:"name"` // in 2.x
	HRef        string `json:"href"`
	MIMEType    string `json:"mimetype"`    // 1.x
	ContentType string `json:"contenttype"` // 2.x
	Width       whole  `json:"width"`
	Height      whole  `json:"height"`
	SizeInBytes whole  `json:"sizeinbytes"`
}

func (r rendition) label() string { return r.Name }

// The values of pubstatus.
const (
	usable   = "usable"
	withheld = "withheld"
	canceled = "canceled"
)

// statusOf reads a pubstatus; none is usable. Other spellings count: a
// take-down that is refused leaves on show what must not be.
func statusOf(s string) (status string, known bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", usable:
		return usable, true
	case withheld, "withhold":
		return withheld, true
	case canceled, "cancelled":
		return canceled, true
	}
	return "", false
}
