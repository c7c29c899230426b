package index

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Entry is what the index knows of a gallery, as of one moment, as an audience sees it:
// the public, unless it comes from a selection for a partner or from [Index.For]. It is
// immutable.
type Entry struct {
	ID       string
	Revision uint64 // sequence of its record in the bucket
	Rank     gallery.Rank
	Facets   []Facet

	stored           int64 // when the server stored the record; all instants in Unix nanoseconds
	published        int64
	end              int64  // no longer shown, or remembered as taken down, from then on; never: math.MaxInt64
	shown            int64  // see shownAt; as of the index's now
	extra            *extra // nil: nothing
	pageHash         uint32 // of the id: where archives are cut
	slot             uint32 // where the index keeps it
	tombstoneSeconds uint32 // seconds for which feeds say that what the time ended is gone
	NeverShown       bool   // its rights never let anybody see it
	hidden           bool   // its audience may not see it, or might not before a take-down
	aged             bool   // it ends because its audience is not shown old galleries: that is no withdrawal
	Home             bool   // known to have no page at its publisher's: its page here is its address
	state            state
}

// extra is what only few records have.
type extra struct {
	guid, reason string
	from         int64        // rights begin then; 0: at once
	slides       []timedSlide // that the time shows or hides
	slideStarts  []int64      // rights of slides that the audience may see begin then, ascending
	slideEnds    []int64      // and run out then
	changed      int64        // shown for all audiences together
	left         []departure
}

// state says what the record of an entry is.
type state byte

const (
	readable    state = iota
	newerFormat       // a newer release wrote it: known to be there, nothing more
	lost              // deleted by hand, or cannot be read: any revision may take its place
)

// NewerFormat returns the entry of a record that a newer release wrote.
func NewerFormat(revision uint64, stored time.Time) *Entry {
	return opaque(newerFormat, revision, stored)
}

// Lost returns the entry of a record that somebody deleted, or that cannot be read:
// any revision may take its place.
func Lost(revision uint64, stored time.Time) *Entry { return opaque(lost, revision, stored) }

// opaque is the entry of a record that says nothing of its gallery. Whatever
// showed the gallery before is touched, and nobody knows what that was.
func opaque(s state, revision uint64, stored time.Time) *Entry {
	return &Entry{
		Revision: revision, stored: stored.UnixNano(), state: s,
		Rank:  gallery.Rank{TakeDown: s == lost},
		extra: &extra{left: []departure{{all: true}}},
	}
}

// Lost reports whether the record was deleted, or cannot be read.
func (e *Entry) Lost() bool { return e.state == lost }

// known returns e unless it is lost.
func (e *Entry) known() *Entry {
	if e == nil || e.state == lost {
		return nil
	}
	return e
}

// Facet is a property by which galleries are chosen. Equal facets are the same
// memory in the whole process.
type Facet struct{ unique.Handle[Property] }

// Property is what a facet stands for. Names that fold alike are one.
type Property struct {
	Kind Kind
	Name string // as the event has it
	Fold string // see gallery.Fold
}

// Kind says what sort of property a facet is.
type Kind byte

// The kinds of facets.
const (
	Section  Kind = 's'
	Tag      Kind = 't'
	Author   Kind = 'a'
	Language Kind = 'l'
	Source   Kind = 'o'
	Allowed  Kind = '+' // an audience in a list of those that may see it
	Denied   Kind = '-' // or in one of those that may not
)

// finds reports whether selections find galleries by such names.
func (k Kind) finds() bool { return k.chooses() || k == Allowed }

// chooses reports whether feeds and people choose galleries by such names.
func (k Kind) chooses() bool { return k == Section || k == Tag || k == Author || k == Language }

// departure remembers what a gallery was chosen by before a correction or a
// take-down, so that the feed it left knows when it was touched.
type departure struct {
	facets     []Facet
	of         *publication // which a take-down ended
	all        bool         // the oldest ones, summed up: touches every selection
	down       bool         // by a take-down, after feeds may have shown it
	maybeShown bool         // feeds may have shown it
	hidden     bool         // but not to the audience
	published  int64        // 0: not known
	from       int64        // when its rights begin; 0: not known, or at once
	end        int64        // as of its Entry; 0: not known, or never
	ended      int64        // the update of the revision by which it left; 0: not known
	at         int64        // when feeds changed by it last; 0: with the record that holds it
	left       int64        // when it left, before a later publication ended its tombstone; 0: at
}

// publication is what is known of a revision that a take-down ended.
type publication struct {
	rank gallery.Rank
	from int64 // by its own dates it was shown from then on; 0: never, or the release that wrote the record did not say
}

