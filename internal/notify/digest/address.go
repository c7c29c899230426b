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

// Check says why a digest cannot be sent to the address, nil if it can be tried. It
// connects to nothing, and its errors contain no secret.
func Check(address string) error {
	_, err := recipientsOf(address)
	return err
}

// recipient is a mailbox or a chat, one target.
type recipient struct {
	outbox.Target
	sender
}

// sender delivers to one recipient, whose address is secret.
type sender interface {
	// send returns when the payload was accepted or ctx ended. Its errors contain
	// nothing of the address, of a server's answer or of shoutrrr's messages.
	send(ctx context.Context, p *payload) error
}

// newRecipient returns a recipient whose key is a hash of what identifies it. The hash takes
// some milliseconds, so that guessing passwords from a key is slow.
func newRecipient(identity, name, host string, s sender) *recipient {
	const salt, rounds, size = "gallerywire digest", 1 << 14, 15
	hash, err := pbkdf2.Key(sha256.New, identity, []byte(salt), rounds, size)
	if err != nil {
		panic(err) // only of sizes that are not allowed
	}
	key := hex.EncodeToString(hash)
	return &recipient{outbox.Target{Key: key, Name: name, Endpoint: Channel + "." + key, Host: host}, s}
}

var errNoAddress = errors.New(`not an address: write "smtp://user:password@mail.example.com:587/?from=news@example.com&to=you@example.com" or another of shoutrrr's, and percent-encode special characters in a user or password`)

// recipientsOf returns the recipients of an address, each on its own, so that none
// gets a digest twice when another fails.
func recipientsOf(address string) ([]*recipient, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" && u.Path == "" {
		return nil, errNoAddress
	}
	scheme, custom, _ := strings.Cut(u.Scheme, "+")
	switch known := new(router.ServiceRouter).ListServices(); {
	case !slices.Contains(known, scheme):
		return nil, errors.New("shoutrrr knows no such service: see https://shoutrrr.nickfedor.com for its services")
	case scheme == "logger":
		return nil, errors.New("the service logger sends no messages")
	case scheme == smtp.Scheme:
		return mailRecipientsOf(u)
	case scheme == telegram.Scheme:
		return telegramRecipientsOf(u)
	}
	if !accepts(scheme, address) {
		return nil, wrong(scheme)
	}
	name, host := scheme, scheme
	// Other services have something else there, which may be secret.
	hosted := []string{"bark", "generic", "gotify", "matrix", "mattermost", "ntfy", "rocketchat", "signal", "zulip"}
	if at := u.Hostname(); at != "" && (custom == "https" || custom == "http" || slices.Contains(hosted, scheme)) {
		name, host = scheme+" "+at, at
	}
	return []*recipient{newRecipient(address, name, host, &chat{scheme, address, make(chan struct{}, maxHanging)})}, nil
}

// accepts reports whether the service accepts the address. The service's error may
// quote the address and is dropped.
func accepts(scheme, address string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if scheme == matrix.Scheme { // Locate would log in
		u, err := url.Parse(address)
		return err == nil && new(matrix.Config).SetURL(u) == nil
	}
	_, err := new(router.ServiceRouter).Locate(address)
	return err == nil
}

func wrong(scheme string) error {
	return fmt.Errorf("this is not an address of %s: see https://shoutrrr.nickfedor.com", scheme)
}

// mailRecipientsOf reads a mail address as shoutrrr does.
func mailRecipientsOf(u *url.URL) ([]*recipient, error) {
	service := new(smtp.Service)
	switch err := service.Initialize(u, nil); {
	case errors.Is(err, smtp.ErrFromAddressMissing):
		return nil, errors.New("a mail address needs a sender: add from=news@example.com")
	case errors.Is(err, smtp.ErrToAddressMissing):
		return nil, errors.New("a mail address needs a recipient: add to=you@example.com")
	case err != nil:
		return nil, errors.New("an option of the mail address is wrong: see https://shoutrrr.nickfedor.com")
	case u.Hostname() == "" || u.Path != "" && u.Path != "/":
		return nil, errNoAddress
	}
	config := service.Config
	config.FixEmailTags()
	from, err := bare(config.FromAddress)
	if err != nil {
		return nil, errors.New("the sender is not a mail address: write from=news@example.com")
	}
	var all []*recipient
	for i, to := range config.ToAddresses {
		to, err := bare(to)
		if err != nil {
			return nil, fmt.Errorf("recipient %d is not a mail address: write to=you@example.com", i+1)
		}
		m := &mailbox{config: config, from: from, to: to}
		server := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
		// Without the password, so that retries survive a new one.
		identity := fmt.Sprintf("%s %s %d %s", smtp.Scheme, config.Host, config.Port, to)
		r := newRecipient(identity, smtp.Scheme+" "+server, config.Host, m)
		m.id = r.Key[:8]
		all = append(all, r)
	}
	return all, nil
}

// bare accepts an address without a name, in ASCII, because not every server accepts
// others.
func bare(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return "", errors.New("no mail address")
	}
	return a.Address, nil
}
