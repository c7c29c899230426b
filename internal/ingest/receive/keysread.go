package receive

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"syscall"
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
	text, err := k.text()
	if err != nil {
		return nil, err
	}
	secrets, err := k.secretsIn(text)
	var ids []credential.Hash
	for _, s := range secrets {
		ids = append(ids, s.id)
	}
	return ids, err
}

// text returns what has the secrets of a key.
func (k Key) text() (string, error) {
	if k.File == "" {
		return k.Secret, nil
	}
	return credential.ReadText(k.File)
}

// secretsIn returns the secrets of a key in its text: of more than may be, the first ones.
// Its error names the first line that is none.
func (k Key) secretsIn(text string) (secrets []secret, err error) {
	from := ""
	if k.File != "" {
		from = fmt.Sprintf("%q ", k.File)
	}
	if len(text) > credential.MaxFile {
		return nil, fmt.Errorf("%shas more than %d bytes: write only secrets into it", from, credential.MaxFile)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		s, wrong := k.Kind.parse(line)
		switch {
		case wrong != nil:
			err = cmp.Or(err, fmt.Errorf("%s%w", from, wrong))
		case len(secrets) == maxSecrets:
			err = cmp.Or(err, fmt.Errorf("%shas more than %d secrets: remove those that no sender uses", from, maxSecrets))
		default:
			secrets = append(secrets, s)
		}
	}
	if len(secrets) == 0 && err == nil {
		err = errors.New(from + "has no secret: write one")
	}
	return secrets, err
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

// reading is what was read of a key.
type reading struct {
	text    string
	secrets []secret
	problem error // why there are not as many as somebody meant
	kept    bool  // they are those from before, because its file could not be read
}

func (k *Keys) read(log *slog.Logger) {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]reading, len(k.keys))
	for i, one := range k.keys {
		all[i] = one.read()
	}
	for i, one := range k.keys { // after all were read, because two keys can swap secrets
		one.update(k.withoutShared(all, i), log.With("key", one.Name))
	}
}

// read returns what can be read of the key now. A secret that was removed is no longer
// good, whatever else is wrong in its file, nor are those of a file that is gone.
func (one *key) read() (r reading) {
	text, err := one.text()
	if _, failed := errors.AsType[syscall.Errno](err); failed && !errors.Is(err, fs.ErrNotExist) {
		return reading{secrets: *one.secrets.Load(), problem: err, kept: true}
	}
	if err != nil {
		return reading{problem: err}
	}
	r.text = text
	r.secrets, r.problem = one.secretsIn(text)
	return r
}

// withoutShared returns the reading of a key without what another one has too, which could
// not say who sends. The key that had it before keeps it.
func (k *Keys) withoutShared(all []reading, i int) reading {
	r, had := all[i], *k.keys[i].secrets.Load()
	r.secrets = slices.DeleteFunc(slices.Clone(r.secrets), func(s secret) bool {
		same := func(other secret) bool { return other.id == s.id }
		if slices.ContainsFunc(had, same) {
			return false
		}
		for j, other := range all {
			if j != i && slices.ContainsFunc(other.secrets, same) {
				r.problem, r.kept = fmt.Errorf("key %q has a secret of key %q too: write another", k.keys[i].Name, k.keys[j].Name), false
				return true
			}
		}
		return false
	})
	return r
}

// update takes what was read, and logs what has changed, never a secret.
func (one *key) update(r reading, log *slog.Logger) {
	one.secrets.Store(&r.secrets)
	switch one.file.Update(r.text, r.problem) {
	case credential.Broken:
		message := "secrets of a sender are wrong, and not good: only those that can be read in its file are"
		if r.kept {
			message = "the secrets of a sender cannot be read, those that were read last stay good until they can"
		}
		log.Warn(message, "err", r.problem)
	case credential.Restored:
		log.Info("the secrets of a sender can be read again, and are good")
	case credential.Replaced:
		log.Info("the secrets of a sender were replaced")
	}
}

// KeyState is a key as an operator sees it.
type KeyState struct {
	Name     string
	Kind     Kind
	IDPrefix string
	Used     time.Time // last, by a request to this node; zero: not since it started
	Problem  string    // what is wrong with its file, and what to do
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
