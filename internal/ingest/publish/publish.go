// Package publish sends galleries as a CMS does: over JetStream, waiting for
// the acknowledgement that says the event is stored.
//
// Events are sent in the order in which they are read, with several under way
// at once. A connection that is lost for a while is waited for, and what was
// under way is sent again: taking in the same event twice changes nothing. A
// [Memory] holds what was acknowledged of files, so that an interrupted run goes
// on where it was, and files that did not change are not sent again.
package publish

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// Item is an event to be sent, or why there is none.
type Item struct {
	Name  string     // where it comes from, for people: "harbour.json", "- #3"
	ID    string     // of the gallery, where it could be read
	Kind  event.Kind // what its own content says, else Published
	Data  []byte
	Event *event.Event // what Data says; nil when there is a fault
	Fault error        // what is wrong with it; nil when it would be accepted

	Broken jsonfault.Position // where it is not JSON; zero when it is

	file *file // of a folder
}

// Read yields the events in r: one JSON value after the other (NDJSON, or plain
// JSON), a list being its elements. What is not JSON is an item with a fault, and
// the next line that may begin a value is gone on with. A text without an event is
// a fault, too.
func Read(name string, r io.Reader, events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		in := newInput(r)
		for n := 1; ; n++ {
			place := fmt.Sprintf("%s #%d", name, n)
			value, err := in.next()
			var broken *brokenError
			switch {
			case err == io.EOF && n == 1:
				yield(Item{Name: name, Fault: errors.New("holds no event")})
				return
			case err == io.EOF:
				return
			case errors.As(err, &broken):
				if !yield(broken.item(place, events)) {
					return
				}
				continue
			case err != nil:
				yield(Item{Name: place, Fault: fmt.Errorf("read events: %w", err)})
				return
			}
			if !yield(inspect(place, value, events)) {
				return
			}
		}
	}
}

// item says what is wrong as the service would, had it been sent the text.
func (b *brokenError) item(name string, events event.Reader) Item {
	item := Item{Name: name, Fault: b, Broken: b.at}
	events.MaxBytes = 0 // it may be more than one event
	_, err := events.Decode(event.Message{Data: b.text, Stored: time.Now()})
	var problems gallery.Problems
	if b.text == nil || !errors.As(err, &problems) {
		return item
	}
	asEvent, _ := jsonfault.Syntax(b.text, jsonfault.Position{Line: 1, Column: 1})
	asPart, at := jsonfault.Syntax(b.text, b.at)
	for i := range problems {
		if problems[i].Reason == asEvent.Reason {
			problems[i].Reason, item.Broken = asPart.Reason, at
		}
	}
	item.Fault = problems
	return item
}

// inspect decodes the event as the service would.
func inspect(name string, data []byte, events event.Reader) Item {
	item := Item{Name: name, Kind: event.Published, Data: data}
	m := event.Message{Data: data, Stored: time.Now()}
	_, _, item.ID = event.Attributes(m)
	if item.Event, item.Fault = events.Decode(m); item.Fault == nil {
		item.Kind = item.Event.Kind
	} else if event.OnlyTakesDown(data) {
		item.Fault = fmt.Errorf("%w (to take the gallery down, use gallerywire unpublish)", item.Fault)
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
