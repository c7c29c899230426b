package index

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
)

// line is an entry as one line of JSON. Instants are Unix nanoseconds.
type line struct {
	ID         string          `json:"id"`
	Updated    int64           `json:"u"`
	Version    int64           `json:"v,omitzero"`
	TakeDown   bool            `json:"d,omitzero"`
	Hash       string          `json:"h"`
	Published  int64           `json:"p,omitzero"`
	End        int64           `json:"e,omitzero"`
	NeverShown bool            `json:"w,omitzero"`
	Home       bool            `json:"home,omitzero"`
	From       int64           `json:"fr,omitzero"`
	SlideEnds  []int64         `json:"se,omitzero"` // all that builds before slides had From read of Slides
	Slides     []timedSlide    `json:"st,omitzero"`
	Facets     []wireFacet     `json:"f,omitzero"`
	Left       []wireDeparture `json:"left,omitzero"`
	GUID       string          `json:"g,omitzero"`
	Reason     string          `json:"r,omitzero"`
}

// wireFacet is a facet: its kind's letter and its name.
type wireFacet string

type wireDeparture struct {
	Facets    []wireFacet `json:"f,omitzero"`
	All       bool        `json:"all,omitzero"`
	Down      bool        `json:"d,omitzero"`
	Seen      bool        `json:"s,omitzero"`
	Of        *wireRank   `json:"of,omitzero"`
	Published int64       `json:"p,omitzero"`
	From      int64       `json:"fr,omitzero"`
	End       int64       `json:"e,omitzero"`
	Ended     int64       `json:"n,omitzero"`
	At        int64       `json:"at,omitzero"`
	LeftAt    int64       `json:"l,omitzero"`
}

// wireRank is the rank of a publication, and from when it was shown.
type wireRank struct {
	Updated int64  `json:"u"`
	From    int64  `json:"p,omitzero"`
	Version int64  `json:"v,omitzero"`
	Hash    string `json:"h"`
}

// maxLine keeps a record's headers below the 64 KiB that JetStream takes.
const maxLine = 60_000

// Line returns e as one line of JSON, without its revision and when it was stored.
// It sums up what the gallery left where there is no room for all of it.
func (e *Entry) Line() ([]byte, error) {
	l := line{
		ID: e.ID, Updated: e.Rank.Updated.UnixNano(), Version: e.Rank.Version, TakeDown: e.Rank.TakeDown,
		Hash: e.Rank.Hash.String(), Published: e.published, NeverShown: e.NeverShown, Home: e.Home,
		From: e.startOfRights(), Slides: e.timedSlides(), Facets: toWire(e.Facets), Left: leftToWire(e.left()), GUID: e.GUID(), Reason: e.Reason(),
	}
	if !e.Rank.TakeDown && e.end != math.MaxInt64 {
		l.End = e.end
	}
	for _, s := range l.Slides {
		if s.Until != 0 && !slices.Contains(l.SlideEnds, s.Until) {
			l.SlideEnds = append(l.SlideEnds, s.Until)
		}
	}
	slices.Sort(l.SlideEnds)
	text, err := json.Marshal(l)
	if err == nil && len(text) > maxLine && len(l.Slides) > 0 {
		l.Slides = nil // the ends alone: at some of them nothing changes for the public
		text, err = json.Marshal(l)
	}
	if err != nil || len(text) <= maxLine || len(l.Left) == 0 {
		return text, err
	}
	last := l.Left[len(l.Left)-1]
	l.Left = []wireDeparture{{All: true}, last}
	if text, err = json.Marshal(l); err != nil || len(text) <= maxLine {
		return text, err
	}
	l.Left = []wireDeparture{{All: true, Down: last.Down, Of: last.Of}}
	return json.Marshal(l)
}

// ParseLine reads what [Entry.Line] wrote, of the record with that sequence. The
// error names what does not fit.
func ParseLine(text string, revision uint64, stored time.Time) (*Entry, error) {
	var l line
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, fmt.Errorf("read the index line of revision %d: %w", revision, err)
	}
	e := &Entry{
		ID: l.ID, Revision: revision, stored: stored.UnixNano(),
		Rank:       gallery.Rank{Updated: time.Unix(0, l.Updated).UTC(), Version: l.Version, TakeDown: l.TakeDown},
		NeverShown: l.NeverShown, Home: l.Home, Facets: fromWire(l.Facets),
		published: l.Published, end: cmp.Or(l.End, math.MaxInt64), pageHash: pageHash(l.ID),
		extra: extraOf(l.GUID, l.Reason, l.From, l.slides(), leftFromWire(l.Left)),
	}
	var ok bool
	if e.Rank.Hash, ok = parseHash(l.Hash); !ok {
		return nil, fmt.Errorf("read the rank of revision %d: %q is no hash", revision, l.Hash)
	}
	return e, nil
}

