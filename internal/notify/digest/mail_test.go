package digest_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// A mailbox drops a mail whose id it has seen: another attempt has the same id only with the
// same content.
func TestMailOfOtherContentHasAnotherID(t *testing.T) {
	t.Parallel()
	s, server := withoutStore(t), newMailServer(t)
	n := s.node(to(server.address("from=news@example.com&to=one@example.org")))
	notice := s.noticeOf("a", "b")
	for range 2 {
		if err := n.send(notice); err != nil {
			t.Fatal(err)
		}
	}
	s.edit("a", func(g *gallery.Gallery) { g.Title = "Corrected" })
	if err := n.send(notice); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range server.all() {
		ids = append(ids, e.read(t).Header.Get("Message-Id"))
	}
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] == ids[2] {
		t.Errorf("three attempts, the last with other content, have the ids %q", ids)
	}
}

func TestMailListsGalleries(t *testing.T) {
	t.Parallel()
	s, server := withoutStore(t), newMailServer(t)
	n := s.node(to(server.address("from=news@example.com&fromname=Redazione+Città&to=one@example.org,two+tag@example.org")))
	notice := s.noticeOf("a", "b")
	s.edit("a", func(g *gallery.Gallery) {
		g.Title, g.Summary = "Perché “così” <b>&amp;</b>", "One\nline of\tit"
		g.Slides[0].Image.Alt = `A "boat" & <more>`
	})
	if err := n.send(notice); err != nil {
		t.Fatal(err)
	}
	got := server.all()
	if len(got) != 2 || got[0].To != "one@example.org" || got[1].To != "two+tag@example.org" || got[0].From != "news@example.com" {
		t.Fatalf("mails %+v", got)
	}
	for _, e := range got {
		for _, line := range strings.Split(string(e.Data), "\n") {
			if len(line) > 78 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
				t.Errorf("a line that mail servers may break: %q", line)
			}
		}
	}
	m := got[1].read(t)
	wantHeaders(t, m, map[string]string{
		"From": `Redazione Città <news@example.com>`, "To": "<two+tag@example.org>",
		"Subject": "Example News: travel: Gallery b and 1 more", "Date": "Tue, 24 Nov 2026 06:00:00 +0000",
		"Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
	})
	if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@example.com>") || id == got[0].read(t).Header.Get("Message-Id") {
		t.Errorf("id %s", id)
	}
	parts := partsOf(t, m)
	wantText := `Example News: travel

Gallery b
https://example.com/galleries/b
About b.

Perché “così” <b>&amp;</b>
https://example.com/galleries/a
One line of it
`
	if diff := cmp.Diff(wantText, parts["text/plain"]); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	wantPictures := []string{
		`https://img.example.com/b.jpg|Picture of b|560|315`,
		`https://img.example.com/a.jpg|A "boat" & <more>|560|315`,
	}
	texts, pictures := readHTML(t, parts["text/html"])
	if diff := cmp.Diff(wantPictures, pictures); diff != "" {
		t.Errorf("pictures (-want +got):\n%s", diff)
	}
	for _, want := range []string{"Perché “così” <b>&amp;</b>", "One line of it", "Travel · A. Writer · 23 November 2026"} {
		if !strings.Contains(texts, want) {
			t.Errorf("%q is not in the HTML's text:\n%s", want, texts)
		}
	}
}

// wantHeaders compares decoded headers.
func wantHeaders(t *testing.T, m *mail.Message, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for name := range want {
		text, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got[name] = text
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// partsOf reads a multipart/alternative, whose last part is the best.
func partsOf(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	parts, last := map[string]string{}, ""
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart() // which decodes quoted-printable
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		body, readErr := io.ReadAll(p)
		if err := errors.Join(err, readErr); err != nil || !strings.EqualFold(params["charset"], "utf-8") {
			t.Fatalf("part %s: charset %s, %v", kind, params["charset"], err)
		}
		parts[kind], last = string(body), kind
	}
	if len(parts) != 2 || last != "text/html" {
		t.Fatalf("parts %v", parts)
	}
	return parts
}

// readHTML returns the document's text, and its pictures: address, alternative
// text, width and height.
func readHTML(t *testing.T, doc string) (text string, pictures []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
		}
		switch {
		case n.Type == html.TextNode:
			text += n.Data + "\n"
		case n.Data == "img":
			pictures = append(pictures, strings.Join([]string{attrs["src"], attrs["alt"], attrs["width"], attrs["height"]}, "|"))
		}
	}
	return text, pictures
}

func TestTitleAddsNoHeader(t *testing.T) {
	t.Parallel()
	s, server := withoutStore(t), newMailServer(t)
	n := s.node(to(server.address("from=news@example.com&to=one@example.org")))
	notice := s.noticeOf("a")
	s.edit("a", func(g *gallery.Gallery) {
		g.Title = "Boats\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>"
		g.URL, g.Slides[0].Image.URL = "javascript:alert(1)", "file:///etc/passwd"
		g.Slides[0].Image.Alt = "x\" onerror=\"alert(1)"
	})
	if err := n.send(notice); err != nil {
		t.Fatal(err)
	}
	m := server.all()[0].read(t)
	if m.Header.Get("Bcc") != "" {
		t.Error("a title made a header")
	}
	wantHeaders(t, m, map[string]string{"Subject": "Example News: travel: Boats Bcc: all@example.org <script>alert(1)</script>"})
	parts := partsOf(t, m)
	for _, bad := range []string{"<script", "javascript:", "file:", `onerror="`} {
		if strings.Contains(parts["text/html"], bad) {
			t.Errorf("%s in the HTML:\n%s", bad, parts["text/html"])
		}
	}
}

func FuzzMailIsRead(f *testing.F) {
	f.Add("Harbour lights", "Example News", "Redazione")
	f.Add("a\r\nBcc: x@example.org", "=?utf-8?q?=0A?=", "\"<>,;:")
	f.Add("a", "b", "ۀ\\") // package mail would leave the backslash bare
	f.Add(strings.Repeat("ü", 500), strings.Repeat("long ", 200), "\x00\xff")
	f.Fuzz(func(t *testing.T, title, site, sender string) {
		data := digest.EncodeMail(t, title, site, sender)
		m, err := mail.ReadMessage(strings.NewReader(string(data)))
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if len(m.Header) != 8 {
			t.Errorf("headers %v", m.Header)
		}
		if from, err := m.Header.AddressList("From"); err != nil || from[0].Address != "news@example.com" {
			t.Errorf("from %v, %v", from, err)
		}
		for line := range strings.Lines(string(data)) {
			if len(line) > 998+2 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		partsOf(t, m)
	})
}

func TestSilentMailServerTimesOut(t *testing.T) {
	t.Parallel()
	for command, timeout := range map[string]time.Duration{
		"EHLO": 100 * time.Millisecond, "RCPT": 100 * time.Millisecond,
		"QUIT": 4 * time.Second, // all commands before it must be answered within that
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s, server := withoutStore(t), newMailServer(t, func(m *mailServer) { m.silent = command })
			n := s.node(to(server.address("from=a@example.com&to=b@example.com")), func(o *digest.Options) { o.Timeout = timeout })
			err := n.send(s.noticeOf("a"))
			if accepted := command == "QUIT"; accepted != (err == nil) || errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
}
