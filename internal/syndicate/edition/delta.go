package edition

import (
	"context"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// How many earlier versions a feed remembers for readers that ask only for what
// changed since (RFC 3229): configured feeds, and those rendered on demand.
const (
	manyVersions = 32
	fewVersions  = 4
)

// version is an edition that readers may still have.
type version struct {
	etags  []string // by format
	states map[state]struct{}
}

// state is a gallery as it was shown.
type state struct {
	hash  gallery.Hash
	phase int
	stub  bool
}

func (m Member) state() state { return state{m.Rank.Hash, m.Phase, m.Stub} }

// version is what is remembered of e once another edition follows it.
func (e *Edition) version() version {
	v := version{states: make(map[state]struct{}, len(e.Members))}
	for _, m := range e.Members {
		v.states[m.state()] = struct{}{}
	}
	v.etags = e.etags()
	return v
}

// etags are those of the documents, by format.
func (e *Edition) etags() []string {
	var list []string
	for _, doc := range e.Documents {
		list = append(list, doc.ETag)
	}
	return list
}

// Since returns a document of what changed since the latest earlier edition whose entity
// tag has accepts. It reports false if there is no such edition, if the document would be
// no shorter than the whole, or if galleries were only removed.
func (e *Edition) Since(has func(etag string) bool, f feed.Format) (*feed.Document, bool) {
	for i := len(e.past) - 1; i >= 0; i-- {
		if !has(e.past[i].etags[f]) {
			continue
		}
		var items []*feed.Item
		for j, m := range e.Members {
			if _, had := e.past[i].states[m.state()]; !had {
				items = append(items, e.items[j])
			}
		}
		if len(items) == 0 || len(items) == len(e.items) {
			return nil, false
		}
		key := deltaKey{from: e.past[i].etags[f], to: e.Documents[f].ETag}
		doc, err := e.deltas.Load(context.Background(), key, func(context.Context) (*feed.Document, error) {
			doc, err := feed.Assemble(f, e.channel, items)
			if err == nil {
				doc.Grown = func() { e.deltas.Resize(key, doc) }
			}
			return doc, err
		})
		return doc, err == nil
	}
	return nil, false
}

// deltas keeps the documents that [Edition.Since] returned. An entity tag is a function
// of the bytes of a document, which name its feed and are of one format.
type deltas = cache.Cache[deltaKey, *feed.Document]

type deltaKey struct{ from, to string } // entity tags

// remember keeps at most that many versions of the good editions before e; last is the one
// right before it.
func (e *Edition) remember(last *Edition, most int) {
	if last == nil || most == 0 {
		return
	}
	e.past = last.past
	if last.Fallback || last.fingerprint == e.fingerprint {
		return
	}
	e.past = append(append([]version(nil), last.past...), last.version())
	if over := len(e.past) - most; over > 0 {
		e.past = e.past[over:]
	}
}

// assemble puts the documents of the edition together. grown is called when one of
// them holds more; it may be nil.
func (s *Set) assemble(e *Edition, grown func()) error {
	e.Documents = nil
	for _, f := range feed.Formats() {
		began := time.Now()
		doc, err := feed.Assemble(f, e.channel, e.items)
		if err != nil {
			return fmt.Errorf("render feed %q: %w", e.Feed, err)
		}
		s.metrics.made(doc, began)
		doc.Grown = grown
		e.Documents = append(e.Documents, doc)
	}
	return nil
}
