package catalogue

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Fixed returns a catalogue of the revisions, as it would be had they been put
// in their order. It has no server and keeps nothing: it is ready at once, and
// neither [Catalogue.Run] nor [Catalogue.Put] may be called. Of o it uses
// Decode, Now, ArchivePage, Tombstones and Logger.
func Fixed(o Options, revisions iter.Seq[Revision]) (*Catalogue, error) {
	c := New(o)
	now := c.opts.Now()
	records := new(fixed)
	entries := map[string]*Entry{}
	for r := range revisions {
		key := gallery.Key(r.ID)
		e, err := records.add(c.subject(key), r, entries[key], now)
		if err != nil {
			return nil, fmt.Errorf("take gallery %q: %w", r.ID, err)
		}
		e.keep(o.Tombstones)
		entries[key] = e
	}
	c.index.fill(entries, now, uint64(len(*records)), now.UnixNano())
	var stream jetstream.Stream = records.stream()
	c.stream.Store(&stream)
	c.ready.Store(true)
	return c, nil
}

// fixed are records in memory, by sequence less one.
type fixed []*nats.Msg

// add puts r where prev is, and returns the entry that is there then.
func (f *fixed) add(subject string, r Revision, prev *Entry, now time.Time) (*Entry, error) {
	msg, err := f.record(subject, r, prev)
	if err != nil || msg == nil {
		return prev, err
	}
	*f = append(*f, msg)
	return entry(gallery.Key(r.ID), msg.Header, uint64(len(*f)), now)
}

// record returns what takes the place of the record of prev, nil for nothing.
func (f *fixed) record(subject string, r Revision, prev *Entry) (*nats.Msg, error) {
	switch {
	case prev.yields(r.Rank):
		return message(subject, r, prev)
	case prev.learns(r):
		last := (*f)[prev.Revision-1]
		index, err := prev.taught(r, last.Header.Get(headerIndex))
		if err != nil {
			return nil, err
		}
		msg := &nats.Msg{Subject: subject, Header: maps.Clone(last.Header), Data: last.Data}
		msg.Header.Set(headerIndex, string(index))
		return msg, nil
	}
	return nil, nil
}

func (f *fixed) stream() fixedStream { return fixedStream{records: *f} }

// fixedStream is as much of a stream as [Catalogue.Load] needs.
type fixedStream struct {
	jetstream.Stream
	records fixed
}

// GetMsg implements [jetstream.Stream].
func (s fixedStream) GetMsg(_ context.Context, sequence uint64, _ ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	if sequence == 0 || sequence > uint64(len(s.records)) {
		return nil, jetstream.ErrMsgNotFound
	}
	msg := s.records[sequence-1]
	return &jetstream.RawStreamMsg{Subject: msg.Subject, Sequence: sequence, Header: msg.Header, Data: msg.Data}, nil
}
