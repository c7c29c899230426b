package catalogue

import (
	"fmt"
	"strconv"
	"time"

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

// format is the number of the records written here. Releases read this one and
// the one before.
const format = 1

// message returns the record that the index has as e.
func message(subject string, e *index.Entry, body []byte, event string) (*nats.Msg, error) {
	text, err := e.Line()
	if err != nil {
		return nil, fmt.Errorf("encode the index line of gallery %q: %w", e.ID, err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = body
	msg.Header.Set(headerFormat, strconv.Itoa(format))
	msg.Header.Set(headerIndex, string(text))
	if event != "" {
		msg.Header.Set(headerEvent, event)
	}
	return msg, nil
}

// entry reads the index's part of the record with that key. Its error names
// what does not fit, a panic too; a record of a newer release is an entry that shows
// nothing.
func entry(key string, header nats.Header, revision uint64, stored time.Time) (e *index.Entry, err error) {
	defer bucket.Recover(&err)
	number, err := strconv.Atoi(header.Get(headerFormat))
	if err != nil {
		return nil, fmt.Errorf("read the format of revision %d: %w", revision, err)
	}
	if number > format {
		return index.NewerFormat(revision, stored), nil
	}
	e, err = index.ParseLine(header.Get(headerIndex), revision, stored)
	if err != nil {
		return nil, err
	}
	if gallery.Key(e.ID) != key {
		return nil, fmt.Errorf("read the index line of revision %d: it is of gallery %q, which is kept elsewhere", revision, e.ID)
	}
	return e, nil
}

// read is [entry] for a record that may be anything: one that was deleted, or
// that can not be read, is an entry that is lost, and err says why.
func read(key string, header nats.Header, revision uint64, stored time.Time) (*index.Entry, error) {
	if bucket.Deleted(header) {
		return index.Lost(revision, stored), nil
	}
	e, err := entry(key, header, revision, stored)
	if err != nil {
		return index.Lost(revision, stored), err
	}
	return e, nil
}
