// Package credential is what is known of secrets wherever programs prove themselves by one:
// random keys and their hashes, files with secrets that are read again while the process
// runs, and limits of guessing.
//
// No error quotes a secret. Who somebody is, and what follows from it, others decide.
package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	keyBytes   = 32  // of a new key
	minKey     = 22  // characters of a key, each one of 64: 132 bits
	minHex     = 32  // characters of a key of hexadecimal digits only: 128 bits
	maxKey     = 512 // characters of a key
	minSigning = 24  // bytes of a secret that signs
	maxSigning = 64  // the same
	hashPrefix = "sha256:"
)

// Hash is the SHA-256 of a key. Keys are random and long, so nobody finds one by its hash,
// and no slow hash is needed.
type Hash [sha256.Size]byte

// NewKey returns a random key of 43 characters.
func NewKey() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// HashOf returns the hash of a key. Of a longer text than a key may be it hashes the beginning.
func HashOf(key string) Hash { return sha256.Sum256([]byte(key[:min(len(key), maxKey+1)])) }

// NoHash returns the hash of no key.
func NoHash() *Hash {
	var h Hash
	_, _ = rand.Read(h[:]) // never fails
	return &h
}

// String writes h as the file of a key may have it: sha256: and hexadecimal digits.
func (h Hash) String() string { return hashPrefix + hex.EncodeToString(h[:]) }

// Equals takes as long wherever the two differ.
func (h *Hash) Equals(other *Hash) bool { return subtle.ConstantTimeCompare(h[:], other[:]) == 1 }

// keyShape are the characters that need no escape in an address (RFC 3986 §2.3).
var (
	keyShape = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
	hexShape = regexp.MustCompile(`^(?i)[0-9a-f]+$`)
)

// ParseKey returns the hash of a key, of which text is the key itself or its hash. Its
// errors say what is wrong as in "has other characters", and no remedy.
func ParseKey(text string) (Hash, error) {
	if digits, found := strings.CutPrefix(text, hashPrefix); found {
		return parseHash(digits)
	}
	switch {
	case text == "":
		return Hash{}, errors.New("is empty")
	case !keyShape.MatchString(text):
		return Hash{}, errors.New("has other characters than A-Z, a-z, 0-9 and . _ ~ -")
	case len(text) < minKey, len(text) < minHex && hexShape.MatchString(text):
		return Hash{}, fmt.Errorf("has a key of under 128 bits (%d characters, or %d if all are hexadecimal digits)", minKey, minHex)
	case len(text) > maxKey:
		return Hash{}, fmt.Errorf("has a key of more than %d characters", maxKey)
	}
	return HashOf(text), nil
}

func parseHash(digits string) (h Hash, err error) {
	if n, err := hex.Decode(h[:], []byte(digits[:min(len(digits), hex.EncodedLen(len(h))+1)])); err != nil || n != len(h) {
		return Hash{}, errors.New("has sha256: and not 64 hexadecimal digits after it")
	}
	if h == HashOf("") {
		return Hash{}, errors.New("has the hash of an empty text")
	}
	return h, nil
}

// ParseSigning returns the bytes of a secret that signs, of which text is whsec_ and the
// base64 (Standard Webhooks, "Signature scheme"). Its error is as "is not a secret", with a
// remedy.
func ParseSigning(text string) ([]byte, error) {
	encoded, prefixed := strings.CutPrefix(text, "whsec_")
	signing, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !prefixed || err != nil || len(signing) < minSigning || len(signing) > maxSigning {
		return nil, fmt.Errorf("is not a secret: write whsec_ and %d to %d random bytes in base64, as openssl rand -base64 32 prints them", minSigning, maxSigning)
	}
	return signing, nil
}
