package status

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

const (
	// maxListed is how many of a kind a status lists; it also has their number.
	maxListed = 50
	// maxRejects is how many rejects are read for a status, as whole events.
	maxRejects = 20
	// rejectsTimeout bounds what a status waits for storage: operators ask for it when
	// things are not well.
	rejectsTimeout = 2 * time.Second
)

// Options make a Reporter. None of its functions may be nil.
type Options struct {
	Title string        // of the site
	URL   func() string // its address, without a slash at the end

	NotReady    func() []error  // why the node is not ready; none: it is
	Stuck       func() error    // why no events are taken in; nil: they are
	Warnings    func() []string // what an operator should settle though all works
	Rejects     func(ctx context.Context, most int) (newest []Reject, kept uint64, err error)
	Subscribers *web.Subscribers
	Parts       func() *Parts // nil until the node knows its site
}

// Parts answer for the parts of a node.
type Parts struct {
	Galleries func() int
	Feeds     interface {
		States() []edition.State
		LeftOut() []edition.LeftOut
	}
	Jobs        func() []Job
	Pending     func() map[string]int // notices by channel
	Retries     func() []Delivery     // the next first
	DeadLetters func() []Delivery     // the oldest first
	Hub         func() map[string]int // subscriptions by feed; may be nil
	Digests     func() []Digest       // may be nil
	Partners    func() []Partner      // may be nil
	Senders     func() []Sender       // may be nil
}

// Reporter gathers the status of a node and remembers its last events. It is safe for
// concurrent use.
type Reporter struct {
	opts    Options
	started time.Time
	events  Log
	partial Log
}

// New returns the reporter of a node that starts now.
func New(o Options) *Reporter { return &Reporter{opts: o, started: time.Now()} }

// Outcome is what became of an event that was taken in.
type Outcome struct {
	Event    *event.Event // nil: it could not be read
	Subject  string
	Gallery  string // its id, where it could be read
	Outcome  string // as in [Event]
	Problems gallery.Problems
}

// Observe remembers what became of an event.
func (r *Reporter) Observe(o Outcome) {
	e := o.event(time.Now())
	r.events.Add(e)
	if o.Event != nil && o.Event.LeftOut != nil {
		r.partial.Add(e)
	}
}

func (o Outcome) event(at time.Time) Event {
	e := Event{At: at.UTC(), Kind: string(o.kind()), Gallery: o.Gallery, Outcome: o.Outcome}
	switch {
	case o.Problems != nil:
		e.Reason = o.Problems.Error()
	case o.Event != nil && o.Event.Gallery == nil:
		e.Reason = o.Event.Removed.Reason
	case o.Event != nil && o.Event.LeftOut != nil:
		e.Reason = "left out: " + o.Event.LeftOut.Error()
	}
	if o.Event != nil && o.Event.Gallery != nil {
		e.Title = o.Event.Gallery.Title
	}
	return e
}

// kind is the kind of the event; of one that could not be read, what its subject ends
// in.
func (o Outcome) kind() event.Kind {
	if o.Event != nil {
		return o.Event.Kind
	}
	for _, kind := range []event.Kind{event.Unpublished, event.Published} {
		_, end, _ := strings.Cut(string(kind), ".")
		if strings.HasSuffix("."+o.Subject, "."+end) {
			return kind
		}
	}
	return ""
}

// Status returns the status of the node. It waits for storage, but not long.
func (r *Reporter) Status(ctx context.Context) Status {
	s := Status{
		Site: short(r.opts.Title), URL: r.opts.URL(), At: time.Now().UTC(), Started: r.started.UTC(),
		Stuck:   reason(r.opts.Stuck()),
		Events:  r.events.Newest(),
		Partial: Partial{Total: r.partial.Total(), Newest: r.partial.Newest()},
		Rejects: r.rejects(ctx),
		Readers: subscribers(r.opts.Subscribers.Reported()),
	}
	for _, err := range r.opts.NotReady() {
		s.NotReady = append(s.NotReady, reason(err))
	}
	for _, warning := range r.opts.Warnings() {
		s.Warnings = append(s.Warnings, short(warning))
	}
	if p := r.opts.Parts(); p != nil {
		p.report(&s)
	}
	return s
}

