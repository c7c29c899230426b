package partner

import (
	"context"
	"log/slog"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/credential"
)

// Run reads the files of keys again every second until ctx ends.
func (a *Access) Run(ctx context.Context) error { return credential.Follow(ctx, a.Reload) }

// Reload reads the files of keys again. What has changed counts when it returns.
func (a *Access) Reload() { a.read(a.opts.Logger) }

func (a *Access) read(log *slog.Logger) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.opts.Partners {
		for _, k := range a.accounts[p.Name].keys[:len(p.Keys)] {
			k.read(log.With("partner", p.Name, "key", k.Name))
		}
	}
}

// read logs what has changed, and never what the file has.
func (k *key) read(log *slog.Logger) {
	change := k.file.Update(ReadHash(k.File))
	hash := k.file.Good
	switch change {
	case credential.Unchanged:
		return
	case credential.Restored:
		log.Info("the key of a partner can be read again, and is valid")
	case credential.Replaced:
		log.Info("the key of a partner was replaced")
	case credential.Broken:
		hash = *credential.NoHash()
		log.Warn("the key of a partner cannot be read, and is not valid until it can", "err", k.file.Problem)
	}
	k.hash.Store(&hash)
}

// State is what a key is good for at an instant.
type State string

// The states of a key.
const (
	Good       State = "good"
	NotYet     State = "not yet"
	Ended      State = "ended"
	Unreadable State = "unreadable" // its file is missing or has no key
)

// KeyState is a key as an operator sees it.
type KeyState struct {
	Name    string    `json:"name"`
	State   State     `json:"state"`
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Used    time.Time `json:"used,omitzero"`     // last, by a request to this node
	Problem string    `json:"problem,omitempty"` // why it is unreadable, and what to do
}

// Keys returns the keys of a partner as they are now.
func (a *Access) Keys(partner string) []KeyState {
	one, now := a.account(partner), time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	list := []KeyState{}
	for _, k := range one.keys[:len(one.Keys)] {
		s := KeyState{Name: k.Name, State: Good, From: k.From, Until: k.Until}
		if used := k.used.Load(); used > 0 {
			s.Used = time.Unix(used, 0).UTC()
		}
		switch {
		case k.file.Problem != nil:
			s.State, s.Problem = Unreadable, k.file.Problem.Error()
		case now.Before(k.From):
			s.State = NotYet
		case !k.goodAt(now):
			s.State = Ended
		}
		list = append(list, s)
	}
	return list
}
