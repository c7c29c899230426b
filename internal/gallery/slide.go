package gallery

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// SlideKeys returns a key for each slide of g, in order. It is unique within
// the gallery, made of A-Za-z0-9_-=~, and stays with the slide whatever is
// edited or put before it: the [Key] of its id, or "~" and a hash of its
// picture's address where it has none. The second and later ones of the same
// key have "~" and their number at the end.
func (g *Gallery) SlideKeys() []string {
	keys := make([]string, len(g.Slides))
	seen := make(map[string]int, len(g.Slides))
	for i := range g.Slides {
		key := g.Slides[i].key()
		seen[key]++
		if n := seen[key]; n > 1 {
			key += "~" + strconv.Itoa(n)
		}
		keys[i] = key
	}
	return keys
}

func (s *Slide) key() string {
	if s.ID != "" {
		return Key(s.ID)
	}
	sum := sha256.Sum256([]byte(s.Image.URL))
	return "~" + hex.EncodeToString(sum[:10])
}
