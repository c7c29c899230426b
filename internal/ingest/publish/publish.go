// Package publish sends galleries as a CMS does: over JetStream or HTTP, waiting for the
// acknowledgement that says the event is stored.
//
// Events are sent in the order in which they are read, with several in flight at once.
// While a connection is lost, or the service asks to wait, the sender waits, then sends
// again what was in flight: taking in the same event twice changes nothing. A [State]
// holds what was acknowledged of files, so that an interrupted run continues where it
// was, and unchanged files are not sent again.
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
	"github.com/go-json-experiment/json/jsontext"
)

// Item is an event to be sent, or the fault why it cannot be.
type Item struct {
	Name  string     // its source, for people: "harbour.json", "- #3"
	ID    string     // of the gallery, where it could be read
	Kind  event.Kind // as its content has it, else Published
	Data  []byte
	Event *event.Event // decoded from Data; nil when there is a fault
	Fault error        // what is wrong with it; nil when it would be accepted

	Broken jsonfault.Position // where it is not JSON; zero when it is

	file *file // of a folder
}

// Read yields the events in r: one JSON value after the other (NDJSON, or plain JSON),
// a list being its elements. A value that is not JSON is an item with a fault, and Read
// continues with the next line that may begin a value. A text without an event is a
// fault too.
func Read(name string, r io.Reader, events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		in := &input{r: r, d: jsontext.NewDecoder(r), at: jsonfault.Position{Line: 1, Column: 1}}
		for n := 1; ; n++ {
			item := Item{Name: fmt.Sprintf("%s #%d", name, n)}
			value, err := in.next()
			broken, isBroken := errors.AsType[*brokenError](err)
			switch {
			case err == io.EOF && n > 1:
				return
			case err == io.EOF:
				item = Item{Name: name, Fault: errors.New("holds no event")}
			case isBroken:
				item.Broken, item.Fault = broken.explain(events)
			case err != nil:
				item.Fault = fmt.Errorf("read events: %w", err)
			default:
				item = inspect(item.Name, value, events)
			}
			if !yield(item) || err != nil && !isBroken {
				return
			}
		}
	}
}

// explain says what is wrong as the service would, had the text been sent to it, and
// where.
func (b *brokenError) explain(events event.Reader) (jsonfault.Position, error) {
	if b.text == nil {
		return b.at, b
	}
	events.MaxBytes = 0 // the text may be more than one event
	_, err := events.Decode(event.Message{Data: b.text, Stored: time.Now()})
	problems, ok := errors.AsType[gallery.Problems](err)
	if !ok {
		return b.at, b
	}
	asEvent, _ := jsonfault.Syntax(b.text, jsonfault.Position{Line: 1, Column: 1})
	asPart, at := jsonfault.Syntax(b.text, b.at)
	broken := b.at
	for i := range problems {
		if problems[i].Reason == asEvent.Reason {
			problems[i].Reason, broken = asPart.Reason, at
		}
	}
	return broken, problems
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
