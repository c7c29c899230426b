package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const redacted = "[redacted]"

// minSecret is how many characters a token must have.
const minSecret = 16

// maxSecret bounds what is read of a secret's file, which may be a device.
const maxSecret = 64 << 10

// Secret is text that no formatting prints: fmt with any verb, slog and JSON show
// "[redacted]", or nothing where there is no secret. Convert it to string to use it.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format hides the secret from every verb, also from those that would reach the
// underlying string past String and GoString.
func (s Secret) Format(f fmt.State, verb rune) { writeMasked(f, verb, s.String()) }

// MarshalText hides the secret from JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// InlineSecret is a Secret that the configuration states itself, or one of those
// in a file that it names. Convert it to string to use it.
type InlineSecret string

// String hides the secret.
func (s InlineSecret) String() string { return Secret(s).String() }

// Format hides the secret from every verb.
func (s InlineSecret) Format(f fmt.State, verb rune) { Secret(s).Format(f, verb) }

// MarshalText hides the secret from JSON and other encodings.
func (s InlineSecret) MarshalText() ([]byte, error) { return Secret(s).MarshalText() }

// LogValue hides the secret from slog.
func (s InlineSecret) LogValue() slog.Value { return Secret(s).LogValue() }

// SecretLines is what the file that a key names holds, a secret in each line. Empty
// lines and those that begin with # are left out.
type SecretLines []InlineSecret

// Servers is one NATS address or several with commas between them. They may hold
// a user and a password, which are hidden as a Secret is. Convert it to string to
// use it.
type Servers string

// String is s with any user and password hidden.
func (s Servers) String() string {
	// A password may hold commas, slashes and colons: whatever lies before the
	// last @ could belong to one, so all of it goes.
	at := strings.LastIndexByte(string(s), '@')
	if at < 0 {
		return string(s)
	}
	return s.scheme() + redacted + string(s[at:])
}

func (s Servers) scheme() string {
	for _, scheme := range serverSchemes() {
		if strings.HasPrefix(string(s), scheme+"://") {
			return scheme + "://"
		}
	}
	return ""
}

// Format hides user and password from every verb.
func (s Servers) Format(f fmt.State, verb rune) { writeMasked(f, verb, s.String()) }

// MarshalText hides user and password from JSON and other encodings.
func (s Servers) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides user and password from slog.
func (s Servers) LogValue() slog.Value { return slog.StringValue(s.String()) }

// writeMasked cannot report an error: fmt.Formatter has no way to.
func writeMasked(f fmt.State, verb rune, masked string) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		fmt.Fprintf(f, "%q", masked)
		return
	}
	fmt.Fprint(f, masked)
}

// readSecret reads the secret in the file at path; an empty path is no secret.
// Its errors are phrases with a remedy and never quote the content.
func readSecret(path string) (Secret, error) {
	if path == "" {
		return "", nil
	}
	data, err := readFile(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("%q %w", path, err)
	}
	return trimSecret(path, string(data))
}

func trimSecret(path, text string) (Secret, error) {
	text = strings.TrimRight(text, "\r\n")
	switch {
	case len(text) > maxSecret:
		return "", fmt.Errorf("%q is over %s: name a file that holds the secret and nothing else", path, Size(maxSecret))
	case strings.TrimSpace(text) == "":
		return "", fmt.Errorf("%q is empty: put the secret in it, on one line", path)
	case utf8.RuneCountInString(text) < minSecret:
		return "", fmt.Errorf("%q holds fewer than %d characters, which can be guessed: put in it what \"openssl rand -hex 24\" prints", path, minSecret)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", fmt.Errorf("%q holds more than one line or a control character: put the secret alone in it, on one line", path)
	}
	return Secret(text), nil
}

// readSecretLines reads the secrets in the file at path; an empty path is none. Its
// errors quote the path only where it leads somewhere: it may be a secret, under the
// wrong key.
func readSecretLines(path string) (SecretLines, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readFile(path, maxSecret)
	if err != nil && leads(path) {
		err = fmt.Errorf("%q %w", path, err)
	}
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("names a file over %s: name one that holds a secret in each line and nothing else", Size(maxSecret))
	}
	var secrets SecretLines
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.ContainsFunc(line, unicode.IsControl) {
			return nil, errors.New("names a file with a control character in it: remove it")
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			secrets = append(secrets, InlineSecret(line))
		}
	}
	if len(secrets) == 0 {
		return nil, errors.New("names a file that holds nothing: put a secret in each line of it")
	}
	return secrets, nil
}

// leads reports whether there is something at path, or a directory that it could be
// in, which says that it is no secret.
func leads(path string) bool {
	if _, err := os.Lstat(path); err == nil {
		return true
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	return err == nil && info.IsDir() && dir != "." && dir != filepath.Dir(dir)
}

// unreadable leaves out the path that the errors of os repeat.
func unreadable(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("cannot be read (%w): name a file that this user may read", err)
}
