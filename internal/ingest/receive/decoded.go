package receive

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event"
)

const (
	// maxDecoded is how many events are remembered, and maxDecodedBytes how large each may
	// be: intake reads most of them within milliseconds.
	maxDecoded      = 64
	maxDecodedBytes = 64 << 10
)

// identity is a hash of all of a message that decoding depends on, but for the instant at
// which it was stored.
type identity [sha256.Size]byte

func identityOf(m event.Message) (id identity) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q", m.Subject) // a hash takes everything
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		if strings.HasPrefix(name, attributePrefix) {
			_, _ = fmt.Fprintf(h, "%q", append([]string{name}, m.Header[name]...))
		}
	}
	_, _ = h.Write(m.Data)
	h.Sum(id[:0])
	return id
}

// remember keeps a publication for Decoded. A take-down may depend on when it is stored.
func (rc *Receiver) remember(m event.Message, e *event.Event) {
	if e.Gallery != nil && len(m.Data) <= maxDecodedBytes {
		rc.decoded.Add(identityOf(m), e)
	}
}

// Decoded returns the event in a message of the stream, if this receiver has just decoded
// the same bytes, so that it is not decoded twice; else nil. It returns an event once.
func (rc *Receiver) Decoded(m event.Message) *event.Event {
	if rc.decoded.Len() == 0 || len(m.Data) > maxDecodedBytes {
		return nil
	}
	id := identityOf(m)
	e, _ := rc.decoded.Peek(id)
	rc.decoded.Remove(id)
	return e
}
