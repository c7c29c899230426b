package gallery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// maxPlainKey is the longest id that is its own key.
const maxPlainKey = 80

// Key returns the name of the gallery id in addresses and in buckets: the id itself
// where it is 1 to 80 of A-Za-z0-9_-, else "=" and 160 bits of its SHA-256 in
// hexadecimal. "=" is in no plain key, so the two never meet.
func Key(id string) string {
	other := func(c rune) bool {
		return (c|0x20 < 'a' || 'z' < c|0x20) && (c < '0' || '9' < c) && c != '_' && c != '-'
	}
	if id != "" && len(id) <= maxPlainKey && !strings.ContainsFunc(id, other) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "=" + hex.EncodeToString(sum[:20])
}

// EscapeID percent-encodes the bytes of id that may not stand in the path of an IRI, and
// a slash at its beginning: so it stands in identifiers of feeds, after tag:SITE,2026: (RFC
// 4151). Of ids that begin alike, what it returns does too.
func EscapeID(id string) string {
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		alnum := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if alnum || strings.IndexByte("-._~:@!$&'()*+,;=", c) >= 0 || c == '/' && i > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// SlideKeys returns a key for each slide of g, in order. It is unique within
// the gallery, made of A-Za-z0-9_-=~, and stays with the slide whatever is
// edited or put before it: the [Key] of its id, or "~" and a hash of its
// picture's address where it has none. The second and later ones of the same
// key have "~" and their number at the end.
func (g *Gallery) SlideKeys() []string {
	keys := make([]string, len(g.Slides))
	seen := make(map[string]int, len(g.Slides))
	for i := range g.Slides {
		key := Key(g.Slides[i].ID)
		if g.Slides[i].ID == "" {
			sum := sha256.Sum256([]byte(g.Slides[i].Image.URL))
			key = "~" + hex.EncodeToString(sum[:10])
		}
		seen[key]++
		if n := seen[key]; n > 1 {
			key += "~" + strconv.Itoa(n)
		}
		keys[i] = key
	}
	return keys
}
