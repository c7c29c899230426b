package websub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// Formats of the records written here; a record of a newer one is left alone. The record of
// a topic with a key has the next number: a release that knows no keys leaves it alone.
const (
	plainFormat = 1
	format      = plainFormat + 1
)

// format is the number of a record about t, which without a key is plain.
func (t Topic) format(plain int) int {
	if t.Key != "" {
		return plain + 1
	}
	return plain
}

// record is a subscription in the bucket.
type record struct {
	Format int `json:"format"`
	Topic
	Address  string    `json:"topic"` // of the topic, as the subscriber wrote it
	Callback string    `json:"callback"`
	Secret   []byte    `json:"secret,omitzero"`
	Created  time.Time `json:"created"`
	Verified time.Time `json:"verified"`
	Expires  time.Time `json:"expires"`
	Request  string    `json:"request,omitzero"` // made it, or the subscription before that it renews
}

// errNewer means that a newer release wrote the record.
var errNewer = errors.New("written by a newer release, whose nodes must take this")

// read returns the subscription in a record, the zero one where there is none.
func read(there bucket.Record) (sub record, err error) {
	theirs, err := there.Decode(format, &sub)
	if err == nil && theirs > format {
		err = fmt.Errorf("read the subscription %s: %w", there.Key, errNewer)
	}
	return sub, err
}

// id identifies a subscription by its topic and its callback.
type id [16]byte

func idOf(t Topic, callback string) id {
	parts := []string{t.Feed, t.Document, callback}
	if t.Key != "" {
		parts = append(parts, t.Key)
	}
	sum := sha256.New()
	for _, part := range parts {
		_, _ = io.WriteString(sum, part+"\x00") // a hash takes everything
	}
	return id(sum.Sum(nil)[:len(id{})])
}

// parseID reads what String wrote.
func parseID(key string) (id, bool) {
	data, err := hex.DecodeString(key)
	if err != nil || len(data) != len(id{}) {
		return id{}, false
	}
	return id(data), true
}

// String is the subscription's key, in the bucket and in the outbox.
func (i id) String() string { return hex.EncodeToString(i[:]) }

// bare is a callback without its query, which may hold what proves the hub to the
// subscriber.
func bare(callback string) string {
	address, _, _ := strings.Cut(callback, "?")
	return address
}

// hostOf is the host of a callback that was checked, without its port.
func hostOf(callback string) string {
	u, err := url.Parse(callback)
	if err != nil {
		return "" // only where it was not checked
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

// perHost is how many bits of an IPv6 address are one host: the owner of an address has as
// a rule all of its /64.
const perHost = 64

// groupOf is the host of a callback where hosts are limited: an IPv6 address counts
// as its network.
func groupOf(callback string) string {
	host := hostOf(callback)
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if addr = addr.Unmap(); addr.Is4() {
		return addr.String()
	}
	network, _ := addr.WithZone("").Prefix(perHost) // an IPv6 address has so many bits
	return network.String()
}

// save stores a subscription that was just verified, and returns when it is in this
// node's index. It is new unless it was renewed; a repetition of the request that made it is
// no renewal. Over a record of a newer release the error is errNewer.
func (h *Hub) save(ctx context.Context, sub record) (isNew bool, err error) {
	key := idOf(sub.Topic, sub.Callback).String()
	revision, err := h.bucket.Amend(ctx, key, func(there bucket.Record) ([]byte, error) {
		old, err := read(there)
		if err != nil {
			return nil, err
		}
		next := sub
		isNew = there.Value == nil || !old.Expires.After(sub.Verified) || old.Request == sub.Request
		if !isNew {
			next.Created, next.Request = old.Created, old.Request
		}
		return bucket.Encode(next)
	})
	if err != nil {
		return false, err
	}
	h.await(ctx, revision)
	return isNew, nil
}

// remove deletes a subscription, if there is one, and returns when it is out of this
// node's index.
func (h *Hub) remove(ctx context.Context, key string) error {
	revision, err := h.bucket.Amend(ctx, key, func(there bucket.Record) ([]byte, error) {
		_, err := read(there)
		return nil, err
	})
	if err != nil {
		return err
	}
	h.await(ctx, revision)
	return nil
}

// await returns when this node has read a write, or ctx ends: the write is stored, and may
// be read later.
func (h *Hub) await(ctx context.Context, revision uint64) { _ = h.bucket.Wait(ctx, revision) }
