package digest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

// noticeOf is the digest that n owes when those galleries were published, the
// last of them the newest.
func (w *world) noticeOf(n *node, keys ...string) outbox.Notice {
	w.t.Helper()
	n.sweep()
	for i, key := range keys {
		w.clock.set(monday.Add(time.Duration(i+1) * time.Minute))
		w.site.put("travel", key, w.clock.Now())
	}
	w.clock.set(rome(w.t, "2026-11-24 07:00"))
	n.sweep()
	all := w.debts.all()
	return all[len(all)-1]
}

// targets lists those of a notice.
func (n *node) targets(owed outbox.Notice) []outbox.Target {
	var all []outbox.Target
	n.Targets(owed, func(to outbox.Target) bool {
		all = append(all, to)
		return true
	})
	return all
}

// send sends the notice to all its targets as the outbox does, and returns what
// went wrong.
func (n *node) send(owed outbox.Notice) error {
	n.t.Helper()
	letter, err := n.Pack(n.t.Context(), owed)
	if err != nil {
		n.t.Fatal(err)
	}
	var errs []error
	for _, to := range n.targets(owed) {
		errs = append(errs, letter.Send(n.t.Context(), to))
	}
	return errors.Join(errs...)
}

// A mailbox drops what has an id that it has seen: another attempt has the same id
// only if it says the same.
func TestAMailThatSaysSomethingElseHasAnotherId(t *testing.T) {
	w, post := newWorld(t), newPostOffice(t)
	n := w.node(to(post.address("from=news@example.com&to=one@example.org")))
	owed := w.noticeOf(n, "a", "b")
	for range 2 {
		if err := n.send(owed); err != nil {
			t.Fatal(err)
		}
	}
	w.site.say("a", func(g *gallery.Gallery) { g.Title = "Corrected" })
	if err := n.send(owed); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range post.all() {
		ids = append(ids, e.read(t).Header.Get("Message-Id"))
	}
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] == ids[2] {
		t.Errorf("three attempts, the last of which says something else, have the ids %q", ids)
	}
}

