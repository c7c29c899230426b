package partner

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

const (
	keyBytes   = 32   // of a new key
	minKey     = 22   // characters of a key, each one of 64: 132 bits
	minHex     = 32   // characters of a key of hexadecimal digits only: 128 bits
	maxKey     = 512  // characters of a key
	maxKeyFile = 4096 // bytes
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

// noHash returns the hash of no key.
func noHash() *Hash {
	var h Hash
	_, _ = rand.Read(h[:]) // never fails
	return &h
}

// String writes h as the file of a key may have it: sha256: and hexadecimal digits.
func (h Hash) String() string { return hashPrefix + hex.EncodeToString(h[:]) }

// equals takes as long wherever the two differ.
func (h *Hash) equals(other *Hash) bool { return subtle.ConstantTimeCompare(h[:], other[:]) == 1 }

// keyShape are the characters that need no escape in an address (RFC 3986 §2.3).
var (
	keyShape = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
	hexShape = regexp.MustCompile(`^(?i)[0-9a-f]+$`)
)

// ReadHash returns the hash of the key in the file, which has one line with the key or with
// its hash. Its errors name the file and a remedy, and do not quote the content.
func ReadHash(file string) (Hash, error) {
	text, err := readLine(file)
	if err != nil {
		return Hash{}, fmt.Errorf("%q %w", file, err)
	}
	if digits, found := strings.CutPrefix(text, hashPrefix); found {
		var h Hash
		if n, err := hex.Decode(h[:], []byte(digits[:min(len(digits), hex.EncodedLen(len(h))+1)])); err != nil || n != len(h) {
			return Hash{}, fmt.Errorf("%q has sha256: and not 64 hexadecimal digits after it: write the hash that \"gallerywire partners key\" prints", file)
		}
		if h == HashOf("") {
			return Hash{}, fmt.Errorf("%q has the hash of an empty text: write the hash that \"gallerywire partners key\" prints", file)
		}
		return h, nil
	}
	const remedy = `: write a key or the hash of one into it, as "gallerywire partners key" prints them`
	switch {
	case text == "":
		return Hash{}, fmt.Errorf("%q is empty"+remedy, file)
	case !keyShape.MatchString(text):
		return Hash{}, fmt.Errorf("%q has more than one line, or other characters than A-Z, a-z, 0-9 and . _ ~ -"+remedy, file)
	case len(text) < minKey, len(text) < minHex && hexShape.MatchString(text):
		return Hash{}, fmt.Errorf("%q has a key of under 128 bits (%d characters, or %d if all are hexadecimal digits)"+remedy, file, minKey, minHex)
	case len(text) > maxKey:
		return Hash{}, fmt.Errorf("%q has a key of more than %d characters"+remedy, file, maxKey)
	}
	return HashOf(text), nil
}

// readLine returns what a file has but for the end of its line. Its errors do not name it.
func readLine(file string) (string, error) {
	info, err := os.Stat(file) // before it is opened, which for a pipe waits
	if err == nil && !info.Mode().IsRegular() {
		return "", errors.New("is not a file that can be read again: name a regular file")
	}
	var data []byte
	if err == nil {
		data, err = readSome(file)
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("cannot be read (%w): write the key into it, or remove its entry", err)
	case err != nil:
		return "", fmt.Errorf("cannot be read (%w): name a file that this user may read", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

func readSome(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}
