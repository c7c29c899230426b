package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// glimpse is a gallery that a digest saw, in 12 bytes of a record: the first
// eight of the hash of its key, and its publication in Unix seconds.
type glimpse struct {
	key       uint64
	published uint32
}

const glimpseSize = 12

func glimpseOf(s Shown) glimpse {
	sum := sha256.Sum256([]byte(s.Key))
	seconds := min(max(s.Published.Unix(), 0), int64(^uint32(0)))
	return glimpse{key: binary.BigEndian.Uint64(sum[:]), published: uint32(seconds)}
}

// glimpses are what r knows, by key. Of a record that was cut short the rest is
// left.
func (r *record) glimpses() map[uint64]uint32 {
	known := make(map[uint64]uint32, len(r.Known)/glimpseSize)
	for b := range slices.Chunk(r.Known, glimpseSize) {
		if len(b) == glimpseSize {
			known[binary.BigEndian.Uint64(b)] = binary.BigEndian.Uint32(b[8:])
		}
	}
	return known
}

// news are the keys of those of shown that r did not see.
func (r *record) news(shown []Shown) []string {
	var keys []string
	known := r.glimpses()
	for _, s := range shown {
		_, seen := known[glimpseOf(s).key]
		if !seen && s.Published.After(r.Horizon) && s.Visible.After(r.Made.Add(-overlap)) {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// remember adds shown to what r knows, which is all that was published after
// its horizon. Where that is too much the horizon moves.
func (r *record) remember(shown []Shown) {
	known := r.glimpses()
	for _, s := range shown {
		g := glimpseOf(s)
		known[g.key] = g.published
	}
	list := make([]glimpse, 0, len(known))
	for key, published := range known {
		if int64(published) >= r.Horizon.Unix() {
			list = append(list, glimpse{key, published})
		}
	}
	slices.SortFunc(list, newestFirst)
	if len(list) >= maxRemembered {
		list = list[:maxRemembered]
		// The whole second: of those published in it some may be forgotten.
		r.move(time.Unix(int64(list[maxRemembered-1].published)+1, 0))
	}
	r.Known = make([]byte, 0, len(list)*glimpseSize)
	for _, g := range list {
		r.Known = binary.BigEndian.AppendUint64(r.Known, g.key)
		r.Known = binary.BigEndian.AppendUint32(r.Known, g.published)
	}
}

// move lets the horizon go forward, never back.
func (r *record) move(horizon time.Time) {
	if horizon.After(r.Horizon) {
		r.Horizon = horizon.UTC()
	}
}

// newestFirst is a total order: of the same galleries every node writes the
// same record.
func newestFirst(a, b glimpse) int {
	switch {
	case a.published != b.published && a.published > b.published, a.published == b.published && a.key < b.key:
		return -1
	case a == b:
		return 0
	}
	return 1
}
