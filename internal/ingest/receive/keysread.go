package receive

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/store/credential"
)

const (
	maxSecrets   = 4   // of a key
	minSuperdesk = 16  // characters
	maxSuperdesk = 512 // bytes
)

// secret is one of the secrets of a key.
type secret struct {
	id      credential.Hash // by which it is found, or known as that of another key too
	signing []byte          // of the kinds that sign
}

// Check returns the hashes of the secrets of a key, by which a second key with one of them
// is found. Its errors name a remedy, and the file if there is one, and quote no secret.
func (k Key) Check() ([]credential.Hash, error) {
	_, secrets, err := k.read()
	var ids []credential.Hash
	for _, s := range secrets {
		ids = append(ids, s.id)
	}
	return ids, err
}

// read returns the secrets of a key, and the text that has them.
func (k Key) read() (text string, secrets []secret, err error) {
	text, from := k.Secret, ""
	if k.File != "" {
		if text, err = credential.ReadText(k.File); err != nil {
			return "", nil, err
		}
		from = fmt.Sprintf("%q ", k.File)
	}
	if len(text) > credential.MaxFile {
		return "", nil, fmt.Errorf("%shas more than %d bytes: write only secrets into it", from, credential.MaxFile)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		s, err := k.Kind.parse(line)
		if err != nil {
			return "", nil, fmt.Errorf("%s%w", from, err)
		}
		secrets = append(secrets, s)
	}
	switch {
	case len(secrets) == 0:
		return "", nil, errors.New(from + "has no secret: write one")
	case len(secrets) > maxSecrets:
		return "", nil, fmt.Errorf("%shas more than %d secrets: remove those that no sender uses", from, maxSecrets)
	}
	return text, secrets, nil
}

// parse reads a line as a secret of the kind. Its errors name a remedy.
func (kind Kind) parse(line string) (secret, error) {
	switch kind {
	case Bearer:
		hash, err := credential.ParseKey(line)
		if err != nil {
			return secret{}, fmt.Errorf(`%w: write the output of "openssl rand -hex 32", or sha256: and the hash of it`, err)
		}
		return secret{id: hash}, nil
	case StandardWebhooks:
		signing, err := credential.ParseSigning(line)
		if err != nil {
			return secret{}, fmt.Errorf("has a line that %w", err)
		}
		return secret{credential.HashOf(line), signing}, nil
	}
	switch {
	case utf8.RuneCountInString(line) < minSuperdesk:
		return secret{}, fmt.Errorf(`has a secret of fewer than %d characters, which can be guessed: write the output of "openssl rand -hex 24"`, minSuperdesk)
	case len(line) > maxSuperdesk:
		return secret{}, fmt.Errorf("has a secret of more than %d bytes: write a shorter one", maxSuperdesk)
	case !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl):
		return secret{}, errors.New("has a control character, or is not UTF-8: remove it")
	}
	return secret{credential.HashOf(line), []byte(line)}, nil
}

func (k *Keys) read(log *slog.Logger) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.keys {
		text, secrets, err := one.Key.read()
		if err == nil {
			err = k.checkUnshared(one, secrets)
		}
		one.update(text, secrets, err, log.With("key", one.Name))
	}
}

// checkUnshared refuses a secret that another key has: it could not say who sends.
func (k *Keys) checkUnshared(one *key, secrets []secret) error {
	for _, other := range k.keys {
		for _, s := range *other.secrets.Load() {
			if other != one && slices.ContainsFunc(secrets, func(mine secret) bool { return mine.id == s.id }) {
				return fmt.Errorf("key %q has a secret of key %q too: write another", one.Name, other.Name)
			}
		}
	}
	return nil
}

// update takes what was read, and logs what has changed, never a secret.
func (one *key) update(text string, secrets []secret, err error, log *slog.Logger) {
	switch one.file.Update(text, err) {
	case credential.Unchanged:
		return
	case credential.Broken:
		log.Warn("the secrets of a sender cannot be read, those that were read last stay good until they can", "err", err)
		return
	case credential.Restored:
		log.Info("the secrets of a sender can be read again, and are good")
	case credential.Replaced:
		log.Info("the secrets of a sender were replaced")
	}
	one.secrets.Store(&secrets)
}

// KeyState is a key as an operator sees it.
type KeyState struct {
	Name     string
	Kind     Kind
	IDPrefix string
	Used     time.Time // last, by a request to this node; zero: not since it started
	Problem  string    // why its file cannot be read again, and what to do
}

// States returns the keys as they are now, in the order of the configuration.
func (k *Keys) States() []KeyState {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []KeyState
	for _, one := range k.keys {
		s := KeyState{Name: one.Name, Kind: one.Kind, IDPrefix: one.IDPrefix}
		if used := one.sender.used.Load(); used > 0 {
			s.Used = time.Unix(used, 0).UTC()
		}
		if one.file.Problem != nil {
			s.Problem = one.file.Problem.Error()
		}
		list = append(list, s)
	}
	return list
}
