package broker

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// elsewhere is the target that the options name by its address. It checks all
// that can be checked without connecting.
func elsewhere(o Options) (target, error) {
	addresses, err := redactAddresses(o.URL)
	if err != nil {
		return target{}, err
	}
	t := target{url: o.URL, addresses: addresses}
	if o.CredentialsFile != "" {
		if err := checkCredentials(o.CredentialsFile); err != nil {
			return target{}, err
		}
		t.options = append(t.options, nats.UserCredentials(o.CredentialsFile))
	}
	certificates, err := o.TLS.options()
	t.options = append(t.options, certificates...)
	return t, err
}

// redactAddresses checks a list of addresses and returns it without passwords.
func redactAddresses(list string) (string, error) {
	var shown []string
	for address := range strings.SplitSeq(list, ",") {
		u, err := parseAddress(strings.TrimSpace(address))
		if err != nil {
			return "", err
		}
		shown = append(shown, u.Scheme+"://"+u.Host)
	}
	return strings.Join(shown, ","), nil
}

func parseAddress(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "nats://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		// The error of url.Parse quotes the address, which may hold a password.
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err
		}
		return nil, fmt.Errorf("nats address: %w: write it like nats://host:4222", err)
	}
	if !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) {
		return nil, fmt.Errorf("nats address: unknown scheme %q: write it like nats://host:4222", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, errors.New("nats address: no host: write it like nats://host:4222")
	}
	return u, nil
}

// checkCredentials finds out now what the connection would only find out, and
// repeat for ever, when it connects.
func checkCredentials(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("nats credentials: %w", err)
	}
	if _, err := nkeys.ParseDecoratedJWT(text); err != nil {
		return fmt.Errorf("nats credentials %s: no user JWT in it: %w", file, err)
	}
	if _, err := nkeys.ParseDecoratedNKey(text); err != nil {
		return fmt.Errorf("nats credentials %s: no user seed in it: %w", file, err)
	}
	return nil
}

func (t TLS) options() ([]nats.Option, error) {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, errors.New("nats tls: a certificate and its key go together: give both files or none")
	}
	var options []nats.Option
	if t.CAFile != "" {
		options = append(options, nats.RootCAs(t.CAFile))
	}
	if t.CertFile != "" {
		options = append(options, nats.ClientCert(t.CertFile, t.KeyFile))
	}
	return options, t.check(options)
}

// check applies the options once, since that is when they read their files.
func (t TLS) check(options []nats.Option) error {
	var scratch nats.Options
	for _, option := range options {
		if err := option(&scratch); err != nil {
			return fmt.Errorf("nats tls: %w", err)
		}
	}
	return nil
}