// maxDepartures bounds what a record remembers.
const maxDepartures = 6

// Stored is the instant at which the server stored the record.
func (e *Entry) Stored() time.Time { return time.Unix(0, e.stored).UTC() }

// Published is the gallery's instant of publication.
func (e *Entry) Published() time.Time { return time.Unix(0, e.published).UTC() }

// First is the first instant at which its audience may see the gallery.
func (e *Entry) First() time.Time { return time.Unix(0, e.from()).UTC() }

// VisibleAt reports whether the gallery may be shown at t.
func (e *Entry) VisibleAt(t time.Time) bool { return e.visible(t.UnixNano()) }

func (e *Entry) visible(ns int64) bool {
	return e.shows() && e.from() <= ns && ns < e.end
}

// from is the first instant at which e may be shown.
func (e *Entry) from() int64 {
	if e.extra == nil || e.extra.from == 0 {
		return e.published
	}
	return max(e.published, e.extra.from)
}

// NewerFormat reports whether a newer release wrote the record: of the gallery
// nothing is known but that it is there.
func (e *Entry) NewerFormat() bool { return e.state == newerFormat }

// Phase counts the instants up to t at which rights of slides began or ran out: the
// same revision shows other pictures in a later phase.
func (e *Entry) Phase(t time.Time) int {
	if e.extra == nil {
		return 0
	}
	passed := func(instants []int64) (n int) {
		for n < len(instants) && instants[n] <= t.UnixNano() {
			n++
		}
		return n
	}
	return passed(e.extra.slideStarts) + passed(e.extra.slideEnds)
}

// SlidePhase counts, in addition to [Entry.Phase], the slides whose rights ran out and
// that the gallery's own feed no longer says are gone.
func (e *Entry) SlidePhase(t time.Time) int {
	n := e.Phase(t)
	for _, end := range e.slideEnds() {
		if e.forgottenAfter(e.withdrawnAt(end)) <= t.UnixNano() {
			n++
		}
	}
	return n
}

// GUID is what the publisher gave the gallery as identifier in feeds, also
// after it was taken down; empty for none.
func (e *Entry) GUID() string {
	if e == nil || e.extra == nil {
		return ""
	}
	return e.extra.guid
}

// Reason says why the gallery was taken down; empty where the event has no reason.
func (e *Entry) Reason() string {
	if e.extra == nil {
		return ""
	}
	return e.extra.reason
}

func (e *Entry) slideEnds() []int64 {
	if e.extra == nil {
		return nil
	}
	return e.extra.slideEnds
}

// left is what e remembers to have left, oldest first.
func (e *Entry) left() []departure {
	if e == nil || e.extra == nil {
		return nil
	}
	return e.extra.left
}

// lastTakenDown is the latest publication that the take-down e is known to have ended,
// nil if there is none.
func (e *Entry) lastTakenDown() *departure {
	var last *departure
	for i, d := range e.left() {
		if d.of != nil && (last == nil || d.of.rank.Compare(last.of.rank) > 0) {
			last = &e.extra.left[i]
		}
	}
	return last
}

// leftAll reports whether nobody knows any more what e left.
func (e *Entry) leftAll() bool {
	return slices.ContainsFunc(e.left(), func(d departure) bool { return d.all })
}

// facets calls yield with everything by which e is chosen or was.
func (e *Entry) facets(yield func(Facet) bool) {
	if e == nil {
		return
	}
	for _, f := range e.Facets {
		if !yield(f) {
			return
		}
	}
	for _, d := range e.left() {
		for _, f := range d.facets {
			if !yield(f) {
				return
			}
		}
	}
}

// shownAt is the instant at which what is shown of e at now last changed, as
// feeds state it: see [gallery.Audience.UpdatedAt].
func (e *Entry) shownAt(now int64) int64 {
	at := max(e.from(), e.Rank.Updated.UnixNano())
	if e.extra == nil {
		return at
	}
	for _, instants := range [][]int64{e.extra.slideStarts, e.extra.slideEnds} {
		for _, change := range instants {
			if change <= now {
				at = max(at, change)
			}
		}
	}
	return at
}

// date notes when what is shown of e last changed as of now, and for all audiences
// together.
func (e *Entry) date(now int64) {
	e.shown = e.shownAt(now)
	if len(e.timedSlides()) == 0 {
		return
	}
	if all := e.forAudience(nil, now).shown; all != e.extra.changed {
		x := *e.extra
		e.extra, x.changed = &x, all
	}
}

// UpdatedAt is the update that readers see at t: see [gallery.Audience.UpdatedAt].
func (e *Entry) UpdatedAt(t time.Time) time.Time { return instant(e.shownAt(t.UnixNano())) }

