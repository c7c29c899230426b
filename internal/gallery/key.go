package gallery

import (
	"crypto/sha256"
	"encoding/hex"
)

// maxPlainKey is the longest id that is its own key.
const maxPlainKey = 80

// Key returns the name of the gallery id in addresses and in buckets: the id
// itself where it is 1 to 80 of A-Za-z0-9_-, else "=" and 160 bits of its
// SHA-256 in hexadecimal. "=" is in no plain key, so the two never meet.
func Key(id string) string {
	if plainKey(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "=" + hex.EncodeToString(sum[:20])
}

func plainKey(id string) bool {
	if id == "" || len(id) > maxPlainKey {
		return false
	}
	for i := range len(id) {
		if !plainByte(id[i]) {
			return false
		}
	}
	return true
}

func plainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
