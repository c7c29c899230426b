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
	if (o.TLS.CertFile == "") != (o.TLS.KeyFile == "") {
		return target{}, errors.New("nats tls: a certificate and its key go together: give both files or none")
	}
	var certificates []nats.Option
	if o.TLS.CAFile != "" {
		certificates = append(certificates, nats.RootCAs(o.TLS.CAFile))
	}
	if o.TLS.CertFile != "" {
		certificates = append(certificates, nats.ClientCert(o.TLS.CertFile, o.TLS.KeyFile))
	}
	for _, option := range certificates {
		if err := option(&nats.Options{}); err != nil { // that is when it reads its files
			return target{}, fmt.Errorf("nats tls: %w", err)
		}
	}
	t.options = append(t.options, certificates...)
	return t, nil
}

// redactAddresses checks a list of addresses and returns it without passwords, which
// no error quotes either.
func redactAddresses(list string) (string, error) {
	const hint = "write it like nats://host:4222"
	var shown []string
	for address := range strings.SplitSeq(list, ",") {
		address = strings.TrimSpace(address)
		if !strings.Contains(address, "://") {
			address = "nats://" + address
		}
		u, err := url.Parse(address)
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		switch {
		case err != nil:
			return "", fmt.Errorf("nats address: %w: %s", err, hint)
		case !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme):
			return "", fmt.Errorf("nats address: unknown scheme %q: %s", u.Scheme, hint)
		case u.Hostname() == "":
			return "", fmt.Errorf("nats address: no host: %s", hint)
		}
		shown = append(shown, u.Scheme+"://"+u.Host)
	}
	return strings.Join(shown, ","), nil
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
