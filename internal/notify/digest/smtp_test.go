package digest_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// postOffice is a mail server as RFC 5321 describes it, as far as it is needed.
type postOffice struct {
	t        *testing.T
	listener net.Listener
	answers  map[string]string // to a command instead of the usual; "": to the connection
	silent   string            // it never answers this command
	tls      *tls.Config       // nil: it cannot encrypt
	implicit bool              // connections are encrypted from the beginning

	mu    sync.Mutex
	mails []envelope
	heard []string // commands
}

// envelope is a mail that was accepted.
type envelope struct {
	From, To string
	Data     []byte
}

// newPostOffice answers the commands as told.
func newPostOffice(t *testing.T, change ...func(*postOffice)) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{t: t, listener: l, answers: map[string]string{}}
	for _, f := range change {
		f(p)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if p.implicit {
				conn = tls.Server(conn, p.tls)
			}
			wg.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return p
}

// address is one of shoutrrr's.
func (p *postOffice) address(options string) string {
	return fmt.Sprintf("smtp://%s/?%s", p.listener.Addr(), options)
}

func (p *postOffice) serve(conn net.Conn) {
	defer conn.Close()
	text := textproto.NewConn(conn)
	say := func(command, usual string) {
		if told, ok := p.answers[command]; ok {
			usual = told
		}
		text.PrintfLine("%s", strings.ReplaceAll(usual, "\n", "\r\n"))
	}
	say("", "220 post.example.com")
	var e envelope
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		command := strings.ToUpper(strings.Fields(line)[0])
		p.hear(command)
		switch {
		case command == p.silent:
			io.Copy(io.Discard, conn) // until the other side goes away
			return
		case command == "EHLO":
			able := "250-post.example.com\n"
			if p.tls != nil && !p.implicit {
				able += "250-STARTTLS\n"
			}
			say(command, able+"250 AUTH PLAIN LOGIN XOAUTH2")
		case command == "STARTTLS" && p.tls != nil:
			say(command, "220 go on")
			conn = tls.Server(conn, p.tls)
			text = textproto.NewConn(conn)
		case command == "AUTH":
			say(command, "235 welcome")
		case command == "MAIL":
			e = envelope{From: between(line, "<", ">")}
			say(command, "250 yes")
		case command == "RCPT":
			e.To = between(line, "<", ">")
			say(command, "250 yes")
		case command == "DATA":
			text.PrintfLine("354 go on")
			if e.Data, err = text.ReadDotBytes(); err != nil {
				return
			}
			if p.answers[command] == "" {
				p.accept(e)
			}
			say(command, "250 thanks")
		case command == "QUIT":
			say(command, "221 bye")
			return
		default:
			say(command, "502 pardon")
		}
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

func (p *postOffice) hear(command string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, command)
}

func (p *postOffice) accept(e envelope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = append(p.mails, e)
}

// all returns the mails accepted so far.
func (p *postOffice) all() []envelope {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]envelope(nil), p.mails...)
}

// commands are those heard so far.
func (p *postOffice) commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.heard...)
}

// read parses a mail.
func (e envelope) read(t *testing.T) *mail.Message {
	t.Helper()
	m, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(string(e.Data))))
	if err != nil {
		t.Fatalf("%v in\n%s", err, e.Data)
	}
	return m
}
