package broker

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPermissionViolationsAreLoggedAsWarnings(t *testing.T) {
	t.Parallel()
	const client = `127.0.0.1:46124 - cid:40 - "v1.55.0:go:cms" - `
	for text, want := range map[string]string{
		client + `Publish Violation - Subject "articles.published"`: `level=WARN msg="a publisher may not publish on articles.published: ` +
			`events.subjects are article.published, article.unpublished" client=127.0.0.1:46124`,
		client + `Subscription Violation - Subject "$KV.>", Queue: "q", SID 7`: `level=WARN msg="a publisher may not subscribe to $KV.>: ` +
			`answers to its requests come on _INBOX.>" client=127.0.0.1:46124`,
		client + `Publish Violation - Reply "answers.1"`: `level=WARN msg="a publisher may not subscribe to answers.1: ` +
			`answers to its requests come on _INBOX.>" client=127.0.0.1:46124`,
		`127.0.0.1:46124 - cid:40 - "x - Publish Violation - Subject \"a\"" - Client parser ERROR, state=0`: `level=ERROR msg="127.0.0.1:46124 - cid:40 - ` +
			`\"x - Publish Violation - Subject \\\"a\\\"\" - Client parser ERROR, state=0"`,
		client + `authentication error`: `level=ERROR msg="127.0.0.1:46124 - cid:40 - \"v1.55.0:go:cms\" - authentication error"`,
	} {
		var out bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		l := &serverLog{log: logger, subjects: []string{"article.published", "article.unpublished"}}
		l.Errorf("%s", text)
		if got := strings.TrimSpace(out.String()); got != want {
			t.Errorf("logged %s\nwant   %s", got, want)
		}
	}
}

func TestClosedConnectionIsNoWarning(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &serverLog{log: slog.New(slog.NewTextHandler(&out, nil))}
	l.Warnf("Error reading PROXY protocol header from %s: %v", "pipe", io.ErrClosedPipe)
	if out.Len() > 0 {
		t.Errorf("logged %s", &out)
	}
}

func TestLogLinesAboutClientsAreLimited(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a wrong token":       `127.0.0.1:46124 - cid:40 - authentication error`,
		"a forbidden subject": `127.0.0.1:46124 - cid:40 - "go:cms" - Publish Violation - Subject "$KV.a"`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				l := &serverLog{log: slog.New(slog.NewTextHandler(&out, nil))}
				for range 1000 {
					l.Errorf("%s", text)
				}
				l.Errorf("JetStream failed to store a msg")
				if n := strings.Count(out.String(), "\n"); n != 11 {
					t.Errorf("%d lines, want 10 of the client and the server's own", n)
				}
				time.Sleep(time.Second)
				l.Errorf("%s", text)
				if !strings.Contains(out.String(), " left_out=990\n") {
					t.Errorf("what was left out is not counted:\n%s", out.String())
				}
			})
		})
	}
}