// Touched is the newest instant up to t at which the gallery was stored or the
// time alone changed what is shown of it.
func (e *Entry) Touched(t time.Time) time.Time {
	return instant(max(e.stored, e.lastInstant(t.UnixNano())))
}

// shows reports whether there is any time at which its audience may see the gallery.
func (e *Entry) shows() bool { return e.offers() && !e.hidden }

// offers reports whether there is any time at which some audience may see the gallery.
func (e *Entry) offers() bool {
	return e != nil && !e.Rank.TakeDown && !e.NeverShown && e.state == readable && e.from() < e.end
}

// Order is the order of a selection.
type Order int

// The orders. Each is total: the id decides where the instants are equal.
const (
	ByPublished Order = iota
	ByUpdated         // a corrected gallery moves to the top
	byChanged         // ByUpdated for all audiences together: none has a later update
)

// rank is the instant by which e is ordered. It is never before e is published.
func (o Order) rank(e *Entry) int64 {
	switch {
	case o == ByPublished:
		return e.published
	case o == byChanged && e.extra != nil:
		return max(e.shown, e.extra.changed)
	}
	return e.shown
}

// compare orders entries, oldest first.
func (o Order) compare(a, b *Entry) int {
	if c := cmp.Compare(o.rank(a), o.rank(b)); c != 0 {
		return c // without a look at the ids, which are elsewhere in memory
	}
	return strings.Compare(a.ID, b.ID)
}

// Index is where e is among the entries of a view, or would be.
func (o Order) Index(entries []*Entry, e *Entry) int {
	i, _ := slices.BinarySearchFunc(entries, e, func(a, b *Entry) int { return o.compare(b, a) })
	return i
}

// instants calls yield with each instant at which the time alone changes what
// is shown of e, in no order.
func (e *Entry) instants(yield func(int64)) {
	e.feedInstants(yield)
	for at := range e.shownEnds {
		if at = e.forgottenAfter(e.withdrawnAt(at)); at < e.end {
			yield(at)
		}
	}
}

// feedInstants are the instants without those at which only the gallery's own feed
// changes: it forgets a slide.
func (e *Entry) feedInstants(yield func(int64)) {
	if e.Rank.TakeDown && e.state == readable {
		yield(e.end)
		return
	}
	if !e.shows() {
		return
	}
	yield(e.from())
	if e.end != math.MaxInt64 {
		yield(e.end)
	}
	if e.end != math.MaxInt64 && !e.aged {
		yield(e.forgotten())
	}
	for at := range e.shownEnds {
		yield(at)
	}
	if e.extra != nil {
		for _, at := range e.extra.slideStarts {
			if e.from() < at && at < e.end {
				yield(at)
			}
		}
	}
}

// shownEnds are the instants at which a slide that is shown no longer is, because
// its rights run out.
func (e *Entry) shownEnds(yield func(int64) bool) {
	for _, at := range e.slideEnds() {
		if e.shows() && e.from() < at && at < e.end && !yield(at) {
			return
		}
	}
}

// lastInstant is the newest of e's instants up to now.
func (e *Entry) lastInstant(now int64) int64 { return latest(e.instants, now) }

// latest is the newest up to now, math.MinInt64 for none.
func latest(instants func(yield func(int64)), now int64) int64 {
	last := int64(math.MinInt64)
	instants(func(at int64) {
		if at <= now {
			last = max(last, at)
		}
	})
	return last
}

// facet returns the facet of that kind and name.
func facet(k Kind, name string) Facet {
	return Facet{unique.Make(Property{k, name, gallery.Fold(name)})}
}

// facetsOf lists what g can be chosen by, without repetition.
func facetsOf(g *gallery.Gallery) []Facet {
	fs := make([]Facet, 0, 2+len(g.Tags)+len(g.Authors))
	exactly := func(k Kind, name string) {
		if f := facet(k, name); !slices.Contains(fs, f) {
			fs = append(fs, f)
		}
	}
	add := func(k Kind, name string) {
		if name = strings.TrimSpace(gallery.Text(name)); name != "" {
			exactly(k, name)
		}
	}
	add(Section, g.Section)
	add(Language, g.Language)
	for _, t := range g.Tags {
		add(Tag, t)
	}
	for _, a := range g.Authors {
		add(Author, a.Name)
	}
	for _, list := range []struct {
		kind  Kind
		names []string
	}{{Source, g.Sources}, {Allowed, g.Rights.Allow}, {Denied, g.Rights.Deny}} {
		for _, name := range list.names {
			exactly(list.kind, name) // an audience asks for them as they are, also for those that name nobody
		}
	}
	return fs
}
