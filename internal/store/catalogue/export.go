package catalogue

import (
	"context"
	"fmt"
	"iter"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// Export yields every record, those of take-downs included, in the order in
// which they were written. A gallery that is revised meanwhile may come twice,
// the later revision last, and none is missed. A record that cannot be read is
// an [ErrUnreadable] and the next ones follow; any other error is the last.
func (c *Catalogue) Export(ctx context.Context) iter.Seq2[Revision, error] {
	return func(yield func(Revision, error) bool) {
		for there, err := range c.bucket.All(ctx) {
			var r Revision
			if err == nil {
				r, err = exported(there)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// exported reads a record.
func exported(r bucket.Record) (Revision, error) {
	e, err := entry(r)
	if err == nil && e.NewerFormat() {
		err = ErrNewerFormat
	}
	var past []byte
	if err == nil {
		past, err = e.Past()
	}
	if err != nil {
		return Revision{}, fmt.Errorf("record %s: %w: %w", r.Key, ErrUnreadable, err)
	}
	out := Revision{ID: e.ID, Rank: e.Rank, Reason: e.Reason(), Body: r.Value, Past: past}
	if event := r.Header.Get(headerEvent); event != "" {
		out.Event = []byte(event)
	}
	return out, nil
}
