package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const redacted = "[redacted]"

const (
	minSecret = 16       // characters of a token
	maxSecret = 64 << 10 // bytes of a secret's file, which may be a device
)

// Secret is text that is never printed: fmt with any verb, slog and JSON write
// "[redacted]", or nothing for an empty one. Convert it to string to use it.
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

// InlineSecret is a Secret whose key has the secret itself as value, or one of
// several in a file. Convert it to string to use it.
type InlineSecret string

// String hides the secret.
func (s InlineSecret) String() string { return Secret(s).String() }

// Format hides the secret from every verb.
func (s InlineSecret) Format(f fmt.State, verb rune) { Secret(s).Format(f, verb) }

// MarshalText hides the secret from JSON and other encodings.
func (s InlineSecret) MarshalText() ([]byte, error) { return Secret(s).MarshalText() }

// LogValue hides the secret from slog.
func (s InlineSecret) LogValue() slog.Value { return Secret(s).LogValue() }

// SecretLines are the secrets in the file that a key names, one a line, without
// empty lines and those that begin with #.
type SecretLines []InlineSecret

// Servers is one NATS address or several with commas between them. A user and a
// password in them are hidden as a Secret is. Convert it to string to use it.
type Servers string

// String is s with any user and password hidden.
func (s Servers) String() string {
	// A password may contain commas, slashes and colons: everything before the last
	// @ may belong to one.
	at := strings.LastIndexByte(string(s), '@')
	if at < 0 {
		return string(s)
	}
	begin := ""
	if scheme, _, ok := strings.Cut(string(s), "://"); ok && slices.Contains(serverSchemes(), scheme) {
		begin = scheme + "://"
	}
	return begin + redacted + string(s[at:])
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

// readSecret reads the secret in the file at path, nothing from an empty path. Its
// errors name a remedy and do not quote the content.
func readSecret(path string) (Secret, error) {
	if path == "" {
		return "", nil
	}
	data, err := readFile(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("%q %w", path, err)
	}
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(text) > maxSecret:
		return "", fmt.Errorf("%q is larger than %s: name a file that contains only the secret", path, Size(maxSecret))
	case strings.TrimSpace(text) == "":
		return "", fmt.Errorf("%q is empty: write the secret into it, on one line", path)
	case utf8.RuneCountInString(text) < minSecret:
		return "", fmt.Errorf("%q has fewer than %d characters, which can be guessed: write the output of \"openssl rand -hex 24\" into it", path, minSecret)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", fmt.Errorf("%q has more than one line or a control character: write only the secret into it, on one line", path)
	}
	return Secret(text), nil
}

// readSecretLines reads the secrets in the file at path, none from an empty path. Its
// errors quote the path only if it or its directory exists: it may be a secret under
// the wrong key.
func readSecretLines(path string) (SecretLines, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readFile(path, maxSecret)
	if err != nil {
		_, absent := os.Lstat(path)
		dir := filepath.Dir(path)
		info, _ := os.Stat(dir)
		if absent == nil || info != nil && info.IsDir() && dir != "." && dir != filepath.Dir(dir) {
			err = fmt.Errorf("%q %w", path, err)
		}
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("names a file larger than %s: name one with only a secret in each line", Size(maxSecret))
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
		return nil, errors.New("names a file without secrets: write one into each line")
	}
	return secrets, nil
}

// unreadable leaves out the path that the errors of os repeat.
func unreadable(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("cannot be read (%w): name a file that this user may read", err)
}
