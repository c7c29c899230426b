package gallery

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Hash identifies the content of a revision: 128 bits of SHA-256.
type Hash [16]byte

// HashOf returns the hash of content.
func HashOf(content []byte) Hash {
	sum := sha256.Sum256(content)
	return Hash(sum[:16])
}

// String returns h in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Rank is a revision's place in the total order of a gallery's revisions. It
// depends on the revision alone and never on when or where it arrived.
type Rank struct {
	Updated  time.Time
	Version  int64
	TakeDown bool
	Hash     Hash
}

// Compare returns -1, 0 or +1 as r is below, equal to or above o: by Updated,
// then Version, a take-down above a publication, then Hash.
func (r Rank) Compare(o Rank) int {
	kind := 0
	switch {
	case r.TakeDown && !o.TakeDown:
		kind = 1
	case o.TakeDown && !r.TakeDown:
		kind = -1
	}
	return cmp.Or(r.Updated.Compare(o.Updated), cmp.Compare(r.Version, o.Version), kind, bytes.Compare(r.Hash[:], o.Hash[:]))
}
