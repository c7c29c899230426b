package feed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
)

// frame is a document without its items.
type frame struct{ head, separator, tail []byte }

// Document is a feed in one format. It is safe for concurrent use; its bytes
// belong to it and must not be changed.
type Document struct {
	Format Format
	Body   []byte
	ETag   string // strong and quoted; a function of Body

	frame frame
	items []*Item
	gzip  func() []byte
}

// Assemble puts a document together: the head of ch and the items in the given
// order, which may be none. Its cost beside copying is that of the head. What
// it returns is fit to be published once [Document.Check] finds nothing.
func Assemble(f Format, ch Channel, items []*Item) (*Document, error) {
	fr, err := ch.frame(f)
	if err != nil {
		return nil, fmt.Errorf("render %s head of %s: %w", f, ch.ID, err)
	}
	pieces := make([]*piece, len(items))
	for i, item := range items {
		pieces[i] = &item.pieces[f]
	}
	d := &Document{Format: f, Body: fr.join(pieces), ETag: fr.etag(pieces), frame: fr, items: items}
	d.gzip = sync.OnceValue(func() []byte { return gzipped(fr, pieces, d.Body) })
	return d, nil
}

// Gzip returns the body compressed, as a single gzip member, and its own
// strong ETag. It is made at the first call, from what the items keep
// compressed, and kept.
func (d *Document) Gzip() (body []byte, etag string) {
	return d.gzip(), d.ETag[:len(d.ETag)-1] + `-gzip"`
}

func (fr *frame) join(pieces []*piece) []byte {
	parts := make([][]byte, 0, 2*len(pieces)+2)
	parts = append(parts, fr.head)
	for i, p := range pieces {
		if i > 0 {
			parts = append(parts, fr.separator)
		}
		parts = append(parts, p.body)
	}
	return bytes.Join(append(parts, fr.tail), nil)
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
