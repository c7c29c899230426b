package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
)

// clientLines is how many lines a second there are about clients: anyone that can
// connect can make the server write any number of them.
const clientLines = 10

// serverLog writes the embedded server's log to ours. A normal start and stop log
// nothing above debug. The last fatal error, after which the server does not run, is
// kept for the start that waits for it. No other line has consequences, because the
// server quotes the clients' own text in them. Lines about clients are rate limited.
type serverLog struct {
	log      *slog.Logger
	subjects []string // on which a publisher may publish

	mu       sync.Mutex
	fatalErr error
	second   time.Time // in which clients have had so many lines
	lines    int
	leftOut  int // since the last one
}

// Noticef implements server.Logger.
func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(line(format, v)) }

// Debugf implements server.Logger.
func (l *serverLog) Debugf(format string, v ...any) { l.log.Debug(line(format, v)) }

// Tracef implements server.Logger.
func (l *serverLog) Tracef(format string, v ...any) { l.log.Debug(line(format, v)) }

// Warnf implements server.Logger.
func (l *serverLog) Warnf(format string, v ...any) { l.write(slog.LevelWarn, line(format, v)) }

// Errorf implements server.Logger.
func (l *serverLog) Errorf(format string, v ...any) { l.write(slog.LevelError, line(format, v)) }

// ofClient matches what the server logs of a client.
var ofClient = regexp.MustCompile(`^\S+ - cid:\d+ - `)

// hungUp begins what the server logs of a client that was gone before the server
// knew from where it was: that is no fault of either.
const hungUp = "Error reading PROXY protocol header"

// violation matches what the server logs of a client that its permissions hold
// back: its address, what it tried, and the subject. The server quotes the client's
// own words, so that what stands outside of quotes is the server's own.
var violation = regexp.MustCompile(`^(\S+) - cid:\d+ - (?:"(?:[^"\\]|\\.)*" - )*((?:Publish|Subscription) Violation - (?:Subject|Reply)) "((?:[^"\\]|\\.)*)"`)

// write logs the text, unless it is one too many about clients. A publisher that did
// what it may not made a mistake, which is no trouble of the server.
func (l *serverLog) write(level slog.Level, text string) {
	if strings.HasPrefix(text, hungUp) {
		level = slog.LevelDebug
	}
	var attributes []any
	if ofClient.MatchString(text) {
		leftOut, ok := l.admit(time.Now())
		if !ok {
			return
		}
		if found := violation.FindStringSubmatch(text); found != nil {
			level, attributes = slog.LevelWarn, []any{"client", found[1]}
			text = fmt.Sprintf("a publisher may not subscribe to %s: answers to its requests come on _INBOX.>", found[3])
			if found[2] == "Publish Violation - Subject" {
				text = fmt.Sprintf("a publisher may not publish on %s: events.subjects are %s", found[3], strings.Join(l.subjects, ", "))
			}
		}
		if leftOut > 0 {
			attributes = append(attributes, "left_out", leftOut)
		}
	}
	l.log.Log(context.Background(), level, text, attributes...)
}

// admit reports whether there may be a line about a client now, and how many were
// left out before it.
func (l *serverLog) admit(now time.Time) (leftOut int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.second) >= time.Second {
		l.second, l.lines = now, 0
	}
	if l.lines >= clientLines {
		l.leftOut++
		return 0, false
	}
	l.lines++
	leftOut, l.leftOut = l.leftOut, 0
	return leftOut, true
}

// Fatalf implements server.Logger. Unlike the server's own it does not end the
// process.
func (l *serverLog) Fatalf(format string, v ...any) {
	text := line(format, v)
	l.log.Error(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatalErr = errors.New(text)
}

func (l *serverLog) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatalErr
}

func line(format string, v []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, v...))
}
