package digest

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
)

// A gallery that a digest knows is twelve bytes of its record: the first eight of the hash
// of its key, and its publication in Unix seconds.
const knownSize = 8 + 4

func hashOf(key string) uint64 {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:])
}

// known returns the publications of the galleries that r knows, by the hashes of their keys.
func (r *record) known() map[uint64]uint32 {
	known := make(map[uint64]uint32, len(r.Known)/knownSize)
	for b := range slices.Chunk(r.Known, knownSize) {
		if len(b) == knownSize {
			known[binary.BigEndian.Uint64(b)] = binary.BigEndian.Uint32(b[8:])
		}
	}
	return known
}

// news returns the keys of the shown galleries that are new to r.
func (r *record) news(shown []Shown) []string {
	var keys []string
	known := r.known()
	for _, s := range shown {
		_, seen := known[hashOf(s.Key)]
		if !seen && s.Published.After(r.Horizon) && s.Visible.After(r.Made.Add(-overlap)) {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// remember adds shown to the galleries that r knows, which are all published after its
// horizon. If there are too many, the horizon moves.
func (r *record) remember(shown []Shown) {
	known := r.known()
	for _, s := range shown {
		known[hashOf(s.Key)] = uint32(min(max(s.Published.Unix(), 0), math.MaxUint32))
	}
	maps.DeleteFunc(known, func(_ uint64, published uint32) bool { return int64(published) < r.Horizon.Unix() })
	// A total order: every node writes the same record of the same galleries.
	list := slices.SortedFunc(maps.Keys(known), func(a, b uint64) int {
		return cmp.Or(cmp.Compare(known[b], known[a]), cmp.Compare(a, b))
	})
	if len(list) >= maxRemembered {
		list = list[:maxRemembered]
		// The whole second, because some published in it may be forgotten.
		r.move(time.Unix(int64(known[list[maxRemembered-1]])+1, 0))
	}
	r.Known = make([]byte, 0, len(list)*knownSize)
	for _, hash := range list {
		r.Known = binary.BigEndian.AppendUint64(r.Known, hash)
		r.Known = binary.BigEndian.AppendUint32(r.Known, known[hash])
	}
}

// move moves the horizon forward, never back.
func (r *record) move(horizon time.Time) {
	if horizon.After(r.Horizon) {
		r.Horizon = horizon.UTC()
	}
}
