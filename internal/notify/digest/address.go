package digest

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/matrix"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/telegram"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
)

// Check says why a digest can not be sent to the address, nil when it can be
// tried. It connects to nothing, and its errors hold nothing secret.
func Check(address string) error {
	_, err := boxesOf(address)
	return err
}

// box is a mailbox or a chat: one target.
type box struct {
	key, name, lane, host string
	carrier               carrier
}

// carrier brings letters to one box, whose address is secret.
type carrier interface {
	// carry returns when the letter was accepted, or ctx ended. Its errors hold
	// nothing of the address, nor what a server or shoutrrr said.
	carry(ctx context.Context, l *letter) error
}

// identified gives the box its key, made of what is its alone.
func (b *box) identified(by string) *box {
	b.key = keyOf(by)
	b.lane = Channel + "." + b.key
	return b
}

func (b *box) target() outbox.Target {
	return outbox.Target{Key: b.key, Name: b.name, Endpoint: b.lane, Host: b.host}
}

// open returns the boxes at the addresses, each once, and an error for every
// address that can not be used.
func open(addresses []string) ([]*box, error) {
	var all []*box
	var errs []error
	for i, address := range addresses {
		boxes, err := boxesOf(address)
		if err != nil {
			errs = append(errs, fmt.Errorf("to[%d]: %w", i, err))
		}
		for _, b := range boxes {
			if !slices.ContainsFunc(all, func(had *box) bool { return had.key == b.key }) {
				all = append(all, b)
			}
		}
	}
	return all, errors.Join(errs...)
}

var errNoAddress = errors.New(`not an address: write "smtp://user:password@mail.example.com:587/?from=news@example.com&to=you@example.com" or another of shoutrrr's, with what is special in a user or password percent-encoded`)

// boxesOf returns the boxes at an address: for mail one for each recipient, that
// none gets it twice when another fails.
func boxesOf(address string) ([]*box, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Path == "" {
		return nil, errNoAddress
	}
	scheme, custom, _ := strings.Cut(u.Scheme, "+")
	switch known := new(router.ServiceRouter).ListServices(); {
	case !slices.Contains(known, scheme):
		return nil, errors.New("shoutrrr knows no such service: see https://shoutrrr.nickfedor.com for those that there are")
	case scheme == "logger":
		return nil, errors.New("the service logger tells nobody")
	case scheme == smtp.Scheme:
		return mailboxesOf(u)
	case scheme == telegram.Scheme:
		return telegramsOf(u)
	}
	if err := ready(scheme, address); err != nil {
		return nil, err
	}
	b := &box{name: scheme, host: scheme, carrier: newChat(scheme, address)}
	if host := hostOf(u, scheme, custom); host != "" {
		b.name, b.host = scheme+" "+host, host
	}
	return []*box{b.identified(address)}, nil
}

// hostOf is the server of a chat; empty for a service that puts something else
// there, which may be secret.
func hostOf(u *url.URL, scheme, custom string) string {
	hosted := []string{"bark", "generic", "gotify", "matrix", "mattermost", "ntfy", "rocketchat", "signal", "zulip"}
	if custom == "https" || custom == "http" || slices.Contains(hosted, scheme) {
		return u.Hostname()
	}
	return ""
}

// ready reports whether the service accepts the address. What it says of one
// that it does not accept may quote it and is not passed on.
func ready(scheme, address string) (err error) {
	defer func() {
		if recover() != nil {
			err = wrong(scheme)
		}
	}()
	if scheme == matrix.Scheme { // which would log in
		u, err := url.Parse(address)
		if err != nil || new(matrix.Config).SetURL(u) != nil {
			return wrong(scheme)
		}
		return nil
	}
	if _, err := new(router.ServiceRouter).Locate(address); err != nil {
		return wrong(scheme)
	}
	return nil
}

func wrong(scheme string) error {
	return fmt.Errorf("this is not how an address of %s is written: see https://shoutrrr.nickfedor.com", scheme)
}

// mailboxesOf reads an address as shoutrrr does.
func mailboxesOf(u *url.URL) ([]*box, error) {
	service := new(smtp.Service)
	switch err := service.Initialize(u, nil); {
	case errors.Is(err, smtp.ErrFromAddressMissing):
		return nil, errors.New("a mail address needs a sender: add from=news@example.com")
	case errors.Is(err, smtp.ErrToAddressMissing):
		return nil, errors.New("a mail address needs a recipient: add to=you@example.com")
	case err != nil:
		return nil, errors.New("one of the mail address's options is wrong: see https://shoutrrr.nickfedor.com")
	case u.Hostname() == "" || u.Path != "" && u.Path != "/":
		return nil, errNoAddress
	}
	config := service.Config
	config.FixEmailTags()
	from, err := bare(config.FromAddress)
	if err != nil {
		return nil, errors.New("the sender is no mail address: write from=news@example.com")
	}
	var all []*box
	for i, to := range config.ToAddresses {
		to, err := bare(to)
		if err != nil {
			return nil, fmt.Errorf("recipient %d is no mail address: write to=you@example.com", i+1)
		}
		all = append(all, newMailbox(config, from, to))
	}
	return all, nil
}

// bare accepts an address without a name, in ASCII: not every server takes
// another.
func bare(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return "", errors.New("no mail address")
	}
	return a.Address, nil
}

func newMailbox(config *smtp.Config, from, to string) *box {
	m := &mailbox{config: config, from: from, to: to}
	server := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	b := &box{name: smtp.Scheme + " " + server, host: config.Host, carrier: m}
	// Without the password: what is owed outlives a new one.
	b.identified(fmt.Sprintf("%s %s %d %s", smtp.Scheme, config.Host, config.Port, to))
	m.id = b.key[:8]
	return b
}

// keyOf names an address without telling it. It costs some milliseconds, so
// that trying out passwords against a key does as well.
func keyOf(address string) string {
	const salt, rounds, size = "gallerywire digest", 1 << 14, 15
	key, err := pbkdf2.Key(sha256.New, address, []byte(salt), rounds, size)
	if err != nil {
		panic(err) // only of sizes that are not allowed
	}
	return hex.EncodeToString(key)
}
