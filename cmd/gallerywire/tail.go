package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go"
)

type tailCmd struct {
	JSON bool `name:"json" help:"Print a line of JSON for each."`
}

// Help is printed below the command's usage.
func (tailCmd) Help() string {
	return `Prints new events (of events.subjects) and notices (article.rejected, feed.*,
partner.*) until Ctrl-C. The service still gets every event. The output shows events as
they were sent; "gallerywire status" shows their results.

A line of JSON has time (of arrival), subject and kind, and if they are known publisher
(of nats.embedded.publishers), gallery, title, version, reason, feed, added, changed,
removed, reject (its number), channel, target and attempts.`
}

// Run prints messages until ctx ends.
func (t tailCmd) Run(ctx context.Context, c *console) error {
	return c.withBroker(ctx, func(ctx context.Context, cfg config.Config, b *broker.Broker) error {
		l := &listener{console: c, json: t.JSON, coloured: c.coloured(c.out), reader: app.EventReader(cfg), events: slices.Clone(cfg.Events.Subjects)}
		if len(cfg.NATS.Embedded.Publishers) > 0 {
			for _, subject := range cfg.Events.Subjects {
				l.events = append(l.events, broker.SubjectOf("*", subject))
			}
		}
		return l.run(ctx, b.Conn())
	})
}

// listener prints messages.
type listener struct {
	console  *console
	json     bool
	coloured bool
	reader   event.Reader
	events   []string // their subjects
}

func noticeSubjects() []string { return append(event.NoticeSubjects(), event.PartnerSubjects()...) }

// backlog bounds the messages that wait for a slow terminal.
const backlog = 4096