// past is the part of a record that does not follow from its event. Its names
// are those of the index line.
type past struct {
	GUID   string          `json:"g,omitzero"` // of a take-down: what its gallery had
	Left   []wireDeparture `json:"left,omitzero"`
	Stored int64           `json:"at,omitzero"`
}

// Past returns what e remembers that does not follow from its event, as JSON; nil
// for nothing. What left with the record itself is dated, for elsewhere the record
// will have another date.
func (e *Entry) Past() ([]byte, error) {
	p := past{Left: leftToWire(e.left()), Stored: e.stored}
	if e.Rank.TakeDown {
		p.GUID = e.GUID() // else its event says it
	}
	for i := range p.Left {
		p.Left[i].At = cmp.Or(p.Left[i].At, e.stored)
	}
	if p.GUID == "" && p.Left == nil {
		return nil, nil
	}
	return json.Marshal(p)
}

// Before returns an entry which a record of that rank follows as it followed the
// real one: text is what [Entry.Past] returned. The entry replaces prev, whose
// history is unknown.
func (x *Index) Before(text []byte, rank gallery.Rank, prev *Entry, now time.Time) (*Entry, error) {
	var p past
	if len(text) > 0 {
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, err
		}
	}
	if rank.TakeDown {
		// The record is stored anew here: its take-down would look new.
		down := &Entry{Rank: rank, stored: p.Stored}
		if down.setTombstone(x.opts.Tombstones); now.UnixNano() >= down.forgotten() {
			for i := range p.Left {
				p.Left[i].Down = false
				if of := p.Left[i].Of; of != nil {
					of.From = 0
				}
			}
		}
	}
	left := leftFromWire(p.Left)
	e := &Entry{Rank: gallery.Rank{TakeDown: true}}
	if prev != nil {
		left = append(left, departure{all: true, at: prev.stored}) // whatever was there is touched
	}
	e.extra = extraOf(p.GUID, "", 0, nil, left)
	return e, nil
}

func toWire(fs []Facet) []wireFacet {
	out := make([]wireFacet, len(fs))
	for i, f := range fs {
		p := f.Value()
		out[i] = wireFacet(string(p.Kind) + p.Name)
	}
	return out
}

func fromWire(ws []wireFacet) []Facet {
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

func leftToWire(ds []departure) (left []wireDeparture) {
	for _, d := range ds {
		w := wireDeparture{Facets: toWire(d.facets), All: d.all, Down: d.down, Seen: d.maybeShown && !d.down, Published: d.published, From: d.from, End: d.end, Ended: d.ended, At: d.at, LeftAt: d.left}
		if d.of != nil {
			r := d.of.rank
			w.Of = &wireRank{Updated: r.Updated.UnixNano(), From: d.of.from, Version: r.Version, Hash: r.Hash.String()}
		}
		left = append(left, w)
	}
	return left
}

func leftFromWire(left []wireDeparture) (ds []departure) {
	for _, w := range left {
		d := departure{facets: fromWire(w.Facets), all: w.All, down: w.Down, maybeShown: w.Seen || w.Down, published: w.Published, from: w.From, end: w.End, ended: w.Ended, at: w.At, left: w.LeftAt}
		if w.Of != nil {
			if hash, ok := parseHash(w.Of.Hash); ok { // else it is damaged
				d.of = &publication{rank: gallery.Rank{Updated: time.Unix(0, w.Of.Updated).UTC(), Version: w.Of.Version, Hash: hash}, from: w.Of.From}
			}
		}
		ds = append(ds, d)
	}
	return ds
}

// extraOf is nil where there is nothing to note.
func extraOf(guid, reason string, from int64, slides []timedSlide, left []departure) *extra {
	if guid == "" && reason == "" && from == 0 && len(slides) == 0 && len(left) == 0 {
		return nil
	}
	return &extra{guid: guid, reason: reason, from: from, slides: slides, left: left}
}

const hashDigits = 2 * len(gallery.Hash{})

func parseHash(text string) (h gallery.Hash, ok bool) {
	n, err := hex.Decode(h[:], []byte(text)[:min(len(text), hashDigits)])
	return h, err == nil && n == len(h)
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
