package digest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
	"github.com/wneessen/go-mail"
	mailsmtp "github.com/wneessen/go-mail/smtp"
)

// mailbox sends to one recipient of mail. Its address is shoutrrr's, but go-mail
// sends, because shoutrrr waits for ever for a server that does not answer, does not
// declare the encoding of text, and sets no Message-ID.
type mailbox struct {
	config   *smtp.Config
	from, to string
	id       string // part of the Message-ID, which differs for each recipient
}

// mailParts is a mail without its sender and recipient.
type mailParts struct {
	id         string // of A-Za-z0-9.
	date       time.Time
	subject    string
	text, html string
}

// message returns the mail: text and HTML as alternatives, in ASCII.
func (b *mailbox) message(c mailParts) *mail.Msg {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	// Package mail leaves a backslash in an encoded name, which no reader accepts.
	name := strings.ReplaceAll(gallery.Line(b.config.FromName), `\`, "")
	m.FromMailAddress(&netmail.Address{Name: name, Address: b.from})
	m.ToMailAddress(&netmail.Address{Address: b.to})
	m.Subject(gallery.Line(c.subject))
	m.SetDateWithValue(c.date)
	_, domain, _ := strings.Cut(b.from, "@")
	m.SetMessageIDWithValue(c.id + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(mail.TypeTextPlain, c.text)
	m.AddAlternativeString(mail.TypeTextHTML, c.html)
	return m
}

// send implements [sender].
func (b *mailbox) send(ctx context.Context, p *payload) error {
	html, err := p.html()
	if err != nil {
		return outbox.Final(err)
	}
	c := mailParts{
		date: p.digests.opts.Now().In(p.digests.opts.Location), subject: cmp.Or(b.config.Subject, p.subject()),
		text: p.text(), html: html,
	}
	// The same for attempts with the same content: mailboxes drop an id that they have seen.
	c.id = gallery.HashOf(fmt.Appendf(nil, "%s %q %q %q", p.notice.DeliveryID(), c.subject, c.text, c.html)).String() + "." + b.id
	connection, end := context.WithCancel(ctx) // go-mail leaves a connection open after some errors
	defer end()
	client, err := mail.NewClient(b.config.Host, append(b.options(connection), mail.WithTimeout(p.digests.opts.Timeout))...)
	if err == nil {
		err = client.DialWithContext(connection)
	}
	if err == nil {
		err = client.Send(b.message(c))
	}
	switch {
	case err == nil:
		client.Close() // its error would be after the mail was accepted
		return nil
	case ctx.Err() != nil:
		return reasonOf(ctx.Err())
	}
	return mailReasonOf(err)
}

// options are for one connection, which ends with ctx.
func (b *mailbox) options(ctx context.Context) []mail.Option {
	c := b.config
	config := &tls.Config{ServerName: c.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.SkipTLSVerify}
	options := []mail.Option{mail.WithPort(int(c.Port)), mail.WithTLSConfig(config), mail.WithoutNoop(), mail.WithoutRset()}
	dial := new(net.Dialer).DialContext
	if c.Encryption == smtp.EncMethods.ImplicitTLS || c.Encryption == smtp.EncMethods.Auto && c.Port == smtp.ImplicitTLSPort {
		dial = (&tls.Dialer{Config: config}).DialContext
		options = append(options, mail.WithSSL())
	}
	options = append(options, mail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(dialing, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}))
	policy := mail.NoTLS
	switch {
	case c.Auth == smtp.AuthTypes.OAuth2, c.UseStartTLS && c.RequireStartTLS:
		policy = mail.TLSMandatory // go-mail sends no password unencrypted, but would send a token
	case c.UseStartTLS:
		policy = mail.TLSOpportunistic
	}
	options = append(options, mail.WithTLSPolicy(policy))
	if c.ClientHost != "auto" {
		options = append(options, mail.WithHELO(c.ClientHost))
	}
	switch c.Auth {
	case smtp.AuthTypes.Plain:
		options = append(options, mail.WithSMTPAuthCustom(mailsmtp.PlainAuth("", c.Username, c.Password, c.Host, false)))
	case smtp.AuthTypes.CRAMMD5:
		options = append(options, mail.WithSMTPAuthCustom(mailsmtp.CRAMMD5Auth(c.Username, c.Password)))
	case smtp.AuthTypes.OAuth2:
		options = append(options, mail.WithSMTPAuthCustom(mailsmtp.XOAuth2Auth(c.Username, c.Password)))
	}
	return options
}
