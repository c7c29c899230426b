package event

import (
	"fmt"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Subjects of the events that gallerywire sends. Those about the feed of a partner have
// subjects of their own.
const (
	FeedUpdated         = "feed.updated"
	NoticeFailed        = "feed.notice.failed"
	PartnerUpdated      = "partner.updated"
	PartnerNoticeFailed = "partner.notice.failed"
	Rejected            = "article.rejected"
)

// Types of the events that only the callback of a CMS gets, beside [Rejected]. They are not
// sent on NATS: [Withheld] names partners, which no publisher there may know.
const (
	Superseded = "article.superseded"
	Withheld   = "article.withheld"
)

// NoticeSubjects are the subjects that publishers may subscribe to. With
// [PartnerSubjects] they are all.
func NoticeSubjects() []string { return []string{Rejected, "feed.>"} }

// PartnerSubjects are the subjects of events about partners' feeds, which no publisher
// may hear: they name partners, and galleries that only partners may see.
func PartnerSubjects() []string { return []string{"partner.>"} }

// OfPartner reports whether the feed of that name is one of a partner.
func OfPartner(feed string) bool { return strings.HasPrefix(feed, "partners/") }

// WebhookTest is the type of the event that tests a webhook or a callback. It is sent to
// that one alone.
const WebhookTest = "gallerywire.test"

// CloudEvent is what we send: CloudEvents 1.0 in structured JSON.
type CloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"` // "//" and the site's id
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitzero"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Missed          int       `json:"missed,omitzero"` // an extension, to callbacks: events before it that it was not told of
	Data            any       `json:"data"`
}

// Update is the data of feed.updated and partner.updated: a feed whose content changed.
type Update struct {
	Feed    string             `json:"feed"`
	Formats map[string]Address `json:"formats"` // by "rss", "atom", "json"
	Changed time.Time          `json:"changed"` // the instant of the change
	Added   []string           `json:"galleries_added"`
	Edited  []string           `json:"galleries_changed"`
	Removed []string           `json:"galleries_removed"`
}

// Address is where a document is and which version of it is meant.
type Address struct {
	URL  string `json:"url"`
	ETag string `json:"etag"`
}

// Failed is the data of feed.notice.failed and partner.notice.failed: a target that was given up, and the notice
// that it did not receive.
type Failed struct {
	Channel  string    `json:"channel"`       // "websub", "webhook", "hub" and so on
	Target   string    `json:"target"`        // for people, without secrets and queries
	Feed     string    `json:"feed,omitzero"` // where the notice was about one
	Notice   string    `json:"id"`
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"` // attempt
	Last     time.Time `json:"last"`
	Reason   string    `json:"reason"` // of the last failure
}

// Refusal is the data of article.rejected: an event that can never succeed.
type Refusal struct {
	Subject  string           `json:"subject"`
	Event    string           `json:"event,omitzero"`   // id of the refused CloudEvent
	Source   string           `json:"source,omitzero"`  // its source
	Gallery  string           `json:"gallery,omitzero"` // id of the gallery, where it could be read
	Stored   time.Time        `json:"stored"`
	Sequence uint64           `json:"sequence,omitzero"` // in the event stream, as in its acknowledgement
	Reject   uint64           `json:"reject"`            // number for "gallerywire rejects show"
	Problems gallery.Problems `json:"problems"`
}

// Outcome is the data of article.superseded and article.withheld: what became of an event
// that was accepted.
type Outcome struct {
	Subject  string    `json:"subject"`
	Event    string    `json:"event,omitzero"`  // id of the CloudEvent
	Source   string    `json:"source,omitzero"` // its source
	Gallery  string    `json:"gallery"`
	Stored   time.Time `json:"stored"`
	Sequence uint64    `json:"sequence,omitzero"` // in the event stream, as in its acknowledgement
	Revision Revision  `json:"revision"`          // of the event

	Stands   Revision `json:"stands,omitzero"`   // superseded: the stored revision, which outranks it
	Partners []Hidden `json:"partners,omitzero"` // withheld: from which partners
	More     bool     `json:"more,omitzero"`     // there are more of those than one notice names
}

// Revision is what orders a revision of a gallery among others, and the CloudEvent that
// stands for it where it is another than the notice is about.
type Revision struct {
	Updated   time.Time `json:"updated"`
	Version   int64     `json:"version,omitzero"`
	TakenDown bool      `json:"taken_down,omitzero"`
	Event     string    `json:"event,omitzero"`
	Source    string    `json:"source,omitzero"`
}

// Hidden is a rule by which a partner does not see a gallery, or slides of it.
type Hidden struct {
	Partner string `json:"partner"`
	Rule    string `json:"rule"`            // as in [gallery.Decision]
	Where   string `json:"where,omitzero"`  // likewise; of slides by their own rights, that of the first
	Slides  []int  `json:"slides,omitzero"` // from 0, as in JSON pointers; none: the whole gallery
	Count   int    `json:"count,omitzero"`  // of slides that are hidden, of which Slides may name only the first
}

// NewUpdate returns the event with that id: feed.updated, of a partner's feed partner.updated.
func NewUpdate(id, siteID string, u Update) CloudEvent {
	kind := FeedUpdated
	if OfPartner(u.Feed) {
		kind = PartnerUpdated
	}
	return newEvent(id, siteID, kind, u.Feed, u.Changed, u)
}

// NewFailed returns the event with that id: feed.notice.failed, about a partner's feed
// partner.notice.failed.
func NewFailed(id, siteID string, f Failed) CloudEvent {
	kind := NoticeFailed
	if OfPartner(f.Feed) {
		kind = PartnerNoticeFailed
	}
	return newEvent(id, siteID, kind, f.Feed, f.Last, f)
}

// NewWebhookTest returns the gallerywire.test event with that id. Its data is that of
// feed.updated.
func NewWebhookTest(id, siteID string, u Update) CloudEvent {
	return newEvent(id, siteID, WebhookTest, u.Feed, u.Changed, u)
}

// NewRejected returns the article.rejected event with that id.
func NewRejected(id, siteID string, r Refusal) CloudEvent {
	return newEvent(id, siteID, Rejected, r.Gallery, r.Stored, r)
}

// NewSuperseded returns the article.superseded event with that id.
func NewSuperseded(id, siteID string, o Outcome) CloudEvent {
	return newEvent(id, siteID, Superseded, o.Gallery, o.Stored, o)
}

// NewWithheld returns the article.withheld event with that id.
func NewWithheld(id, siteID string, o Outcome) CloudEvent {
	return newEvent(id, siteID, Withheld, o.Gallery, o.Stored, o)
}

// NewCallbackTest returns the gallerywire.test event with that id for a callback. Its data is
// that of article.withheld, and names no partner.
func NewCallbackTest(id, siteID string, at time.Time) CloudEvent {
	return newEvent(id, siteID, WebhookTest, "", at, Outcome{Stored: at, Revision: Revision{Updated: at}})
}

func newEvent(id, siteID, kind, subject string, at time.Time, data any) CloudEvent {
	return CloudEvent{
		SpecVersion: "1.0", ID: id, Source: "//" + siteID, Type: kind, Subject: subject,
		Time: at.UTC(), DataContentType: "application/json", Data: data,
	}
}

// Encode returns e as JSON, map keys sorted, so that equal events are equal bytes.
func (e CloudEvent) Encode() ([]byte, error) {
	data, err := json.Marshal(e, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Type, err)
	}
	return data, nil
}
