// Package publish sends galleries as a CMS does: over JetStream, waiting for
// the acknowledgement that says the event is stored.
//
// Events are sent in the order in which they are read, with several under way
// at once. A connection that is lost for a while is waited for, and what was
// under way is sent again: taking in the same event twice changes nothing. A [Folder] remembers what was
// acknowledged of its files, so that what was interrupted goes on where it was,
// and what did not change is not sent again.
package publish

import (
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Item is an event to be sent, or why there is none.
type Item struct {
	Name  string     // where it comes from, for people: "harbour.json", "- #3"
	ID    string     // of the gallery, where it could be read
	Kind  event.Kind // what its own content says, else Published
	Data  []byte
	Event *event.Event // what Data says; nil when there is a fault
	Fault error        // what is wrong with it; nil when it would be accepted

	file *file // of a folder
}

// Read yields the events in r: one JSON value after the other (NDJSON, or plain
// JSON), a list being its elements. It ends after the first value that is not
// JSON, for what follows cannot be told.
func Read(name string, r io.Reader, events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		// Values are taken as they are: what is wrong inside is the event's fault.
		values := reader{d: jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
		for n := 1; ; n++ {
			place := fmt.Sprintf("%s #%d", name, n)
			value, err := values.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Item{Name: place, Fault: fmt.Errorf("not valid JSON: %w", err)})
				return
			}
			if !yield(inspect(place, value.Clone(), events)) {
				return
			}
		}
	}
}

// reader reads values one after the other and into lists, but not into lists in
// lists.
type reader struct {
	d      *jsontext.Decoder
	inside bool
}

// next returns [io.EOF] itself only where the input may end.
func (r *reader) next() (jsontext.Value, error) {
	for {
		kind := r.d.PeekKind()
		if !(kind == '[' && !r.inside || kind == ']' && r.inside) {
			return r.d.ReadValue()
		}
		if _, err := r.d.ReadToken(); err != nil {
			return nil, err
		}
		r.inside = !r.inside
	}
}

// inspect decodes the event as the service would.
func inspect(name string, data []byte, events event.Reader) Item {
	item := Item{Name: name, Kind: event.Published, Data: data}
	m := event.Message{Data: data, Stored: time.Now()}
	_, _, item.ID = event.Attributes(m)
	if item.Event, item.Fault = events.Decode(m); item.Fault == nil {
		item.Kind = item.Event.Kind
	}
	return item
}

// TakeDown returns the event that takes a gallery down as of the instant at.
func TakeDown(id, reason string, version int64, at time.Time) (Item, error) {
	data, err := json.Marshal(event.TakeDown{ID: id, Updated: at.UTC(), Version: version, Reason: reason})
	if err != nil {
		return Item{}, fmt.Errorf("take down %q: %w", id, err)
	}
	item := Item{Name: id, ID: id, Kind: event.Unpublished, Data: data}
	if ps := gallery.ValidateTakeDown(id, at, version, reason); len(ps) > 0 {
		item.Fault = ps
	}
	return item, nil
}
