package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"
)

const redacted = "[redacted]"

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
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%q %w", path, unreadable(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("%q %w", path, unreadable(err))
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
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", fmt.Errorf("%q holds more than one line or a control character: put the secret alone in it, on one line", path)
	}
	return Secret(text), nil
}

// unreadable leaves out the path that the errors of os repeat.
func unreadable(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("cannot be read (%w): name a file that this user may read", err)
}
