package catalogue

import (
	"fmt"
	"strconv"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/nats-io/nats.go"
)

// The headers of a record.
const (
	headerFormat = "Gallerywire-Format"
	headerIndex  = "Gallerywire-Index"
	headerEvent  = "Gallerywire-Event"
)

// format is the number of the newest records written here. Releases read this one and
// the one before. Galleries that not everybody may see at any time have it, and their
// take-downs: the release before would show them, and tell everybody of the end.
const format = 2

// header returns the headers of the record of r that the index has as e.
func header(r Revision, e *index.Entry, event string) (nats.Header, error) {
	line, err := e.Line()
	if err != nil {
		return nil, fmt.Errorf("encode the index line: %w", err)
	}
	number := format - 1
	if r.Gallery != nil && r.Gallery.Restricted() || e.WasRestricted() {
		number = format
	}
	h := nats.Header{headerFormat: {strconv.Itoa(number)}, headerIndex: {string(line)}}
	if event != "" {
		h.Set(headerEvent, event)
	}
	return h, nil
}

// entry reads the index's part of a record. Its error names what does not fit, a
// panic too; a record of a newer release is an entry that shows nothing.
func entry(r bucket.Record) (e *index.Entry, err error) {
	defer bucket.Recover(&err)
	number, err := strconv.Atoi(r.Header.Get(headerFormat))
	if err != nil {
		return nil, fmt.Errorf("read the format of revision %d: %w", r.Revision, err)
	}
	if number > format {
		return index.NewerFormat(r.Revision, r.Stored), nil
	}
	e, err = index.ParseLine(r.Header.Get(headerIndex), r.Revision, r.Stored)
	if err != nil {
		return nil, err
	}
	if gallery.Key(e.ID) != r.Key {
		return nil, fmt.Errorf("read the index line of revision %d: it is of gallery %q, which is kept elsewhere", r.Revision, e.ID)
	}
	return e, nil
}

// read is [entry] for a record that may be anything, nil for none: one that was
// deleted, or that cannot be read, is an entry that is lost, and err says why.
func read(r bucket.Record) (*index.Entry, error) {
	switch {
	case r.Revision == 0:
		return nil, nil
	case r.Value == nil:
		return index.Lost(r.Revision, r.Stored), nil
	}
	e, err := entry(r)
	if err != nil {
		return index.Lost(r.Revision, r.Stored), err
	}
	return e, nil
}
