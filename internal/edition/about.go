package edition

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/feed"
)

// Serves reports whether there are feeds of that kind.
func (s *Shelf) Serves(k Kind) bool { return k == Feed || k == Gallery || s.opts.Dynamic.has(k) }

// Addresses returns the addresses of the documents of a feed, or of a page of
// its archive, in the order in which they are shown: readers take the first that
// they know, and Atom says the most. It does not say that there is such a feed.
func (s *Shelf) Addresses(ref Ref) []Address {
	list := make([]Address, 0, len(feed.Formats()))
	for _, f := range []feed.Format{feed.Atom, feed.RSS, feed.JSON} {
		list = append(list, Address{Format: f.String(), MediaType: f.MediaType(), URL: s.Address(ref, f)})
	}
	return list
}

// Touched is the newest instant at which anything that concerns the configured
// feed was stored, withdrawn or became visible; zero: never. It reads memory
// only and renders nothing.
func (s *Shelf) Touched(name string) time.Time {
	p, ok := s.presses[name]
	if !ok {
		return time.Time{}
	}
	return p.selection.View(0, s.opts.Now()).Touched
}

// Title is what the edition is called in its documents.
func (e *Edition) Title() string { return e.channel.Title }
