package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/nats-io/nats.go/jetstream"
)

// receiver takes events over HTTP onto the event stream.
func (a *App) receiver(reader event.Reader) (*receive.Receiver, error) {
	c := a.opts.Config
	stream, err := jetstream.New(a.broker.Conn(), jetstream.WithPublishAsyncTimeout(receive.AckTimeout(receive.MaxBatch)))
	if err != nil {
		return nil, fmt.Errorf("use jetstream for events over http: %w", err)
	}
	return receive.New(receive.Options{
		Keys: a.keys, Reader: reader,
		Subject: func(k event.Kind) string { return subjectOf(c.Events.Subjects, k) },
		Stream:  stream, Away: func() error { return errors.Join(a.broker.Status(), a.broker.Storage()) },
		Client: web.ClientAddr, Network: web.ClientNetwork, ExpectBody: web.ExpectBody, RequestsPerMinute: c.Intake.RequestsPerMinute,
		Registerer: a.metrics, Logger: a.logger("receive"),
	}), nil
}

// subjectOf returns the configured subject that ends as the kind does, else the first. In
// place of a wildcard it has a word, at its end that of the kind.
func subjectOf(subjects []string, kind event.Kind) string {
	_, end, _ := strings.Cut(string(kind), ".")
	i := slices.IndexFunc(subjects, func(s string) bool { return strings.HasSuffix("."+s, "."+end) })
	words := strings.Split(subjects[max(i, 0)], ".")
	for i, word := range words {
		switch {
		case word != "*" && word != ">":
		case i == len(words)-1:
			words[i] = end
		default:
			words[i] = "gallerywire"
		}
	}
	return strings.Join(words, ".")
}
