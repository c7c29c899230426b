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
	// minQuota is how many bytes the bodies of senders that have proved themselves may have
	// at a time, at least; and as many those of others, whose signatures are over the body.
	minQuota = 32 << 20
	// shares is how many senders can fill a whole quota, each with its share.
	shares = 4
	// firstBytes is what a body takes before its first byte.
	firstBytes = 16 << 10
	// quotaTimeout is how long a request waits for memory within the quota.
	quotaTimeout = 10 * time.Second
)

// pace is how slowly a body may arrive: so many bytes a second, but for the first seconds.
type pace struct {
	first time.Duration
	bytes int64
}

// The paces of senders that have proved themselves, perhaps over a bad line, and of others.
var (
	provenPace   = pace{15 * time.Second, 8 << 10}
	unprovenPace = pace{5 * time.Second, 64 << 10}
)

// paced reads a body, and fails when it arrives too slowly.
type paced struct {
	io.Reader
	pace
	deadline *http.ResponseController
	began    time.Time
	arrived  int64
}

// Read implements [io.Reader].
func (p *paced) Read(data []byte) (int, error) {
	until := p.began.Add(p.first + time.Duration(p.arrived)*time.Second/time.Duration(p.bytes))
	_ = p.deadline.SetReadDeadline(until) // a test's writer has none
	n, err := p.Reader.Read(data)
	p.arrived += int64(n)
	return n, err
}

// quota bounds the memory of bodies. A body takes as much as has arrived of it, so that a
// slow one keeps no other out. What it may need at most it reserves of the share of its
// sender, so that a greedy sender waits for itself.
type quota struct {
	taken *semaphore.Weighted
	share int64

	mu      sync.Mutex
	senders map[string]*share
}

// share is that of one sender, while it has bodies.
type share struct {
	reserved *semaphore.Weighted
	bodies   int
}

func newQuota(most int64) *quota {
	size := max(minQuota, 2*shares*most)
	return &quota{taken: semaphore.NewWeighted(size), share: size / shares, senders: map[string]*share{}}
}

// reserve waits for n bytes of the share of a sender, and returns what gives them back. The
// empty name has no share: it stands for all who come through one proxy.
func (q *quota) reserve(ctx context.Context, sender string, n int64) (release func(), err error) {
	if sender == "" {
		return func() {}, nil
	}
	q.mu.Lock()
	s := q.senders[sender]
	if s == nil {
		s = &share{reserved: semaphore.NewWeighted(q.share)}
		q.senders[sender] = s
	}
	s.bodies++
	q.mu.Unlock()
	n = min(n, q.share)
	err = s.reserved.Acquire(ctx, n)
	return func() {
		if err == nil {
			s.reserved.Release(n)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		if s.bodies--; s.bodies == 0 {
			delete(q.senders, sender)
		}
	}, err
}

// body is that of a request. It is read once, when it is first asked for, and holds its
// part of the quota until it is released.
type body struct {
	w      http.ResponseWriter
	r      *http.Request
	limit  int64 // bytes, before and after decompression
	quota  *quota
	sender string // whose share it takes
	pace   pace
	expect func(*http.Request) // is called before it waits; may be nil

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
		b.data, b.err = b.receive()
	}
	return b.data, b.err
}

func (b *body) receive() ([]byte, error) {
	need := b.r.ContentLength
	switch {
	case need > b.limit:
		return nil, b.tooLarge()
	case need < 0:
		need = b.limit
	}
	if b.r.Header.Get("Content-Encoding") != "" {
		need += b.limit
	}
	if b.expect != nil {
		b.expect(b.r)
	}
	ctx, cancel := context.WithTimeout(b.r.Context(), quotaTimeout)
	defer cancel()
	release, err := b.quota.reserve(ctx, b.sender, need)
	b.releases = append(b.releases, release)
	if err != nil {
		return nil, quotaFull()
	}
	deadline := http.NewResponseController(b.w)
	data, err := b.all(&paced{Reader: b.r.Body, pace: b.pace, deadline: deadline, began: time.Now()})
	if err == nil { // else the server discards the rest, which must end too
		_ = deadline.SetReadDeadline(time.Time{}) // it would end the request while the stream acknowledges
	}
	_, stalled := errors.AsType[net.Error](err)
	switch {
	case stalled, errors.Is(err, io.ErrUnexpectedEOF):
		return nil, later(http.StatusServiceUnavailable, "the body did not arrive: send it again", retryAfter)
	case err != nil && !isProblem(err):
		return nil, refuse(http.StatusBadRequest, "the body cannot be read: %v", err)
	}
	return data, err
}

// all reads from in to its end, and takes what arrives from the quota.
func (b *body) all(in io.Reader) ([]byte, error) {
	var data []byte
	for {
		if len(data) == cap(data) {
			if int64(len(data)) > b.limit {
				return nil, b.tooLarge()
			}
			most := min(max(firstBytes, 2*int64(cap(data))), b.limit+1)
			if err := b.take(most - int64(cap(data))); err != nil {
				return nil, err
			}
			data = append(make([]byte, 0, most), data...)
		}
		n, err := in.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if err == io.EOF && int64(len(data)) <= b.limit {
			return data, nil
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
	}
}

// take waits for n bytes more of the quota, which it holds until the body is released.
func (b *body) take(n int64) error {
	ctx, cancel := context.WithTimeout(b.r.Context(), quotaTimeout)
	defer cancel()
	taken := b.quota.taken
	if taken.Acquire(ctx, n) != nil {
		return quotaFull()
	}
	b.releases = append(b.releases, func() { taken.Release(n) })
	return nil
}

// content returns the body without its compression.
func (b *body) content() ([]byte, error) {
	data, err := b.raw()
	if err != nil {
		return nil, err
	}
	switch encoding := strings.ToLower(b.r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return data, nil
	case "gzip", "x-gzip":
	default:
		b.w.Header().Set("Accept-Encoding", "gzip") // RFC 9110 §12.5.3
		return nil, refuse(http.StatusUnsupportedMediaType, "Content-Encoding %.40q is not understood: compress with gzip, or not at all", encoding)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(data))
	if err == nil {
		data, err = b.all(unzip)
	}
	if err != nil && !isProblem(err) {
		return nil, refuse(http.StatusBadRequest, "the body is not gzip, as Content-Encoding says")
	}
	return data, err
}

func (b *body) tooLarge() *problem {
	return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes (events.max_event; a batch may have %d times as many)", b.limit, batchFactor)
}

func quotaFull() *problem {
	return later(http.StatusServiceUnavailable, "too many events are being received: send it again", retryAfter)
}
