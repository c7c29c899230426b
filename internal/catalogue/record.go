package catalogue

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
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

// line is the index's part of a record: one line of JSON in a header. Instants
// are Unix nanoseconds.
type line struct {
	ID        string     `json:"id"`
	Updated   int64      `json:"u"`
	Version   int64      `json:"v,omitzero"`
	TakeDown  bool       `json:"d,omitzero"`
	Hash      string     `json:"h"`
	Published int64      `json:"p,omitzero"`
	End       int64      `json:"e,omitzero"`
	Withheld  bool       `json:"w,omitzero"`
	SlideEnds []int64    `json:"se,omitzero"`
	Facets    []wireFact `json:"f,omitzero"`
	Left      []wireLeft `json:"left,omitzero"`
	GUID      string     `json:"g,omitzero"`
	Reason    string     `json:"r,omitzero"`
}

// wireFact is a facet: its kind's letter and its name.
type wireFact string

type wireLeft struct {
	Facets []wireFact `json:"f,omitzero"`
	All    bool       `json:"all,omitzero"`
	Down   bool       `json:"d,omitzero"`
	At     int64      `json:"at,omitzero"`
}

// message returns the record of r, which at the instant now replaces prev (nil:
// nothing).
func message(subject string, r Revision, prev *Entry, now time.Time) (*nats.Msg, error) {
	text, err := lineOf(r, prev, now).encode()
	if err != nil {
		return nil, fmt.Errorf("encode the index line of gallery %q: %w", r.ID, err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = r.Body
	msg.Header.Set(headerFormat, strconv.Itoa(format))
	msg.Header.Set(headerIndex, string(text))
	if len(r.Event) > 0 {
		msg.Header.Set(headerEvent, string(r.Event))
	}
	return msg, nil
}

func lineOf(r Revision, prev *Entry, now time.Time) line {
	l := line{
		ID: r.ID, Updated: r.Rank.Updated.UnixNano(), Version: r.Rank.Version,
		TakeDown: r.Rank.TakeDown, Hash: r.Rank.Hash.String(),
	}
	var facets []Facet
	if g := r.Gallery; g != nil {
		facets = facetsOf(g)
		l.Published = g.Published.UnixNano()
		l.End = nanos(g.End())
		l.Withheld = g.Rights.Syndicate != nil && !*g.Rights.Syndicate
		l.GUID = g.GUID
		for _, at := range g.SlideEnds() {
			l.SlideEnds = append(l.SlideEnds, nanos(at))
		}
	}
	if r.Gallery == nil {
		l.Reason = r.Reason
		if prev != nil {
			l.GUID = prev.GUID()
		}
	}
	l.Facets = toWire(facets)
	for _, d := range departures(prev, facets, r.Rank.TakeDown, now) {
		l.Left = append(l.Left, wireLeft{Facets: toWire(d.facets), All: d.all, Down: d.down, At: d.at})
	}
	return l
}

// maxLine keeps a record's headers below the 64 KiB that JetStream takes.
const maxLine = 60_000

// encode sums up what the gallery left where there is no room for all of it.
func (l line) encode() ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil || len(text) <= maxLine {
		return text, err
	}
	l.Left = []wireLeft{{All: true, Down: slices.ContainsFunc(l.Left, func(d wireLeft) bool { return d.Down })}}
	return json.Marshal(l)
}

// departures is what the successor of prev remembers to have left, oldest
// first: what prev remembers, and prev's own facets unless they stay. What
// nobody may have seen at the instant now is not said to be taken down: no feed
// tells that there was an embargoed gallery.
func departures(prev *Entry, facets []Facet, takeDown bool, now time.Time) []departure {
	if prev == nil {
		return nil
	}
	stay := func(fs []Facet) bool { return !takeDown && slices.Equal(fs, facets) }
	leaves := !prev.Rank.TakeDown && !stay(prev.Facets)
	var ds []departure
	for _, d := range prev.left() {
		if d.at == 0 {
			d.at = prev.stored
		}
		if again := leaves && slices.Equal(d.facets, prev.Facets); d.all || !stay(d.facets) && !again {
			ds = append(ds, d)
		}
	}
	if leaves {
		ds = append(ds, departure{facets: prev.Facets, down: takeDown && prev.shows() && prev.published <= now.UnixNano()})
	}
	for len(ds) > maxDepartures {
		ds[1] = departure{all: true, at: max(ds[0].at, ds[1].at)}
		ds = ds[1:]
	}
	return ds
}

// entry reads the index's part of the record with that key. Its error names
// what does not fit; a record of a newer release is an entry that shows nothing.
func entry(key string, header nats.Header, revision uint64, stored time.Time) (*Entry, error) {
	number, err := strconv.Atoi(header.Get(headerFormat))
	if err != nil {
		return nil, fmt.Errorf("read the format of revision %d: %w", revision, err)
	}
	if number > format {
		return stray(foreign, revision, stored.UnixNano()), nil
	}
	var l line
	if err := json.Unmarshal([]byte(header.Get(headerIndex)), &l); err != nil {
		return nil, fmt.Errorf("read the index line of revision %d: %w", revision, err)
	}
	if gallery.Key(l.ID) != key {
		return nil, fmt.Errorf("read the index line of revision %d: it is of gallery %q, which is kept elsewhere", revision, l.ID)
	}
	e := l.entry()
	e.Revision, e.stored = revision, stored.UnixNano()
	if n, err := hex.Decode(e.Rank.Hash[:], []byte(l.Hash)[:min(len(l.Hash), hashDigits)]); err != nil || n < len(e.Rank.Hash) {
		return nil, fmt.Errorf("read the rank of revision %d: %q is no hash", revision, l.Hash)
	}
	return e, nil
}

const hashDigits = 2 * len(gallery.Hash{})

// entry returns what the line says, without the rank's hash.
func (l line) entry() *Entry {
	e := &Entry{
		ID:       l.ID,
		Rank:     gallery.Rank{Updated: time.Unix(0, l.Updated).UTC(), Version: l.Version, TakeDown: l.TakeDown},
		Withheld: l.Withheld, Facets: fromWire(l.Facets),
		published: l.Published, end: l.End, cut: cutOf(l.ID), memo: l.memo(),
	}
	if e.end == 0 {
		e.end = math.MaxInt64
	}
	return e
}

func (l line) memo() *memo {
	if l.GUID == "" && l.Reason == "" && len(l.SlideEnds) == 0 && len(l.Left) == 0 {
		return nil
	}
	m := &memo{guid: l.GUID, reason: l.Reason, slideEnds: l.SlideEnds}
	for _, d := range l.Left {
		m.left = append(m.left, departure{facets: fromWire(d.Facets), all: d.All, down: d.Down, at: d.At})
	}
	return m
}

// read is [entry] for a record that may be anything: one that was deleted, or
// that can not be read, is an entry that is lost, and err says why.
func read(key string, header nats.Header, revision uint64, stored time.Time) (e *Entry, err error) {
	if deleted(header) {
		return stray(lost, revision, stored.UnixNano()), nil
	}
	if e, err = entry(key, header, revision, stored); err != nil {
		return stray(lost, revision, stored.UnixNano()), err
	}
	return e, nil
}

func toWire(fs []Facet) []wireFact {
	out := make([]wireFact, len(fs))
	for i, f := range fs {
		p := f.Value()
		out[i] = wireFact(string(p.Kind) + p.Name)
	}
	return out
}

func fromWire(ws []wireFact) []Facet {
	if len(ws) == 0 {
		return nil
	}
	fs := make([]Facet, 0, len(ws))
	for _, w := range ws {
		if w != "" {
			fs = append(fs, facet(Kind(w[0]), string(w[1:])))
		}
	}
	return fs
}

// nanos clamps t to what fits. The zero time is 0, and no other instant is.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Year() > 2261:
		return math.MaxInt64
	case t.Year() < 1679:
		return math.MinInt64 + 1
	}
	return cmp.Or(t.UnixNano(), 1)
}

// deleted reports whether a message in the bucket is a marker that the key was
// deleted by somebody's hand.
func deleted(header nats.Header) bool {
	op := header.Get("KV-Operation")
	return op == "DEL" || op == "PURGE"
}
