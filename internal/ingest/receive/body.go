package receive

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// minRoom is how many bytes all bodies may have at a time, at least: those of senders
	// that have proved themselves. Others, whose signatures are over the body, have a
	// quarter.
	minRoom = 16 << 20
	// maxUnproven is how many bodies a network may send at a time before it has proved itself.
	maxUnproven = 4
	// roomTimeout is how long a request waits for room.
	roomTimeout = 10 * time.Second
)

// bodies bound what the bodies of all requests take of memory.
type bodies struct {
	proven, unproven *semaphore.Weighted

	mu       sync.Mutex
	networks map[string]int // bodies of those that have not proved themselves
}

func newBodies(most int64) *bodies {
	room := max(minRoom, 8*most)
	return &bodies{proven: semaphore.NewWeighted(room), unproven: semaphore.NewWeighted(max(room/4, 2*batchFactor*most)), networks: map[string]int{}}
}

// enter counts a body of a network, and reports whether it may be read.
func (b *bodies) enter(network string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if network != "" && b.networks[network] >= maxUnproven {
		return false
	}
	b.networks[network]++
	return true
}

func (b *bodies) leave(network string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.networks[network]--; b.networks[network] == 0 {
		delete(b.networks, network)
	}
}

// body is that of a request. It is read once, when it is first asked for, and holds room
// until it is released.
type body struct {
	w        http.ResponseWriter
	r        *http.Request
	limit    int64 // bytes, before and after decompression
	bodies   *bodies
	network  string // of the client
	admitted bool   // its sender has proved itself

	read     bool
	data     []byte
	err      error
	releases []func()
}

func (b *body) release() {
	for _, f := range b.releases {
		f()
	}
}

// raw returns the body as it came. Its error is a [*problem].
func (b *body) raw() ([]byte, error) {
	if !b.read {
		b.read = true
		b.data, b.err = b.readAll()
	}
	return b.data, b.err
}

func (b *body) readAll() ([]byte, error) {
	if b.r.ContentLength > b.limit {
		return nil, b.tooLarge()
	}
	need := b.r.ContentLength
	if need < 0 {
		need = b.limit
	}
	if err := b.take(need); err != nil {
		return nil, err
	}
	data := bytes.NewBuffer(make([]byte, 0, max(b.r.ContentLength, 0)+bytes.MinRead))
	_, err := data.ReadFrom(http.MaxBytesReader(b.w, b.r.Body, b.limit))
	_, large := errors.AsType[*http.MaxBytesError](err)
	_, network := errors.AsType[net.Error](err)
	switch {
	case large:
		return nil, b.tooLarge()
	case network, errors.Is(err, io.ErrUnexpectedEOF):
		return nil, later(http.StatusServiceUnavailable, "the body did not arrive: send it again", retryAfter)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body cannot be read: %v", err)
	}
	return data.Bytes(), nil
}

// content returns the body without its compression.
func (b *body) content() ([]byte, error) {
	data, err := b.raw()
	if err != nil {
		return nil, err
	}
	switch encoding := strings.ToLower(strings.Join(b.r.Header.Values("Content-Encoding"), ",")); encoding {
	case "", "identity":
		return data, nil
	case "gzip", "x-gzip":
	default:
		b.w.Header().Set("Accept-Encoding", "gzip") // RFC 9110 §12.5.3
		return nil, refuse(http.StatusUnsupportedMediaType, "Content-Encoding %.40q is not understood: compress with gzip, or not at all", encoding)
	}
	if err := b.take(b.limit); err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(reader, b.limit+1))
	}
	switch {
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body is not gzip, as Content-Encoding says")
	case int64(len(data)) > b.limit:
		return nil, b.tooLarge()
	}
	return data, nil
}

// take waits for room for n bytes, which is held until the body is released.
func (b *body) take(n int64) error {
	room := b.bodies.proven
	if !b.admitted {
		room = b.bodies.unproven
		if !b.bodies.enter(b.network) {
			return later(http.StatusTooManyRequests, "too many requests at a time: send one after the other", time.Second)
		}
		b.releases = append(b.releases, func() { b.bodies.leave(b.network) })
	}
	ctx, cancel := context.WithTimeout(b.r.Context(), roomTimeout)
	defer cancel()
	if room.Acquire(ctx, n) != nil {
		return later(http.StatusServiceUnavailable, "too many events are being received: send it again", retryAfter)
	}
	b.releases = append(b.releases, func() { room.Release(n) })
	return nil
}

func (b *body) tooLarge() *problem {
	return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes (events.max_event; a batch may have %d times as many)", b.limit, batchFactor)
}
