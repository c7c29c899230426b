package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go"
)

// recipient is the service that a command sends events to, and as whom: over NATS, which
// the configuration names, or over HTTP.
type recipient struct {
	Publisher string      `help:"Publish as this publisher of nats.embedded.publishers." placeholder:"NAME"`
	HTTP      nodeAddress `name:"http" help:"Send over HTTP to the service at this address, instead of over NATS." placeholder:"URL"`
	KeyFile   string      `help:"With --http, the file with a key of the service's intake.keys in its first line." placeholder:"FILE"`
	KeyKind   string      `help:"With --key-file, the kind of the key: bearer or standard-webhooks; the default is bearer." enum:"bearer,standard-webhooks" default:"bearer" placeholder:"KIND"`
}

const overHTTPHelp = `With --http the events go to /events of a service whose configuration has intake.keys.
The first line of the key file is the key: a bearer key, or a whsec_ secret of Standard
Webhooks. While the service is away for no longer than --timeout, or asks to wait, the
command waits and goes on. It follows no redirect.`

// Validate rejects flags that do not go together.
func (r recipient) Validate() error {
	switch u, err := url.Parse(string(r.HTTP)); {
	case r.HTTP == "" && r.KeyFile != "":
		return errors.New("--key-file is for --http: give the address of the service too")
	case r.HTTP != "" && r.Publisher != "":
		return errors.New("--publisher is for NATS: with --http the key says who publishes")
	case err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("--http is an address without user, query and fragment: put the key into a file and name it with --key-file")
	}
	return nil
}

// service returns the base address of --http, which may end in /events.
func (r recipient) service() nodeAddress {
	return nodeAddress(strings.TrimSuffix(strings.TrimRight(string(r.HTTP), "/"), "/events"))
}

// publisher returns the chosen publisher on the embedded server, or the only one.
func (r recipient) publisher(cfg config.Config) (config.Publisher, error) {
	embedded := cfg.NATS.Embedded
	if r.HTTP != "" {
		return config.Publisher{}, nil
	}
	for _, each := range embedded.Publishers {
		if each.Name == r.Publisher || r.Publisher == "" && embedded.PublisherToken == "" && len(embedded.Publishers) == 1 {
			return each, nil
		}
	}
	switch {
	case r.Publisher != "":
		return config.Publisher{}, usageError{fmt.Errorf("--publisher: there is no %q in nats.embedded.publishers", r.Publisher)}
	case embedded.PublisherToken == "" && len(embedded.Publishers) > 0:
		return config.Publisher{}, usageError{errors.New("there are several nats.embedded.publishers: choose one with --publisher")}
	}
	return config.Publisher{Token: embedded.PublisherToken}, nil
}

// send sends the items, and calls done with the receipt of each.
func (r recipient) send(ctx context.Context, c *console, cfg config.Config, items iter.Seq[publish.Item], done func(publish.Receipt)) error {
	if r.HTTP != "" {
		return r.sendOverHTTP(ctx, c, cfg, items, done)
	}
	publisher, err := r.publisher(cfg)
	if err != nil {
		return err
	}
	o := c.brokerOptions(cfg)
	o.Embedded.PublisherToken = string(publisher.Token)
	ctx, denied := untilDenied(ctx, &o)
	conn, err := broker.DialPublisher(ctx, o)
	if err != nil {
		return unreachable(err)
	}
	defer conn.Close()
	sender, err := publish.OverNATS(conn, cfg.Events.Subjects, c.timeout)
	if err != nil {
		return err
	}
	err = sender.Send(ctx, items, func(x publish.Receipt) {
		if missing := denied(); missing != nil && errors.Is(x.Err, context.Canceled) {
			x.Err = missing
		}
		done(x)
	})
	if missing := denied(); missing != nil {
		err = missing
		if d, ok := errors.AsType[*broker.DeniedError](err); ok && d.Verb == "subscribe to" { // to acknowledgements
			err = fmt.Errorf("%w; or publish as the user cms there, not as the service's. The events may be stored", err)
		}
	}
	return err
}

// unreachable adds a remedy to the error of a connection, unless it has one.
func unreachable(err error) error {
	for _, remedied := range []error{context.Canceled, fs.ErrPermission, nats.ErrAuthorization, nats.ErrSecureConnWanted, broker.ErrNotRunning} {
		if errors.Is(err, remedied) {
			return err
		}
	}
	return fmt.Errorf("%w: start \"gallerywire serve\" first, or set nats.url", err)
}

func (r recipient) sendOverHTTP(ctx context.Context, c *console, cfg config.Config, items iter.Seq[publish.Item], done func(publish.Receipt)) error {
	address, err := url.Parse(string(r.service()) + "/events")
	if err != nil {
		return err
	}
	o := publish.HTTPOptions{URL: address.String(), Timeout: c.timeout, Logger: c.quiet(cfg)}
	if r.KeyFile != "" {
		if o.Proof, err = r.proof(c); err != nil {
			return usageError{fmt.Errorf("--key-file: %q %w", r.KeyFile, err)}
		}
		ip, err := netip.ParseAddr(address.Hostname())
		if address.Scheme == "http" && address.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
			c.say("--http: others can read what is sent to %s, and with bearer the key: use https", address)
		}
	}
	return publish.OverHTTP(o).Send(ctx, items, done)
}

// proof reads the key. Its errors do not quote it.
func (r recipient) proof(c *console) (publish.Proof, error) {
	file, err := os.Open(r.KeyFile)
	if err != nil {
		return publish.Proof{}, fmt.Errorf("cannot be read (%w): name a file that this user may read", publish.Unreadable(r.KeyFile, err))
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
		c.say("--key-file: %q can be read by every user of this machine: run chmod o= %[1]s", r.KeyFile)
	}
	const maxKey = 4 << 10
	line, err := bufio.NewReader(io.LimitReader(file, maxKey)).ReadString('\n')
	if err != nil && err != io.EOF {
		return publish.Proof{}, fmt.Errorf("cannot be read: %w", err)
	}
	key := strings.TrimSpace(line)
	switch {
	case key == "":
		return publish.Proof{}, errors.New("has no key in its first line: write it there")
	case strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }):
		return publish.Proof{}, errors.New("has something other than a key in its first line: write the key there, in ASCII")
	case r.KeyKind == "standard-webhooks":
		proof, err := publish.StandardWebhooks(key)
		if err != nil {
			return publish.Proof{}, fmt.Errorf("has a first line that %w: write the whsec_ secret there, or choose another --key-kind", err)
		}
		return proof, nil
	case strings.HasPrefix(key, "sha256:"):
		return publish.Proof{}, errors.New("has the hash of a key, which is for the service: write the key itself into it")
	case strings.HasPrefix(key, "whsec_"):
		return publish.Proof{}, errors.New("has a secret of Standard Webhooks: add --key-kind standard-webhooks")
	}
	return publish.Bearer(key), nil
}
