package feed

import (
	"crypto/sha256"
	"sync"
	"time"
)

// Item is one gallery, or one slide of a gallery's own feed, rendered in every
// format: the piece from which documents are put together. It never changes,
// and any number of feeds and goroutines may share it.
type Item struct {
	galleryID string
	ids       [formats]string
	updated   time.Time
	pieces    [formats]piece
}

// ID returns the identifier that RSS and JSON Feed show.
func (i *Item) ID() string { return i.ids[RSS] }

// Updated returns when the gallery last changed, in whole seconds, as the
// documents show it.
func (i *Item) Updated() time.Time { return i.updated }

// perItem is about what an item needs in memory beside its bodies.
const perItem = 1 << 10

// Held returns about how many bytes the item keeps in memory, its compressed
// forms included: they are made later, and are a quarter as a rule.
func (i *Item) Held() int {
	n := perItem
	for _, p := range i.pieces {
		n += len(p.body) + len(p.body)/4
	}
	return n
}

// piece is an item in one format.
type piece struct {
	body     []byte
	sum      [sha256.Size]byte
	deflated func() []byte // a segment of a deflate stream; made once, when asked for
}

func newPiece(body []byte, d *deflater) piece {
	return piece{
		body:     body,
		sum:      sha256.Sum256(body),
		deflated: sync.OnceValue(func() []byte { return d.segment(body) }),
	}
}