func TestMail(t *testing.T) {
	w, post := newWorld(t), newPostOffice(t)
	n := w.node(to(post.address("from=news@example.com&fromname=Redazione+Città&to=one@example.org,two+tag@example.org")))
	owed := w.noticeOf(n, "a", "b")
	w.site.say("a", func(g *gallery.Gallery) {
		g.Title, g.Summary = "Perché “così” <b>&amp;</b>", "One\nline of\tit"
		g.Slides[0].Image.Alt = `A "boat" & <more>`
	})
	if err := n.send(owed); err != nil {
		t.Fatal(err)
	}
	got := post.all()
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

func TestNoTitleAddsAHeader(t *testing.T) {
	w, post := newWorld(t), newPostOffice(t)
	n := w.node(to(post.address("from=news@example.com&to=one@example.org")))
	owed := w.noticeOf(n, "a")
	w.site.say("a", func(g *gallery.Gallery) {
		g.Title = "Boats\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>"
		g.URL, g.Slides[0].Image.URL = "javascript:alert(1)", "file:///etc/passwd"
		g.Slides[0].Image.Alt = "x\" onerror=\"alert(1)"
	})
	if err := n.send(owed); err != nil {
		t.Fatal(err)
	}
	m := post.all()[0].read(t)
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

// room is a chat: it keeps what is posted to it.
type room struct {
	*httptest.Server
	mu     sync.Mutex
	posts  []string
	status int
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.posts = append(r.posts, string(body))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// address is one of shoutrrr's, with a secret path.
func (r *room) address() string {
	return "generic://" + strings.TrimPrefix(r.URL, "http://") + "/hook/s3cr3t?disabletls=yes"
}

func TestChat(t *testing.T) {
	w, chat := newWorld(t), newRoom(t)
	n := w.node(to(chat.address()))
	owed := w.noticeOf(n, "a", "b")
	w.site.say("a", func(g *gallery.Gallery) { g.Title = "@everyone <!channel>" })
	if err := n.send(owed); err != nil {
		t.Fatal(err)
	}
	want := []string{`Example News: travel

Gallery b
https://example.com/galleries/b
About b.

@` + "\u200b" + `everyone <` + "\u200b" + `!channel>
https://example.com/galleries/a
About a.
`}
	if diff := cmp.Diff(want, chat.posts); diff != "" {
		t.Errorf("posted (-want +got):\n%s", diff)
	}
}

func TestALongDigestIsShortenedForChat(t *testing.T) {
	w, chat := newWorld(t), newRoom(t)
	n := w.node(to(chat.address()))
	var keys []string
	for i := range 130 {
		keys = append(keys, fmt.Sprintf("g%03d", i))
	}
	owed := w.noticeOf(n, keys...)
	w.site.say("g129", func(g *gallery.Gallery) { g.Summary = strings.Repeat("word ", 2000) })
	if err := n.send(owed); err != nil {
		t.Fatal(err)
	}
	got := chat.posts[0]
	listed := strings.Count(got, "Gallery g")
	if len(got) > 10_000 || listed < 50 || !strings.HasSuffix(got, fmt.Sprintf("\nand %d more: https://example.com/\n", 130-listed)) {
		t.Errorf("%d bytes, %d galleries:\n%s", len(got), listed, got)
	}
	if !strings.Contains(got, "word…\n") {
		t.Error("a long summary is not shortened")
	}
}

func TestATakeDownIsNotToldEvenWhenItWasOwed(t *testing.T) {
	w, chat := newWorld(t), newRoom(t)
	n := w.node(to(chat.address()))
	owed := w.noticeOf(n, "a", "b")
	w.site.takeDown("b")
	if err := n.send(owed); err != nil {
		t.Fatal(err)
	}
	w.site.takeDown("a")
	if err := n.send(owed); err != nil {
		t.Fatal(err)
	}
	if len(chat.posts) != 1 || strings.Contains(chat.posts[0], "Gallery b") || !strings.Contains(chat.posts[0], "Gallery a") {
		t.Errorf("posted %q", chat.posts)
	}
}

func TestWhatCanNotBeReadNowIsSentLater(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	owed := w.noticeOf(n, "a")
	w.site.fail(errAway)
	if _, err := n.Pack(t.Context(), owed); !errors.Is(err, errAway) || errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
}

func TestTargets(t *testing.T) {
	w := newWorld(t)
	n := w.node(to(
		"smtp://user:s3cr3t@mail.example.com:587/?from=a@example.com&to=b@example.com,c@example.com",
		"smtp://user:rotated@mail.example.com:587/?from=a@example.com&to=b@example.com", // the same mailbox
		"discord://s3cr3t@123456789",
		"generic+https://hooks.example.com/s3cr3t",
		"telegram://123:s3cr3t@telegram?chats=@channel",
	))
	var names []string
	for _, to := range n.targets(outbox.Notice{About: "travel"}) {
		names = append(names, to.Name+" at "+to.Host)
		if len(to.Key) != 30 || to.Endpoint != "digest."+to.Key {
			t.Errorf("target %+v", to)
		}
		if again, ok := n.Target(outbox.Notice{About: "travel"}, to.Key); !ok || again != to {
			t.Errorf("found %+v, want %+v", again, to)
		}
	}
	want := []string{
		"smtp mail.example.com:587 at mail.example.com", "smtp mail.example.com:587 at mail.example.com",
		"discord at discord", "generic hooks.example.com at hooks.example.com", "telegram at telegram",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if _, ok := n.Target(outbox.Notice{About: "travel"}, "gone"); ok || len(n.targets(outbox.Notice{About: "gone"})) != 0 {
		t.Error("a target of nothing")
	}
}

func TestMerge(t *testing.T) {
	n := newWorld(t).node()
	notice := func(id, data string) outbox.Notice {
		return outbox.Notice{Channel: "digest", About: "travel", ID: id, Data: []byte(data)}
	}
	for _, c := range []struct{ name, old, newer, want string }{
		{"both", `{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["b","a"]}`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["c","b"],"more":1}`,
			`{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["c","b","a"],"more":1}`},
		{"more", `{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["a"],"more":2}`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b"]}`,
			`{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b","a"],"more":2}`},
		{"unreadable", `?`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b"]}`, `{"format":1,"due":"2026-11-25T06:00:00Z","galleries":["b"]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(notice("2", c.want), n.Merge(notice("1", c.old), notice("2", c.newer))); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
		})
	}
	many := notice("1", `{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["`+strings.Repeat(`x","`, 1)+`y"]}`)
	for i := range 300 {
		many = n.Merge(many, notice(fmt.Sprint(i), fmt.Sprintf(`{"format":1,"due":"2026-11-24T06:00:00Z","galleries":["g%d"]}`, i)))
	}
	if !strings.HasSuffix(string(many.Data), `"more":202}`) || strings.Count(string(many.Data), ",") > 110 {
		t.Errorf("merged %s", many.Data)
	}
}

func TestAServiceThatNeverAnswersIsLeftInTimeAndHoldsFewDeliveries(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	begun := make(chan struct{}, 100)
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-release
	}))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(release) })
	n := w.node(to("generic://"+strings.TrimPrefix(silent.URL, "http://")+"/s3cr3t?disabletls=yes"),
		func(o *digest.Options) { o.Timeout = 50 * time.Millisecond })
	owed := w.noticeOf(n, "a")
	for range 10 {
		if err := n.send(owed); err == nil || errors.Is(err, outbox.ErrFinal) {
			t.Fatalf("error %v", err)
		}
	}
	if err := n.send(owed); err == nil || !strings.Contains(err.Error(), "have not come back") {
		t.Errorf("error %v", err)
	}
	if len(begun) > 4 {
		t.Errorf("%d deliveries go on", len(begun))
	}
}

func TestAMailServerThatNeverAnswersIsLeftInTime(t *testing.T) {
	for command, timeout := range map[string]time.Duration{
		"EHLO": 100 * time.Millisecond, "RCPT": 100 * time.Millisecond,
		"QUIT": 2 * time.Second, // all before it must be said within that
	} {
		t.Run(command, func(t *testing.T) {
			w, post := newWorld(t), newPostOffice(t, func(p *postOffice) { p.silent = command })
			n := w.node(to(post.address("from=a@example.com&to=b@example.com")), func(o *digest.Options) { o.Timeout = timeout })
			err := n.send(w.noticeOf(n, "a"))
			if accepted := command == "QUIT"; accepted != (err == nil) || errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
}
