// Package status is HTTP for operators: the state of a node and its site at one moment.
// A [Reporter] gathers it from the parts of the node and from the last events, which it
// remembers; a [Page] shows it, for people and as JSON, and the command line prints it.
//
// A status is bounded, however large the site is: its lists are the first or the last
// of something, and numbers say how much more there is. Its texts come from outside and
// are shortened; a reader of the JSON has to escape them. It holds no secret. Who may
// see it is left to the listener.
package status

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// Status is the state of a site as one node knows it. A section of a part that the node
// does not run is nil, and left out of the JSON.
type Status struct {
	Site      string    `json:"site"` // its title
	URL       string    `json:"url"`
	At        time.Time `json:"at"`             // when it was so
	Started   time.Time `json:"started"`        // when the node was
	NotReady  []string  `json:"not_ready"`      // why; empty: the node is ready
	Stuck     string    `json:"stuck,omitzero"` // why events are not taken in; empty: they are
	Warnings  []string  `json:"warnings"`       // what an operator should settle though all works
	Galleries int       `json:"galleries"`      // without those taken down

	Senders  []Sender    `json:"senders,omitempty"` // in the order of the configuration
	Events   []Event     `json:"events"`            // that this node took in, newest first
	Partial  Partial     `json:"partial"`           // events stored with something left out
	Rejects  Rejects     `json:"rejects"`
	Feeds    []Feed      `json:"feeds"`              // those configured, in their order
	Partners []Partner   `json:"partners,omitempty"` // likewise
	LeftOut  LeftOuts    `json:"left_out"`           // galleries that cannot be shown as they are
	Jobs     []Job       `json:"jobs"`
	Notices  *Notices    `json:"notices,omitzero"`
	Hub      *Hub        `json:"websub,omitzero"`
	Digests  []Digest    `json:"digests,omitzero"`
	Readers  Subscribers `json:"subscribers"`
}

// Event is what became of one event.
type Event struct {
	At      time.Time `json:"at"`            // when that was settled
	Kind    string    `json:"kind,omitzero"` // article.published or article.unpublished; empty where it could not be read
	Gallery string    `json:"gallery,omitzero"`
	Title   string    `json:"title,omitzero"`
	Outcome string    `json:"outcome"` // stored, unchanged, superseded, rejected or retried
	Reason  string    `json:"reason,omitzero"`
}

