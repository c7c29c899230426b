// Package partner says who a partner is, and how it proves so.
//
// A request comes in with what it offers as a proof; out goes which partner it is from, or
// why it is refused. A right key always passes, whatever others guess meanwhile. Keys are
// in files, which [Access.Run] reads again while it runs, so that a key begins and ends
// without a restart. What a partner may see is decided elsewhere: galleries by package
// gallery, documents by package edition.
//
// Keys are compared by their hashes, all of a partner for each request, and as many for one
// that there is not: the time that an answer takes says neither how much of a guess was
// right, nor whether there is a partner of that name. No error and no log line has a key.
package partner

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/prometheus/client_golang/prometheus"
)

// Partner is one that may be admitted.
type Partner struct {
	Name     string
	Keys     []Key
	PathKeys bool           // whether a key may be a part of the address
	Networks []netip.Prefix // where its requests come from; none: anywhere

	PollEvery time.Duration // how often it is expected to ask; 0: not known
}

// Key is one of the keys of a partner. It is good from From on and before Until, each
// unless it is zero, while its file can be read.
type Key struct {
	Name, File  string
	From, Until time.Time
}

// Request is what a client offers as a proof. A key in the path counts before one in a
// header.
type Request struct {
	Partner, PathKey string
	Basic            bool // whether the header has User and Password
	User, Password   string
	Bearer           string
	Client           netip.Addr // the zero one: not known
}

// Pass is what an admitted request proved.
type Pass struct {
	Partner string
	PathKey string // the key, if it came in the path
}

// The reasons of [Access.Admit] to refuse a request.
var (
	// ErrUnknown: there is no such partner, or the key in the path is none of its keys.
	ErrUnknown = errors.New("no such partner or key")
	// ErrUnauthorized: the header has no key, or a wrong one.
	ErrUnauthorized = errors.New("the key is missing or wrong")
	// ErrNetwork: the key is right, but not the network that it came from.
	ErrNetwork = errors.New("the key is right, but your network is not one of the partner's")
)

// TooMany refuses a client from whose network too many wrong keys came.
type TooMany struct {
	RetryAfter time.Duration
}

// Error implements error.
func (*TooMany) Error() string { return "too many wrong keys came from your network" }

// Options make an Access.
type Options struct {
	Partners   []Partner
	Network    func(netip.Addr) string // names the network whose wrong keys are counted together; may be empty
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Access admits partners. It is safe for concurrent use.
type Access struct {
	opts     Options
	accounts map[string]*account
	nobody   *account // stands for every partner that there is not
	guesses  credential.Guesses
	started  time.Time

	mu sync.Mutex // held while files are read
}

// account is a partner with what is known of its keys.
type account struct {
	Partner
	keys    []*key // those of Partner, then some that are never right, so that all accounts have as many
	results [results]prometheus.Counter
}

// key is a Key with what its file had when it was last read.
type key struct {
	Key
	hash atomic.Pointer[credential.Hash]     // one of no key while the file cannot be read
	used atomic.Int64                        // Unix seconds of the last request that was admitted by it; 0: none
	file credential.Content[credential.Hash] // guarded by the mutex of Access
}

// New returns the Access of the partners, and reads the files of their keys. Files that
// cannot be read are for the check of the configuration to name.
func New(o Options) *Access {
	a := &Access{opts: o, accounts: map[string]*account{}, nobody: &account{}, guesses: credential.NewGuesses(), started: time.Now()}
	most := 0
	for _, p := range o.Partners {
		most = max(most, len(p.Keys))
	}
	requests := requestsCounter()
	for _, p := range append(slices.Clone(o.Partners), Partner{Name: unknownPartner}) {
		one := &account{Partner: p}
		for i := range most {
			k := &key{}
			if i < len(p.Keys) {
				k.Key = p.Keys[i]
			}
			k.hash.Store(credential.NoHash())
			one.keys = append(one.keys, k)
		}
		for r := range results {
			one.results[r] = requests.WithLabelValues(p.Name, r.String())
		}
		a.accounts[p.Name] = one
	}
	a.nobody = a.accounts[unknownPartner]
	delete(a.accounts, unknownPartner)
	a.read(slog.New(slog.DiscardHandler))
	o.Registerer.MustRegister(requests, gauges{a})
	return a
}

// Admit returns who made the request, or ErrUnknown, ErrUnauthorized, ErrNetwork or a
// *TooMany.
func (a *Access) Admit(r Request) (Pass, error) {
	one, now := a.account(r.Partner), time.Now()
	result, err := a.judge(one, r, now)
	one.results[result].Inc()
	if err != nil {
		return Pass{}, err
	}
	return Pass{Partner: one.Name, PathKey: r.PathKey}, nil
}

func (a *Access) judge(one *account, r Request, now time.Time) (result, error) {
	offered := r.PathKey != "" || r.Basic || r.Bearer != ""
	refused := ErrUnauthorized
	if one == a.nobody || r.PathKey != "" {
		refused = ErrUnknown
	}
	if !offered {
		return missingKey, refused
	}
	k := one.offered(&r, now)
	good := k != nil && k.goodAt(now)
	switch {
	case good && !one.isFrom(r.Client):
		return wrongNetwork, ErrNetwork
	case good:
		if at := now.Unix(); k.used.Load() != at { // most requests write nothing that others read
			k.used.Store(at)
		}
		return admitted, nil
	}
	if wait := a.guesses.Take(a.opts.Network(r.Client), now); wait > 0 {
		return tooMany, &TooMany{RetryAfter: wait}
	}
	if k != nil {
		return endedKey, refused
	}
	return wrongKey, refused
}

// PathKey reports whether the partner may now read its feeds by that key in the path.
func (a *Access) PathKey(partner, key string) bool {
	one, now := a.account(partner), time.Now()
	k := one.find(key, now)
	return k != nil && k.goodAt(now) && one.PathKeys
}

func (a *Access) account(name string) *account {
	if one, ok := a.accounts[name]; ok {
		return one
	}
	return a.nobody
}

// offered returns the key that r offers in a way that the partner may; nil: none, or a
// wrong one. Of two in headers it is the one that is good.
func (one *account) offered(r *Request, now time.Time) *key {
	if r.PathKey != "" {
		if k := one.find(r.PathKey, now); one.PathKeys {
			return k
		}
		return nil
	}
	k := one.find(r.Bearer, now)
	if !r.Basic || k != nil && k.goodAt(now) {
		return k
	}
	if basic := one.find(r.Password, now); basic != nil && r.User == one.Name {
		return basic
	}
	return k
}

// find returns the key that the secret is, rather one that is good; nil: it is none. It
// compares all of them.
func (one *account) find(secret string, now time.Time) (found *key) {
	offered := credential.HashOf(secret)
	for _, k := range one.keys {
		if secret != "" && offered.Equals(k.hash.Load()) && (found == nil || !found.goodAt(now)) {
			found = k
		}
	}
	return found
}

func (k *key) goodAt(now time.Time) bool {
	return !now.Before(k.From) && (k.Until.IsZero() || now.Before(k.Until))
}

// isFrom reports whether requests of the partner may come from that client.
func (one *account) isFrom(client netip.Addr) bool {
	client = client.Unmap().WithZone("")
	return len(one.Networks) == 0 || slices.ContainsFunc(one.Networks, func(n netip.Prefix) bool { return n.Contains(client) })
}
