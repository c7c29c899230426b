package digest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	netsmtp "net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/email/smtp"
)

// mailbox is one recipient of mail. Its address is shoutrrr's; the mail is made
// and sent here, because shoutrrr's own has no end to a conversation with a
// server that does not answer, sends text of more than ASCII without saying how
// it is encoded, and gives mail no id.
type mailbox struct {
	config   *smtp.Config
	from, to string
	id       string // tells its mails from those to others about the same
}

// message is a mail without its sender and recipient.
type message struct {
	id         string // of A-Za-z0-9.
	date       time.Time
	subject    string
	text, html string
}

// encode returns the mail as RFC 5322 and RFC 2046 §5.1.4 have it: text and
// HTML as alternatives, in ASCII.
func (b *mailbox) encode(m message) ([]byte, error) {
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	_, domain, _ := strings.Cut(b.from, "@")
	var head bytes.Buffer
	for _, h := range [][2]string{
		{"From", sender(gallery.Line(b.config.FromName), b.from)},
		{"To", (&netmail.Address{Address: b.to}).String()},
		{"Subject", mime.QEncoding.Encode("utf-8", gallery.Line(m.subject))},
		{"Date", m.date.Format(time.RFC1123Z)},
		{"Message-ID", "<" + m.id + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "multipart/alternative;\r\n boundary=" + parts.Boundary()},
	} {
		fmt.Fprintf(&head, "%s: %s\r\n", h[0], fold(h[1]))
	}
	head.WriteString("\r\n")
	err := errors.Join(writePart(parts, "text/plain", m.text), writePart(parts, "text/html", m.html), parts.Close())
	head.Write(body.Bytes())
	return head.Bytes(), err
}

// sender is a mailbox with the name of who uses it. A name that is not ASCII is
// encoded here: package mail leaves a backslash in it, which no reader accepts.
func sender(name, address string) string {
	if encoded := mime.BEncoding.Encode("utf-8", name); encoded != name {
		return encoded + " <" + address + ">"
	}
	return (&netmail.Address{Name: name, Address: address}).String()
}

// fold puts each word of an encoded header on a line of its own.
func fold(value string) string { return strings.ReplaceAll(value, "?= =?", "?=\r\n =?") }

func writePart(parts *multipart.Writer, mediaType, text string) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {mediaType + "; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(w)
	_, err = io.WriteString(q, text)
	return errors.Join(err, q.Close())
}

// carry implements [carrier].
func (b *mailbox) carry(ctx context.Context, l *letter) error {
	html, err := l.html()
	if err != nil {
		return outbox.Final(err)
	}
	m := message{
		date: l.digests.opts.Now().In(l.digests.opts.Location), subject: cmp.Or(b.config.Subject, l.paper.subject()),
		text: l.paper.text(), html: html,
	}
	// The same on every attempt that says the same: mailboxes drop what has an id they have seen.
	m.id = gallery.HashOf(fmt.Appendf(nil, "%s %q %q %q", l.notice.DeliveryID(), m.subject, m.text, m.html)).String() + "." + b.id
	data, err := b.encode(m)
	if err != nil {
		return outbox.Final(err)
	}
	if err := b.deliver(ctx, data); err != nil {
		if ctx.Err() != nil {
			return reasonOf(ctx.Err())
		}
		return mailReasonOf(err)
	}
	return nil
}

// deliver returns the first error of the conversation with the server. One
// after the mail was accepted does not count.
func (b *mailbox) deliver(ctx context.Context, data []byte) error {
	conn, err := b.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	client, err := netsmtp.NewClient(conn, b.config.Host)
	if err != nil {
		return err
	}
	if err := b.greet(client); err != nil {
		return err
	}
	if err := b.handOver(client, data); err != nil {
		return &during{mailing, err}
	}
	client.Quit() // its error would be after the mail was accepted
	return nil
}

func (b *mailbox) dial(ctx context.Context) (net.Conn, error) {
	address := net.JoinHostPort(b.config.Host, strconv.Itoa(int(b.config.Port)))
	implicit := b.config.Encryption == smtp.EncMethods.ImplicitTLS ||
		b.config.Encryption == smtp.EncMethods.Auto && b.config.Port == smtp.ImplicitTLSPort
	if implicit {
		return (&tls.Dialer{Config: b.tls()}).DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func (b *mailbox) tls() *tls.Config {
	return &tls.Config{ServerName: b.config.Host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: b.config.SkipTLSVerify}
}

// greet says who we are: encrypted where the server can and the address lets it.
func (b *mailbox) greet(client *netsmtp.Client) error {
	host := b.config.ClientHost
	if host == "auto" {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	if err := client.Hello(host); err != nil {
		return err
	}
	_, encrypted := client.TLSConnectionState()
	if b.config.UseStartTLS && !encrypted {
		if able, _ := client.Extension("STARTTLS"); able {
			if err := client.StartTLS(b.tls()); err != nil {
				return err
			}
		} else if b.config.RequireStartTLS {
			return errUnencrypted
		}
	}
	if _, encrypted = client.TLSConnectionState(); !encrypted && b.config.Auth == smtp.AuthTypes.OAuth2 {
		return errUnencrypted // package smtp looks after passwords, nobody after tokens
	}
	if auth := b.auth(); auth != nil {
		if err := client.Auth(auth); err != nil {
			return &during{loggingIn, err}
		}
	}
	return nil
}

// auth is nil where the address has no user.
func (b *mailbox) auth() netsmtp.Auth {
	user, password := b.config.Username, b.config.Password
	switch b.config.Auth {
	case smtp.AuthTypes.Plain:
		return netsmtp.PlainAuth("", user, password, b.config.Host)
	case smtp.AuthTypes.CRAMMD5:
		return netsmtp.CRAMMD5Auth(user, password)
	case smtp.AuthTypes.OAuth2:
		return smtp.OAuth2Auth(user, password)
	}
	return nil
}

func (b *mailbox) handOver(client *netsmtp.Client, data []byte) error {
	if err := client.Mail(b.from); err != nil {
		return err
	}
	if err := client.Rcpt(b.to); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Close()
}
