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
	"github.com/gallerywire/gallerywire/internal/store/bucket"
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
	Home      bool       `json:"home,omitzero"`
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
	Seen   bool       `json:"s,omitzero"`
	Of     *wireRank  `json:"of,omitzero"`
	At     int64      `json:"at,omitzero"`
}

// wireRank is the rank of a publication, and from when it was shown.
type wireRank struct {
	Updated int64  `json:"u"`
	From    int64  `json:"p,omitzero"`
	Version int64  `json:"v,omitzero"`
	Hash    string `json:"h"`
}

// message returns the record of r, which replaces prev (nil: nothing).
func message(subject string, r Revision, prev *Entry) (*nats.Msg, error) {
	text, err := lineOf(r, prev).encode()
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

func lineOf(r Revision, prev *Entry) line {
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
		l.Home = g.URL == ""
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
	l.leave(departures(prev, facets, r.Rank, r.Gallery != nil && !l.shown()))
	return l
}

func (l *line) leave(ds []departure) {
	l.Left = nil
	for _, d := range ds {
		w := wireLeft{Facets: toWire(d.facets), All: d.all, Down: d.down, Seen: d.seen && !d.down, At: d.at}
		if d.of != nil {
			r := d.of.rank
			w.Of = &wireRank{Updated: r.Updated.UnixNano(), From: d.of.from, Version: r.Version, Hash: r.Hash.String()}
		}
		l.Left = append(l.Left, w)
	}
}

// maxLine keeps a record's headers below the 64 KiB that JetStream takes.
const maxLine = 60_000

// encode sums up what the gallery left where there is no room for all of it.
func (l line) encode() ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil || len(text) <= maxLine {
		return text, err
	}
	all := wireLeft{All: true}
	if last := l.Left[len(l.Left)-1]; l.TakeDown {
		all.Down, all.Of = last.Down, last.Of
	}
	l.Left = []wireLeft{all}
	return json.Marshal(l)
}

// shown reports whether the revision is shown as of its own instant.
func (l line) shown() bool {
	return !l.Withheld && l.Published <= l.Updated && (l.End == 0 || l.Updated < l.End)
}

// departures is what the successor of prev remembers to have left, oldest
// first: what prev remembers, and prev's own facets unless they stay. Where the
// successor is hidden they do not.
func departures(prev *Entry, facets []Facet, rank gallery.Rank, hidden bool) []departure {
	if prev == nil {
		return nil
	}
	stay := func(fs []Facet) bool { return !rank.TakeDown && !hidden && slices.Equal(fs, facets) }
	last := prev.departs(rank)
	leaves := !prev.Rank.TakeDown && (!hidden || last.seen || !slices.Equal(prev.Facets, facets)) && !stay(prev.Facets)
	var ds []departure
	for _, d := range prev.left() {
		if d.at == 0 {
			d.at = prev.stored
		}
		if rank.TakeDown && d.of != nil && d.of.from != 0 {
			d.down = d.of.from <= rank.Updated.UnixNano() // whatever take-down came before
			d.seen = d.seen || d.down
		}
		again := leaves && slices.Equal(d.facets, prev.Facets)
		last.seen = last.seen || again && d.seen
		if d.all || !stay(d.facets) && !again {
			ds = append(ds, d)
		}
	}
	if leaves {
		ds = append(ds, last)
	}
	return shorten(ds)
}

// departs is how e leaves for the revision of that rank. A take-down that comes
// before the embargo ends is not told: feeds do not say what was never there.
func (e *Entry) departs(rank gallery.Rank) departure {
	d := departure{facets: e.Facets, seen: e.shows() && e.published <= rank.Updated.UnixNano()}
	if !rank.TakeDown {
		return d
	}
	d.of, d.down = &publication{rank: e.Rank}, d.seen
	if e.shows() {
		d.of.from = cmp.Or(e.published, 1)
		d.down = d.of.from <= rank.Updated.UnixNano()
	}
	return d
}

// shorten sums the oldest ones up.
func shorten(ds []departure) []departure {
	for len(ds) > maxDepartures {
		ds[1] = departure{all: true, at: max(ds[0].at, ds[1].at)}
		ds = ds[1:]
	}
	return ds
}

// entry reads the index's part of the record with that key. Its error names
// what does not fit, a panic too; a record of a newer release is an entry that shows
// nothing.
func entry(key string, header nats.Header, revision uint64, stored time.Time) (e *Entry, err error) {
	defer bucket.Recover(&err)
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
	e = l.entry()
	e.Revision, e.stored = revision, stored.UnixNano()
	var ok bool
	if e.Rank.Hash, ok = parseHash(l.Hash); !ok {
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
		Withheld: l.Withheld, Home: l.Home, Facets: fromWire(l.Facets),
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
		m.left = append(m.left, departure{facets: fromWire(d.Facets), all: d.All, down: d.Down, seen: d.Seen || d.Down, at: d.At, of: d.Of.publication()})
	}
	return m
}

// publication is nil for none, and for one that is damaged.
func (w *wireRank) publication() *publication {
	if w == nil {
		return nil
	}
	hash, ok := parseHash(w.Hash)
	if !ok {
		return nil
	}
	return &publication{rank: gallery.Rank{Updated: time.Unix(0, w.Updated).UTC(), Version: w.Version, Hash: hash}, from: w.From}
}

func parseHash(text string) (h gallery.Hash, ok bool) {
	n, err := hex.Decode(h[:], []byte(text)[:min(len(text), hashDigits)])
	return h, err == nil && n == len(h)
}

// read is [entry] for a record that may be anything: one that was deleted, or
// that can not be read, is an entry that is lost, and err says why.
func read(key string, header nats.Header, revision uint64, stored time.Time) (e *Entry, err error) {
	if bucket.Deleted(header) {
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
