package edition

import (
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// Edition is a feed at one moment. It is immutable.
type Edition struct {
	Feed      string
	Documents []*feed.Document // by feed.Format
	Members   []Member         // newest first, with stubs at their places; of a gallery's own feed that gallery
	Touched   time.Time        // newest instant at which anything that concerns the feed was stored, withdrawn or became visible; zero: never, or not known
	Epoch     time.Time        // when the bucket of galleries was made; zero for a gallery's own feed
	Fallback  bool             // not all could be read: what may still be shown of the last good edition
	Undated   bool             // an earlier edition may have the same date: see [index.Index.Late]

	LeftOut []LeftOut // galleries that belong to the feed and cannot be published as they are

	at          time.Time // the moment
	generation  uint64
	fingerprint fingerprint  // of the snapshot it was made from
	items       []*feed.Item // of Members, or slides
	channel     feed.Channel
	past        []version // what it was before, oldest first
	deltas      *deltas   // nil: none are kept
	renderer    *feedRenderer
}

// LeftOut is a gallery that is left out of a feed until it is corrected and published again.
type LeftOut struct {
	Feed    string
	Gallery string // its id
	Rank    gallery.Rank
	Reason  string
}

// Member is a gallery in an edition.
type Member struct {
	ID    string
	Rank  gallery.Rank
	Phase int  // how many rights of slides had begun or ended: see [index.Entry.Phase]
	Stub  bool // it is withdrawn, and only its stub is shown
	entry *index.Entry
}

// item returns the rendered gallery that shows m, nil if e has none or is nil.
func (e *Edition) item(m Member) *feed.Item {
	if e == nil {
		return nil
	}
	if i := slices.IndexFunc(e.Members, func(own Member) bool { return own.ID == m.ID && own.state() == m.state() }); i >= 0 {
		return e.items[i]
	}
	return nil
}

// Galleries returns the members that are shown.
func (e *Edition) Galleries() []Member {
	return slices.DeleteFunc(slices.Clone(e.Members), func(m Member) bool { return m.Stub })
}

// drop lets go of an edition of a partner's feed.
func (e *Edition) drop() { e.renderer.current.CompareAndSwap(e, nil) }

// Document returns the edition in that format.
func (e *Edition) Document(f feed.Format) *feed.Document { return e.Documents[f] }

// perEdition is about what an edition needs in memory without documents, items and members,
// and perMember what each of these does, with its place in the selection
// and among earlier versions.
const (
	perEdition = 4 << 10
	perMember  = 256
)

// held is about what the edition keeps in memory: its documents, and the pieces
// that they are made of. What other editions share is counted for each.
func (e *Edition) held() int {
	n := perEdition + perMember*len(e.Members)
	for _, doc := range e.Documents {
		n += doc.Held()
	}
	for _, item := range e.items {
		n += item.Held()
	}
	return n
}

// Skew is [index.Skew].
const Skew = index.Skew

// settled is when no other change can come into the second of a change, by any clock.
const settled = time.Second + Skew

// LastModified is the edition's date at now. It is zero where another edition may have
// the same date: a second change may have come, or may still come, in the same second,
// and a node whose clock is ahead by up to [Skew] may show the edition between the two.
// A feed that was never touched is as old as the bucket.
func (e *Edition) LastModified(now time.Time) time.Time {
	touched := e.Touched
	if touched.IsZero() {
		touched = e.Epoch
	}
	if e.Undated || touched.IsZero() || now.Sub(touched) < settled {
		return time.Time{}
	}
	return Date(touched)
}

// Date is the whole second in which an edition touched then was over, as HTTP
// dates it. Rounding up serves readers that send the time of their own last
// visit.
func Date(touched time.Time) time.Time {
	return touched.Add(time.Second - 1).Truncate(time.Second).UTC()
}
