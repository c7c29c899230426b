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

// mailServer answers as RFC 5321 describes it, as far as tests need.
type mailServer struct {
	listener net.Listener
	answers  map[string]string // to a command instead of the usual; "": to the connection
	silent   string            // it never answers this command
	tls      *tls.Config       // nil: it cannot encrypt
	implicit bool              // connections are encrypted from the beginning

	mu    sync.Mutex
	mails []envelope
	got   []string // commands
}

// envelope is a mail that was accepted.
type envelope struct {
	From, To string
	Data     []byte
}

func newMailServer(t *testing.T, change ...func(*mailServer)) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{listener: l, answers: map[string]string{}}
	for _, f := range change {
		f(m)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if m.implicit {
				conn = tls.Server(conn, m.tls)
			}
			wg.Go(func() { m.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return m
}

// address is one of shoutrrr's.
func (m *mailServer) address(options string) string {
	return fmt.Sprintf("smtp://%s/?%s", m.listener.Addr(), options)
}

func (m *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	text := textproto.NewConn(conn)
	say := func(command, usual string) {
		if answer, ok := m.answers[command]; ok {
			usual = answer
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
		m.note(command)
		switch {
		case command == m.silent:
			io.Copy(io.Discard, conn) // until the other side goes away
			return
		case command == "EHLO":
			able := "250-post.example.com\n"
			if m.tls != nil && !m.implicit {
				able += "250-STARTTLS\n"
			}
			say(command, able+"250 AUTH PLAIN LOGIN XOAUTH2")
		case command == "STARTTLS" && m.tls != nil:
			say(command, "220 go on")
			conn = tls.Server(conn, m.tls)
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
			if m.answers[command] == "" {
				m.accept(e)
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

func (m *mailServer) note(command string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, command)
}

func (m *mailServer) accept(e envelope) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, e)
}

// all returns the mails accepted so far.
func (m *mailServer) all() []envelope {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]envelope(nil), m.mails...)
}

// commands are those received so far.
func (m *mailServer) commands() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.got...)
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