func (l *listener) run(ctx context.Context, conn *nats.Conn) error {
	ended := conn.StatusChanged(nats.CLOSED)
	defer conn.RemoveStatusListener(ended)
	messages := make(chan *nats.Msg, backlog)
	for _, subject := range slices.Concat(l.events, noticeSubjects()) {
		if _, err := conn.ChanSubscribe(subject, messages); err != nil {
			return fmt.Errorf("listen to %s: %w", subject, err)
		}
	}
	err := conn.FlushTimeout(l.console.timeout)
	if denied, ok := broker.Denied(conn.LastError()); ok {
		return denied
	}
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	l.console.say("listening, Ctrl-C ends it")
	for {
		select {
		case msg := <-messages:
			if l.twice(msg) {
				continue
			}
			if err := l.print(l.read(msg, time.Now())); err != nil {
				return err
			}
		case <-ended:
			if ctx.Err() == nil {
				return errors.New("NATS ended the connection: start this command again once it is back")
			}
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// twice reports whether the message is a notice that also came by a subject of
// events. It is printed once, as a notice.
func (l *listener) twice(msg *nats.Msg) bool {
	isNotice := msg.Subject == event.Rejected || strings.HasPrefix(msg.Subject, "feed.") || strings.HasPrefix(msg.Subject, "partner.")
	return isNotice && !slices.Contains(noticeSubjects(), msg.Sub.Subject)
}

// entry is what is printed of a message.
type entry struct {
	Time      time.Time `json:"time"`
	Subject   string    `json:"subject"`
	Kind      string    `json:"kind"`
	Publisher string    `json:"publisher,omitempty"`
	Gallery   string    `json:"gallery,omitempty"`
	Title     string    `json:"title,omitempty"`
	Version   int64     `json:"version,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Feed      string    `json:"feed,omitempty"`
	Added     []string  `json:"added,omitempty"`
	Changed   []string  `json:"changed,omitempty"`
	Removed   []string  `json:"removed,omitempty"`
	Reject    uint64    `json:"reject,omitempty"`
	Channel   string    `json:"channel,omitempty"`
	Target    string    `json:"target,omitempty"`
	Attempts  int       `json:"attempts,omitempty"`
}

func (l *listener) read(msg *nats.Msg, at time.Time) entry {
	publisher, subject := broker.PublisherOf(msg.Subject)
	h := entry{Time: at, Subject: subject, Kind: subject, Publisher: publisher}
	if slices.Contains(noticeSubjects(), msg.Sub.Subject) {
		h.notice(msg.Data)
		return h
	}
	h.event(l.reader, event.Message{Subject: subject, Header: msg.Header, Data: msg.Data, Stored: at})
	return h
}

// event fills h from a publication or a take-down, or with the reason why it is neither.
func (h *entry) event(reader event.Reader, m event.Message) {
	e, err := reader.Decode(m)
	if err != nil {
		_, _, h.Gallery = event.Attributes(m)
		h.Reason = "will be rejected: " + err.Error()
		return
	}
	h.Kind, h.Gallery, h.Version = string(e.Kind), e.GalleryID(), e.Rank.Version
	if e.Gallery != nil {
		h.Title = e.Gallery.Title
		if e.LeftOut != nil {
			h.Reason = "left out: " + e.LeftOut.Error()
		}
	} else {
		h.Reason = e.Removed.Reason
	}
}

// notice fills h from a notice of a changed feed, a rejected event or a failed
// delivery. Other notices have only their subject.
func (h *entry) notice(data []byte) {
	var e struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(data, &e) != nil {
		h.Reason = unreadable
		return
	}
	var err error
	switch h.Subject {
	case event.FeedUpdated, event.PartnerUpdated:
		var u event.Update
		err = json.Unmarshal(e.Data, &u)
		h.Feed, h.Added, h.Changed, h.Removed = u.Feed, u.Added, u.Edited, u.Removed
	case event.Rejected:
		var r event.Refusal
		err = json.Unmarshal(e.Data, &r)
		h.Gallery, h.Reject, h.Reason = r.Gallery, r.Reject, r.Problems.Error()
	case event.NoticeFailed, event.PartnerNoticeFailed:
		var f event.Failed
		err = json.Unmarshal(e.Data, &f)
		h.Channel, h.Target, h.Feed, h.Attempts, h.Reason = f.Channel, f.Target, f.Feed, f.Attempts, f.Reason
	}
	if err != nil {
		h.Reason = unreadable
	}
}

func (l *listener) print(h entry) error {
	if l.json {
		h.Time = h.Time.UTC()
		return l.console.line(h)
	}
	_, err := fmt.Fprintf(l.console.out, "%s  %s  %s\n",
		cell{h.Time.Format(time.TimeOnly), quiet}.painted(l.coloured),
		cell{fmt.Sprintf("%-19s", shown(h.Kind)), h.colour()}.painted(l.coloured),
		shown(h.words()))
	return err
}

func (h entry) colour() string {
	switch {
	case h.Kind == event.FeedUpdated || h.Kind == event.PartnerUpdated:
		return green
	case h.Kind == event.Rejected || h.Kind == event.NoticeFailed || h.Kind == event.PartnerNoticeFailed || strings.HasPrefix(h.Reason, "will be rejected"):
		return red
	}
	return plain
}

// unreadable is the reason of a notice that cannot be read.
const unreadable = "unreadable"

// words describes the message.
func (h entry) words() string {
	if h.Reason == unreadable {
		return unreadable
	}
	switch h.Kind {
	case event.FeedUpdated, event.PartnerUpdated:
		return fmt.Sprintf("%s: %d added, %d changed, %d removed", h.Feed, len(h.Added), len(h.Changed), len(h.Removed))
	case event.NoticeFailed, event.PartnerNoticeFailed:
		return fmt.Sprintf("%s %s did not get the notice of %s after %s: %s", h.Channel, h.Target, cmp.Or(h.Feed, "-"), number(h.Attempts, "attempt", "attempts"), h.Reason)
	case event.Rejected:
		if h.Reject > 0 {
			return fmt.Sprintf("%s: reject %d: %s", cmp.Or(h.Gallery, "-"), h.Reject, h.Reason)
		}
	}
	words := cmp.Or(h.Gallery, "-")
	for _, more := range []string{h.Title, h.Reason} {
		if more != "" {
			words += ": " + more
		}
	}
	return words
}
