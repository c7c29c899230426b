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
	// maxDecoded is how many events are remembered, and maxDecodedBytes how large they may be
	// together. Intake reads most of them within milliseconds; while many arrive, some
	// hundred wait for it.
	maxDecoded      = 1024
	maxDecodedBytes = 4 << 20
)

// decoded is an event with the size of its message.
type decoded struct {
	*event.Event
	bytes int64
}

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
	if e.Gallery == nil {
		return
	}
	d := decoded{e, int64(len(m.Data))}
	rc.decodedBytes.Add(d.bytes)
	if known, _ := rc.decoded.ContainsOrAdd(identityOf(m), d); known {
		rc.decodedBytes.Add(-d.bytes)
	}
	for rc.decodedBytes.Load() > maxDecodedBytes && rc.decoded.Len() > 0 {
		rc.decoded.RemoveOldest()
	}
}

// Decoded returns the event in a message of the stream, if this receiver has just decoded
// the same bytes, so that it is not decoded twice; else nil. It returns an event once.
func (rc *Receiver) Decoded(m event.Message) *event.Event {
	if rc.decoded.Len() == 0 {
		return nil
	}
	id := identityOf(m)
	d, _ := rc.decoded.Peek(id)
	rc.decoded.Remove(id)
	return d.Event
}