// Sender is the state of a key of those who send events over HTTP. No secret is in it.
type Sender struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`
	IDPrefix string    `json:"id_prefix,omitzero"` // of the ids that it may send; empty: any
	Used     time.Time `json:"used,omitzero"`      // the last admitted request to this node; zero: none since it started
	Problem  string    `json:"problem,omitzero"`   // what is wrong with its file of secrets
}

// Partial are events of this node since it started that were stored without a part of
// theirs, such as a picture without a file: their reasons name it.
type Partial struct {
	Total  int     `json:"total"`
	Newest []Event `json:"newest"`
}

// Rejects are the events that can never succeed.
type Rejects struct {
	Kept   uint64   `json:"kept"`
	Newest []Reject `json:"newest"`
	Err    string   `json:"error,omitzero"` // why they cannot be read
}

// Reject is one of them.
type Reject struct {
	Number  uint64    `json:"number"` // for "gallerywire rejects show"
	Stored  time.Time `json:"stored"`
	Subject string    `json:"subject"`
	Gallery string    `json:"gallery,omitzero"`
	Reason  string    `json:"reason"`
}

// States of a feed.
const (
	Fresh   = "fresh"   // its documents show what is stored
	Due     = "due"     // they are rendered for the next request
	Cut     = "cut"     // they are old, without what was withdrawn since
	Failing = "failing" // it has none
)

// Feed is the state of a configured feed.
type Feed struct {
	Name      string    `json:"name"`
	Title     string    `json:"title"`
	Galleries int       `json:"galleries"`
	Changed   time.Time `json:"changed,omitzero"` // zero: never
	State     string    `json:"state"`
	Reason    string    `json:"reason,omitzero"` // why it was not rendered
	LeftOut   int       `json:"left_out"`        // galleries
}

// Partner is the state of a configured partner. No key is in it.
type Partner struct {
	Name      string             `json:"name"`
	Title     string             `json:"title"`
	Groups    []string           `json:"groups,omitempty"`
	Delay     string             `json:"delay,omitzero"` // as in the configuration; empty: none
	Feed      Feed               `json:"feed"`
	Keys      []partner.KeyState `json:"keys"`
	PollEvery string             `json:"poll_every,omitzero"` // as expected; empty: not known
	Polled    time.Time          `json:"polled,omitzero"`     // the last admitted request to this node; zero: none since it started
	Silence   string             `json:"silence,omitzero"`    // since then, or the start, if that is too long
}

// LeftOuts are galleries that cannot be rendered in a feed.
type LeftOuts struct {
	Total int       `json:"total"`
	First []LeftOut `json:"first"`
}

// LeftOut is one of them.
type LeftOut struct {
	Feed    string `json:"feed"`
	Gallery string `json:"gallery"`
	Reason  string `json:"reason"`
}

// Job is a job of the schedule.
type Job struct {
	Name    string    `json:"name"`
	Spec    string    `json:"spec"`
	Running bool      `json:"running"`
	Last    time.Time `json:"last,omitzero"` // when the last run that has ended began; zero: never
	Seconds float64   `json:"took_seconds"`
	Outcome string    `json:"outcome,omitzero"` // done, failed, panicked or stopped
	Reason  string    `json:"reason,omitzero"`
	Next    time.Time `json:"next,omitzero"` // zero: none
}

// Notices are what is sent to others.
type Notices struct {
	Channels    []Channel  `json:"channels"`
	Retries     Deliveries `json:"late"` // failed deliveries that are tried again, the next first
	DeadLetters Deliveries `json:"dead"` // those given up, newest first
}

// Channel is a kind of receiver, with the number of notices that wait for it.
type Channel struct {
	Name    string `json:"name"`
	Pending int    `json:"owed"`
}

// Deliveries are the first of many in one state.
type Deliveries struct {
	Total int        `json:"total"`
	First []Delivery `json:"first"`
}

// Delivery is a notice that a receiver did not get yet, or never will.
type Delivery struct {
	Channel  string    `json:"channel"`
	About    string    `json:"about"`
	Target   string    `json:"target"`
	Attempts int       `json:"attempts"`
	Last     time.Time `json:"last"`         // attempt
	Due      time.Time `json:"due,omitzero"` // the next one; zero: none
	Reason   string    `json:"reason"`
}

// Hub counts the subscriptions by WebSub.
type Hub struct {
	Subscriptions int        `json:"subscriptions"`
	Feeds         []HubCount `json:"feeds"` // the most subscribed first
	More          int        `json:"more"`  // feeds that are not named
}

// HubCount is how many subscriptions a feed has.
type HubCount struct {
	Feed          string `json:"feed"`
	Subscriptions int    `json:"subscriptions"`
}

// Digest is the state of a digest.
type Digest struct {
	Name string    `json:"name"`
	Last time.Time `json:"last,omitzero"` // the instant of the last one that was not empty; zero: never, or not known
	Next time.Time `json:"next,omitzero"` // zero: none
}

// Subscribers are how many people read through feed services, as those report when they
// fetch a feed from this node.
type Subscribers struct {
	Total    int       `json:"total"`
	Services []Service `json:"services"` // the largest numbers first
	More     int       `json:"more"`     // services and feeds that are not named
}

// Service is what one service reports of one feed.
type Service struct {
	Name        string    `json:"name"`
	Feed        string    `json:"feed"`
	Subscribers int       `json:"subscribers"`
	At          time.Time `json:"at"` // of its last report
}
