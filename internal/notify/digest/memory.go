package digest

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// sighting is a gallery that a digest saw, as 12 bytes of a record: the first eight
// of the hash of its key, and its publication in Unix seconds.
type sighting struct {
	key       uint64
	published uint32
}

const sightingSize = 12

func sightingOf(s Shown) sighting {
	sum := sha256.Sum256([]byte(s.Key))
	seconds := min(max(s.Published.Unix(), 0), int64(^uint32(0)))
	return sighting{key: binary.BigEndian.Uint64(sum[:]), published: uint32(seconds)}
}

// seen returns the publications of the galleries that r saw, by hashed key.
func (r *record) seen() map[uint64]uint32 {
	known := make(map[uint64]uint32, len(r.Known)/sightingSize)
	for b := range slices.Chunk(r.Known, sightingSize) {
		if len(b) == sightingSize {
			known[binary.BigEndian.Uint64(b)] = binary.BigEndian.Uint32(b[8:])
		}
	}
	return known
}

// news returns the keys of the shown galleries that are new to r.
func (r *record) news(shown []Shown) []string {
	var keys []string
	known := r.seen()
	for _, s := range shown {
		_, seen := known[sightingOf(s).key]
		if !seen && s.Published.After(r.Horizon) && s.Visible.After(r.Made.Add(-overlap)) {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// remember adds shown to the galleries that r saw, which are all published after its
// horizon. If there are too many, the horizon moves.
func (r *record) remember(shown []Shown) {
	known := r.seen()
	for _, s := range shown {
		g := sightingOf(s)
		known[g.key] = g.published
	}
	list := make([]sighting, 0, len(known))
	for key, published := range known {
		if int64(published) >= r.Horizon.Unix() {
			list = append(list, sighting{key, published})
		}
	}
	// A total order: every node writes the same record of the same galleries.
	slices.SortFunc(list, func(a, b sighting) int {
		return cmp.Or(cmp.Compare(b.published, a.published), cmp.Compare(a.key, b.key))
	})
	if len(list) >= maxRemembered {
		list = list[:maxRemembered]
		// The whole second, because some published in it may be forgotten.
		r.move(time.Unix(int64(list[maxRemembered-1].published)+1, 0))
	}
	r.Known = make([]byte, 0, len(list)*sightingSize)
	for _, g := range list {
		r.Known = binary.BigEndian.AppendUint64(r.Known, g.key)
		r.Known = binary.BigEndian.AppendUint32(r.Known, g.published)
	}
}

// move moves the horizon forward, never back.
func (r *record) move(horizon time.Time) {
	if horizon.After(r.Horizon) {
		r.Horizon = horizon.UTC()
	}
}
