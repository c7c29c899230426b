package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go"
)

// lineOf returns the line for a message on the subject.
func lineOf(t *testing.T, subject, subscribed string, data []byte) string {
	t.Helper()
	var out bytes.Buffer
	l := &listener{console: &console{out: &out}, events: []string{"article.published", "article.unpublished"}}
	msg := &nats.Msg{Subject: subject, Data: data, Sub: &nats.Subscription{Subject: subscribed}}
	if l.twice(msg) {
		return ""
	}
	if err := l.print(l.read(msg, noon)); err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(out.String(), noon.Format(time.TimeOnly)+"  ")
}

func TestLinesOfMessages(t *testing.T) {
	encode := func(e event.CloudEvent) []byte {
		data, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	failed := encode(event.NewFailed("1", "news.example.com", event.Failed{Channel: "webhook", Target: "https://a.example.org", Feed: "all", Attempts: 8, Reason: "answered\n503"}))
	faulty := encode(event.NewRejected("1", "news.example.com", event.Refusal{Gallery: "parade", Problems: gallery.Problems{{Reason: "too long"}}}))
	updated := encode(event.NewUpdate("1", "news.example.com", event.Update{Feed: "sections/travel", Added: []string{"a", "b"}, Removed: []string{"c"}}))
	toPartner := encode(event.NewUpdate("1", "news.example.com", event.Update{Feed: "partners/msn", Edited: []string{"a"}}))
	for name, c := range map[string]struct {
		subject, subscribed string
		data                []byte
		want                string
	}{
		"updated":           {"feed.updated", "feed.>", updated, "feed.updated         sections/travel: 2 added, 0 changed, 1 removed\n"},
		"of a partner":      {"partner.updated", "partner.>", toPartner, "partner.updated      partners/msn: 0 added, 1 changed, 0 removed\n"},
		"given up":          {"feed.notice.failed", "feed.>", failed, "feed.notice.failed   webhook https://a.example.org did not get the notice of all after 8 attempts: answered 503\n"},
		"cannot be shown":   {"article.rejected", "article.rejected", faulty, "article.rejected     parade: too long\n"},
		"as an event too":   {"article.rejected", "article.*", faulty, ""},
		"unknown":           {"feed.renamed", "feed.>", []byte(`{"data":{}}`), "feed.renamed         -\n"},
		"no JSON":           {"feed.updated", "feed.>", []byte("\x1b[31m"), "feed.updated         unreadable\n"},
		"other data":        {"feed.notice.failed", "feed.>", []byte(`{"data":7}`), "feed.notice.failed   unreadable\n"},
		"an unfit event":    {"article.published", "article.published", []byte("\x1b[31m"), `article.published    -: will be rejected: not valid JSON`},
		"a fit event":       {"article.published", "article.published", []byte(`{"id":"a","title":"A","published":"2026-11-20T09:00:00Z"}`), "article.published    a: A\n"},
		"an evil subject":   {"feed.\x1b[31m", "feed.>", []byte(`{"data":{}}`), "\"feed.\\x1b[31m\"      -\n"},
		"a named publisher": {"_GW_FROM.blog.article.unpublished", "_GW_FROM.*.article.unpublished", []byte(`{"id":"a"}`), "article.unpublished  a\n"},
		"a bare take-down":  {"article.unpublished", "article.unpublished", []byte(`{"id":"a"}`), "article.unpublished  a\n"},
		"with its own kind": {"cms.events", "cms.*", []byte(`{"specversion":"1.0","id":"1","source":"/cms","type":"com.example.article.unpublished","data":{"id":"a","reason":"why"}}`), "article.unpublished  a: why\n"},
	} {
		if got := lineOf(t, c.subject, c.subscribed, c.data); !strings.HasPrefix(got, c.want) || strings.Contains(got, "\x1b") || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestListenWithoutPermissionIsReported(t *testing.T) {
	o := broker.Options{Embedded: broker.Embedded{Listen: "127.0.0.1:0", DataDir: t.TempDir()}, PublishSubjects: []string{"article.published"}, NoticeSubjects: noticeSubjects(), Logger: slog.New(slog.DiscardHandler)}
	b, err := broker.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	conn, err := broker.DialPublisher(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l := &listener{console: &console{timeout: waitLimit, err: new(bytes.Buffer)}, events: []string{"article.published"}}
	if err := l.run(t.Context(), conn); err == nil || !strings.Contains(err.Error(), "does not let this user subscribe to article.published: give it that right") {
		t.Errorf("error %v", err)
	}
}

func TestListenerEndsWithTheConnection(t *testing.T) {
	o := broker.Options{Embedded: broker.Embedded{Listen: "127.0.0.1:0", DataDir: t.TempDir()}, PublishSubjects: []string{"article.published"}, NoticeSubjects: noticeSubjects(), Logger: slog.New(slog.DiscardHandler)}
	b, err := broker.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	conn, err := broker.DialPublisher(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	l := &listener{console: &console{timeout: waitLimit, err: writerFunc(func(p []byte) (int, error) {
		conn.Close() // it listens by now
		return errs.Write(p)
	})}}
	if err := l.run(t.Context(), conn); err == nil || !strings.Contains(err.Error(), "start this command again") {
		t.Errorf("error %v", err)
	}
	if got := errs.String(); got != "gallerywire: listening, Ctrl-C ends it\n" {
		t.Errorf("the output is %q", got)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