func (r *Reporter) rejects(ctx context.Context) Rejects {
	ctx, cancel := context.WithTimeout(ctx, rejectsTimeout)
	defer cancel()
	newest, kept, err := r.opts.Rejects(ctx, maxRejects)
	if err != nil {
		return Rejects{Err: reason(err)}
	}
	for i, reject := range newest {
		newest[i] = Reject{reject.Number, reject.Stored.UTC(), short(reject.Subject), short(reject.Gallery), short(reject.Reason)}
	}
	return Rejects{Kept: kept, Newest: newest}
}

// report writes into s what the parts of the node know.
func (p *Parts) report(s *Status) {
	s.Galleries = p.Galleries()
	s.Feeds = []Feed{}
	for _, f := range p.Feeds.States() {
		s.Feeds = append(s.Feeds, FeedOf(f))
	}
	if p.Partners != nil {
		s.Partners = p.Partners()
	}
	if p.Senders != nil {
		s.Senders = p.Senders()
	}
	leftOut := p.Feeds.LeftOut()
	s.LeftOut.Total = len(leftOut)
	for _, f := range first(leftOut, maxListed) {
		s.LeftOut.First = append(s.LeftOut.First, LeftOut{Feed: f.Feed, Gallery: short(f.Gallery), Reason: short(f.Reason)})
	}
	s.Jobs = p.Jobs()
	for i := range s.Jobs {
		j := &s.Jobs[i]
		j.Last, j.Next, j.Reason = utc(j.Last), utc(j.Next), short(j.Reason)
	}
	s.Notices = p.notices()
	if p.Hub != nil {
		s.Hub = hub(p.Hub())
	}
	if p.Digests != nil {
		s.Digests = p.Digests()
		for i := range s.Digests {
			s.Digests[i].Last, s.Digests[i].Next = utc(s.Digests[i].Last), utc(s.Digests[i].Next)
		}
	}
}

// FeedOf returns the state of a feed as a status has it.
func FeedOf(f edition.State) Feed {
	return Feed{
		Name: f.Name, Title: short(f.Title), Galleries: f.Galleries, Changed: utc(f.Touched),
		State: string(f.Condition), Reason: reason(f.Err), LeftOut: f.LeftOut,
	}
}

// notices returns what is pending. The newest dead letter comes first.
func (p *Parts) notices() *Notices {
	pending, retries, dead := p.Pending(), p.Retries(), p.DeadLetters()
	slices.Reverse(dead)
	n := &Notices{Retries: deliveries(retries), DeadLetters: deliveries(dead)}
	for _, channel := range slices.Sorted(maps.Keys(pending)) {
		n.Channels = append(n.Channels, Channel{Name: channel, Pending: pending[channel]})
	}
	return n
}

func deliveries(all []Delivery) Deliveries {
	list := Deliveries{Total: len(all), First: first(all, maxListed)}
	for i := range list.First {
		d := &list.First[i]
		d.About, d.Target, d.Reason = short(d.About), short(d.Target), short(d.Reason)
		d.Last, d.Due = utc(d.Last), utc(d.Due)
	}
	return list
}

// hub returns how many subscriptions feeds have, the largest number first.
func hub(counts map[string]int) *Hub {
	h := &Hub{More: max(0, len(counts)-maxListed)}
	feeds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	for i, feed := range feeds {
		h.Subscriptions += counts[feed]
		if i < maxListed {
			h.Feeds = append(h.Feeds, HubCount{Feed: short(feed), Subscriptions: counts[feed]})
		}
	}
	return h
}

func subscribers(reported []web.Reported) Subscribers {
	list := Subscribers{More: max(0, len(reported)-maxListed)}
	for i, r := range reported {
		list.Total += r.Subscribers
		if i < maxListed {
			list.Services = append(list.Services, Service{Name: r.Service, Feed: short(r.Feed), Subscribers: r.Subscribers, At: r.At.UTC()})
		}
	}
	return list
}

func first[T any](list []T, n int) []T { return list[:min(len(list), n)] }

// reason is the text of an error, empty for nil.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return short(err.Error())
}

// utc leaves the zero time as it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
