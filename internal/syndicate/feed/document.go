package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// frame is a document without its items.
type frame struct{ head, separator, tail []byte }

// Document is a feed in one format. It is put together from pieces that it
// shares with other documents, so that a change costs one item. The pieces are copied
// only for [Document.Bytes] and [Document.Gzip]. It is safe for concurrent use.
type Document struct {
	Format Format
	ETag   string // strong and quoted; a function of the bytes
	Link   string // the header that names the hubs and the document itself; see [Link]
	Grown  func() // called when the document holds more; may be nil; set before the document is shared

	frame frame
	items []*Item
	parts [][]byte
	size  int
	held  atomic.Int64
	bytes func() []byte
	gzip  func() []byte
}

// perPart is about what a document needs in memory for each of its parts.
const perPart = 40

// Assemble puts a document together: the head of ch and the items in the given
// order, which may be none and have passed [Check]. It costs the head and a look at
// each item.
func Assemble(f Format, ch Channel, items []*Item) (*Document, error) {
	fr, err := f.writer().channel(&ch)
	if err != nil {
		return nil, fmt.Errorf("render %s head of %s: %w", f, ch.ID, err)
	}
	pieces := make([]*piece, len(items))
	for i, item := range items {
		pieces[i] = &item.pieces[f]
	}
	d := &Document{
		Format: f, ETag: fr.etag(pieces), Link: Link(ch.Hubs, ch.Self[f]),
		frame: fr, items: items, parts: fr.parts(pieces),
	}
	for _, part := range d.parts {
		d.size += len(part)
	}
	d.held.Store(int64(len(fr.head) + len(fr.tail) + perPart*len(d.parts)))
	d.bytes = sync.OnceValue(func() []byte { return d.keep(bytes.Join(d.parts, nil)) })
	d.gzip = sync.OnceValue(func() []byte { return d.keep(gzipped(fr, pieces, d)) })
	return d, nil
}

func (d *Document) keep(form []byte) []byte {
	d.held.Add(int64(len(form)))
	if d.Grown != nil {
		d.Grown()
	}
	return form
}

// Held returns about how many bytes the document keeps in memory now, without its
// items: its head, and each form that was asked for.
func (d *Document) Held() int { return int(d.held.Load()) }

// Size returns how many bytes the document is long.
func (d *Document) Size() int { return d.size }

// Bytes returns the document in one piece, which is made at the first call and
// kept. It must not be changed.
func (d *Document) Bytes() []byte { return d.bytes() }

// WriteTo writes the document piece by piece. It implements [io.WriterTo].
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	var sum int64
	for _, part := range d.parts {
		n, err := w.Write(part)
		sum += int64(n)
		if err != nil {
			return sum, fmt.Errorf("write feed: %w", err)
		}
	}
	return sum, nil
}

// Gzip returns the body compressed, as a single gzip member, and its own
// strong ETag. It is made at the first call, from what the items keep
// compressed, and kept.
func (d *Document) Gzip() (body []byte, etag string) {
	return d.gzip(), d.ETag[:len(d.ETag)-1] + `-gzip"`
}

// parts are the pieces with what is around them.
func (fr *frame) parts(pieces []*piece) [][]byte {
	parts := make([][]byte, 0, 2*len(pieces)+2)
	parts = append(parts, fr.head)
	for i, p := range pieces {
		if i > 0 {
			parts = append(parts, fr.separator)
		}
		parts = append(parts, p.body)
	}
	return append(parts, fr.tail)
}

// etag hashes the hashes of what the document is made of, so that a change
// costs hashing one item.
func (fr *frame) etag(pieces []*piece) string {
	h := sha256.New()
	for _, part := range [][]byte{fr.head, fr.tail} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	for _, p := range pieces {
		h.Write(p.sum[:])
	}
	return `"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}
