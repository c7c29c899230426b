package edition

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Edition is a feed at one moment. It is immutable.
type Edition struct {
	Feed      string
	Documents []*feed.Document // by feed.Format
	Members   []Member         // newest first
	Touched   time.Time        // newest instant at which anything that concerns the feed was stored, withdrawn or became visible; zero: never, or not known
	Epoch     time.Time        // when the bucket of galleries was made
	Revision  uint64           // of the index that it was made from
	Passed    time.Time        // newest instant of visibility that it takes account of
	Cut       bool             // not all could be read: a last good edition, or what may be shown of it

	generation uint64
	items      []*feed.Item // of Members
}

// Member is a gallery in an edition.
type Member struct {
	ID    string
	Rank  gallery.Rank
	Phase int // how many rights of single slides had run out
	entry *catalogue.Entry
}

// Document returns the edition in that format.
func (e *Edition) Document(f feed.Format) *feed.Document { return e.Documents[f] }
