package receive

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/prometheus/client_golang/prometheus"
)

// Kind is how a sender proves that it has a key.
type Kind string

// The kinds of keys.
const (
	Bearer           Kind = "bearer"            // sends it in the header Authorization (RFC 6750 §2.1)
	StandardWebhooks Kind = "standard-webhooks" // signs id, time and body with it, as Standard Webhooks says
	Superdesk        Kind = "superdesk"         // signs the body with it, as Superdesk's HTTP Push does
)

// Key is a key of a sender. Its secrets are the lines of File, or Secret: up to four, all
// of them good.
type Key struct {
	Name     string
	Kind     Kind
	File     string
	Secret   string
	IDPrefix string

	GUIDPrefixes []string // see event.Reader
}

// Sender is who sent a request. It has no Name if it needed no key, because it is on this
// machine.
type Sender struct {
	Name, IDPrefix string
	GUIDPrefixes   []string
	Kind           Kind // of its key
}

// signs reports whether the proof covers the body, and neither the address nor headers.
func (s Sender) signs() bool { return s.Kind == StandardWebhooks || s.Kind == Superdesk }

// ErrUnauthorized refuses a request without a right key. What wraps it says more, and
// nothing secret.
var ErrUnauthorized = errors.New("the key or the signature is missing or wrong")

// TooMany refuses a sender until some time has passed.
type TooMany struct {
	RetryAfter time.Duration
	reason     string
}

// Error implements error.
func (t *TooMany) Error() string { return t.reason }

// KeysOptions make Keys.
type KeysOptions struct {
	Keys []Key
	// OpenOnLoopback admits without a key who connects from this machine, by an address of
	// it, and not through a proxy.
	OpenOnLoopback    bool
	RequestsPerMinute int                     // events of each sender; 0: any number
	Network           func(netip.Addr) string // names the network whose wrong keys are counted together; may be empty
	Now               func() time.Time        // nil: time.Now
	Registerer        prometheus.Registerer
	Logger            *slog.Logger
}

// Keys says who sends events. A right key always passes, whatever others guess meanwhile:
// all keys of a kind are tried for each request, in constant time. It is safe for
// concurrent use.
type Keys struct {
	opts    KeysOptions
	keys    []*key
	senders map[string]*sender // by name; that without a key too
	nobody  *sender            // of requests without a right key
	guesses credential.Guesses
	started time.Time

	signatures chan struct{} // bounds how many are computed at a time: each copies the body

	mu sync.Mutex // held while files are read
}

// key is a Key with the secrets that are good now.
type key struct {
	Key
	sender  *sender
	secrets atomic.Pointer[[]secret]
	file    credential.Content[string] // tells what to log; guarded by the mutex of Keys
}

// sender is what is known of a Sender.
type sender struct {
	used    atomic.Int64       // Unix seconds of the last request that was admitted; 0: none
	rate    *credential.Bucket // nil: not limited
	results [results]prometheus.Counter
}

// NewKeys returns the Keys, and reads their files. Files that cannot be read are for the
// check of the configuration to name.
func NewKeys(o KeysOptions) *Keys {
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keys{opts: o, senders: map[string]*sender{}, guesses: credential.NewGuesses(), started: o.Now(), signatures: make(chan struct{}, runtime.GOMAXPROCS(0))}
	requests := requestsCounter()
	newSender := func(label string) *sender {
		s := &sender{}
		if o.RequestsPerMinute > 0 {
			s.rate = credential.NewBucket(o.RequestsPerMinute)
		}
		for r := range results {
			s.results[r] = requests.WithLabelValues(label, r.String())
		}
		return s
	}
	k.nobody = newSender(nobodysLabel)
	if o.OpenOnLoopback {
		k.senders[""] = newSender(loopbackLabel)
	}
	for _, one := range o.Keys {
		k.senders[one.Name] = newSender(one.Name)
		k.keys = append(k.keys, &key{Key: one, sender: k.senders[one.Name]})
		k.keys[len(k.keys)-1].secrets.Store(&[]secret{})
	}
	k.read(slog.New(slog.DiscardHandler))
	o.Registerer.MustRegister(requests, gauges{k})
	return k
}

// Run reads the files of keys again every second until ctx ends.
func (k *Keys) Run(ctx context.Context) error { return credential.Follow(ctx, k.Reload) }

// Reload reads the files of keys again. What has changed counts when it returns.
func (k *Keys) Reload() { k.read(k.opts.Logger) }

// Admit returns who sent the request from that client, or ErrUnauthorized or a *TooMany. It
// calls body, for the bytes as they came, once and only if they are signed; an error of
// body is returned as it is.
func (k *Keys) Admit(r *http.Request, client netip.Addr, body func() ([]byte, error)) (Sender, error) {
	now := k.opts.Now()
	proofs, err := proofsOf(r.Header, now)
	if len(proofs) == 0 && err == nil {
		local, open := k.senders[""]
		if !open || !isLocal(r) {
			return k.refuse(missingKey, ErrUnauthorized)
		}
		local.admit(now)
		return Sender{}, nil
	}
	one, unread := k.prove(proofs, sync.OnceValues(body))
	switch {
	case unread != nil:
		return k.refuse(noBody, unread)
	case one != nil:
		one.sender.admit(now)
		return Sender{Name: one.Name, Kind: one.Kind, IDPrefix: one.IDPrefix, GUIDPrefixes: one.GUIDPrefixes}, nil
	}
	if wait := k.guesses.Take(k.opts.Network(client), now); wait > 0 {
		return k.refuse(tooMany, &TooMany{RetryAfter: wait, reason: "too many wrong keys came from your network"})
	}
	if err == nil {
		err = ErrUnauthorized
	}
	return k.refuse(wrongKey, err)
}

func (k *Keys) refuse(why result, err error) (Sender, error) {
	k.nobody.results[why].Inc()
	return Sender{}, err
}

func (s *sender) admit(now time.Time) {
	s.results[admitted].Inc()
	if at := now.Unix(); s.used.Load() != at { // most requests write nothing that others read
		s.used.Store(at)
	}
}

// prove returns the key that one of the proofs proves; nil: none. Its error is that of
// body, which is not called for a kind of which there is no key.
func (k *Keys) prove(proofs []proof, body func() ([]byte, error)) (*key, error) {
	for _, p := range proofs {
		if !slices.ContainsFunc(k.keys, func(one *key) bool { return one.Kind == p.kind }) {
			continue
		}
		if p.kind != Bearer {
			var err error
			if p.body, err = body(); err != nil {
				return nil, err
			}
		}
		if one := k.find(p); one != nil {
			return one, nil
		}
	}
	return nil, nil
}

// find returns the key that p proves; nil: none. It tries all secrets of that kind.
func (k *Keys) find(p proof) (found *key) {
	if p.kind != Bearer {
		k.signatures <- struct{}{}
		defer func() { <-k.signatures }()
	}
	for _, one := range k.keys {
		if one.Kind != p.kind {
			continue
		}
		for _, s := range *one.secrets.Load() {
			if p.isOf(s) && found == nil {
				found = one
			}
		}
	}
	return found
}

// Take counts events of an admitted sender. Its error is a *TooMany. Of more events than
// may come in a minute only so many count.
func (k *Keys) Take(s Sender, events int) error {
	one := k.senders[s.Name]
	if one.rate == nil {
		return nil
	}
	if wait := one.rate.Take(events, k.opts.Now()); wait > 0 {
		one.results[overRate].Inc()
		return &TooMany{RetryAfter: wait, reason: "you sent more events in a minute than intake.requests_per_minute allows"}
	}
	return nil
}
