package feed

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

// Item is one gallery, or one slide of a gallery's own feed, rendered in every
// format: the piece from which documents are put together. It never changes,
// and any number of feeds and goroutines may share it.
type Item struct {
	galleryID, id, atomID string
	updated               time.Time
	pieces                [formats]piece
}

// ID returns the identifier that RSS and JSON Feed show.
func (i *Item) ID() string { return i.id }

// Updated returns when the gallery last changed, in whole seconds, as the
// documents show it.
func (i *Item) Updated() time.Time { return i.updated }

// perItem is about what an item needs in memory in addition to its bodies.
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

// maxDocument is how long the items of a document may be in bytes unless something
// else is asked for.
const maxDocument = 16 << 20

// Problem is an item that cannot be in a document.
type Problem struct {
	Item   int // its index
	Reason string
}

// Check returns those of the items that cannot be in one document with the ones
// before them: their identifier is taken, or in one of the formats the items would
// be longer than limit bytes (0: 16 MiB). The others can.
func Check(items []*Item, limit int) []Problem {
	var problems []Problem
	limit = cmp.Or(limit, maxDocument)
	seen := make(map[string]*Item, len(items)) // by Atom's identifier: where that of RSS is the same, it is too
	var sizes [formats]int
	for i, item := range items {
		longest := 0
		for f, p := range item.pieces {
			longest = max(longest, sizes[f]+len(p.body))
		}
		switch first := seen[item.atomID]; {
		case first != nil:
			problems = append(problems, Problem{i, fmt.Sprintf("its id %s is also that of gallery %q", item.ID(), first.galleryID)})
		case longest > limit:
			problems = append(problems, Problem{i, fmt.Sprintf("with it the document would be longer than %d bytes", limit)})
		default:
			seen[item.atomID] = item
			for f, p := range item.pieces {
				sizes[f] += len(p.body)
			}
		}
	}
	return problems
}
