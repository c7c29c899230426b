package event

import (
	"bytes"
	"crypto/sha256"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// contentHash ignores white space between tokens, so that the three forms of one
// revision have one rank. data is valid JSON.
func contentHash(data []byte) gallery.Hash {
	h, from := sha256.New(), 0 // from where data is not hashed yet
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			i += stringLength(data[i:])
		case c <= ' ':
			h.Write(data[from:i])
			i++
			from = i
		default:
			i++
		}
	}
	h.Write(data[from:])
	return gallery.Hash(h.Sum(nil)[:len(gallery.Hash{})])
}

// stringLength is the length of the JSON string that data begins with.
func stringLength(data []byte) int {
	for i := 1; i < len(data); i++ {
		quote := bytes.IndexByte(data[i:], '"')
		if quote < 0 {
			break
		}
		i += quote
		if escapes := i - len(bytes.TrimRight(data[:i], `\`)); escapes%2 == 0 {
			return i + 1
		}
	}
	return len(data)
}
