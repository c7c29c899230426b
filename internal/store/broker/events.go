package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// duplicateWindow is how long a stream of ours knows a message id again: as
// short as the server allows. It answers "duplicate" and drops the event, also
// when the id was used by another publisher, or by an event that was rejected.
// Intake knows better which events repeat.
const duplicateWindow = 100 * time.Millisecond

// EventStream is the stream that a CMS publishes to.
type EventStream struct {
	Name     string   // when it has to be made
	Subjects []string // by which it is found
	MaxBytes int64    // when it has to be made; a full stream refuses
}

func (e EventStream) config(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        e.Name,
		Description: "events from the CMS, each until it has been taken in",
		Subjects:    e.Subjects,
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    e.MaxBytes,
		Storage:     jetstream.FileStorage,
		Replicas:    replicas,
		Duplicates:  duplicateWindow,
		AllowDirect: true,
	}
}

// Events returns the stream that holds the subjects, whatever its name, and
// makes it when there is none: a work queue on disk that refuses when it is
// full, smaller than want.MaxBytes where the disk has no more room. One that was
// made so before gets the window for duplicates that such a stream has now and,
// on the embedded server, a larger limit. A stream that keeps or drops events in
// another way is used as it is and reported as foreign: it may drop what has not
// been read. One that cannot work, and subjects spread over several streams, are
// errors. It blocks for a few round trips and fails while NATS is away; it can be
// repeated.
func (b *Broker) Events(ctx context.Context, want EventStream) (stream jetstream.Stream, foreign bool, err error) {
	holders, err := b.holders(ctx, want.Subjects)
	if err == nil && len(holders) > 1 {
		err = spread(holders)
	}
	if err == nil {
		name := want.Name
		for holder := range holders {
			name = holder
		}
		stream, err = b.js.Stream(ctx, name)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		made := want.config(b.replicas)
		made.Subjects = b.arriving(want.Subjects)
		stream, err = b.createStream(ctx, made)
	}
	if err != nil {
		return nil, false, fmt.Errorf("event stream: %w", err)
	}
	got := stream.CachedInfo().Config
	if err := checkEvents(got, want); err != nil {
		return nil, false, fmt.Errorf("event stream: %w", err)
	}
	foreign = isForeign(got, want)
	if !foreign {
		stream = b.refreshEvents(ctx, stream, want)
	}
	got = stream.CachedInfo().Config
	if err := unfit("stream "+got.Name, []rule{coverage(got, b.arriving(want.Subjects))}); len(got.Sources) == 0 && got.Mirror == nil && err != nil {
		return nil, false, fmt.Errorf("event stream: %w", err)
	}
	b.warnEvents(got, want)
	return stream, foreign, nil
}

// arriving adds to the subjects those on which the events of named publishers
// arrive.
func (b *Broker) arriving(subjects []string) []string {
	if b.server == nil || len(b.server.options.Embedded.Publishers) == 0 {
		return subjects
	}
	all := slices.Clone(subjects)
	for _, subject := range subjects {
		all = append(all, SubjectOf("*", subject))
	}
	return all
}

// Publishers returns the names of those whose events the stream may hold: those of
// the options, and those that have left a durable consumer, which is named like
// the one of events without a publisher, with "_" and the publisher's name after it.
func (b *Broker) Publishers(ctx context.Context, stream jetstream.Stream, consumer string) ([]string, error) {
	var names []string
	if b.server != nil {
		for _, p := range b.server.options.Embedded.Publishers {
			names = append(names, p.Name)
		}
	}
	consumers, err := guarded(ctx, b.link, []string{stream.CachedInfo().Config.Name}, func(ctx context.Context) ([]string, error) {
		lister := stream.ConsumerNames(ctx)
		return collect(lister.Name()), lister.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("look for publishers: %w", plain(err))
	}
	for _, name := range consumers {
		if publisher, ok := strings.CutPrefix(name, b.Name(consumer)+"_"); ok && !slices.Contains(names, publisher) {
			names = append(names, publisher)
		}
	}
	return names, nil
}

func collect(names <-chan string) (all []string) {
	for name := range names {
		all = append(all, name)
	}
	return all
}

// refreshEvents gives a stream of ours the settings that it would be made with
// today and that can change while it holds events. One that keeps its settings
// still works.
func (b *Broker) refreshEvents(ctx context.Context, stream jetstream.Stream, want EventStream) jetstream.Stream {
	config := stream.CachedInfo().Config
	config.Duplicates = duplicateWindow
	config.Subjects = append(config.Subjects, uncovered(b.arriving(want.Subjects), config.Subjects)...)
	if b.server != nil { // of one elsewhere the limit is its operator's
		config.MaxBytes = max(config.MaxBytes, want.MaxBytes)
	}
	for {
		got := stream.CachedInfo().Config
		if config.Duplicates == got.Duplicates && config.MaxBytes == got.MaxBytes && slices.Equal(config.Subjects, got.Subjects) {
			return stream
		}
		updated, err := b.js.UpdateStream(ctx, config)
		switch {
		case err == nil:
			return updated
		case isCode(err, codeNoSpace) && config.MaxBytes != got.MaxBytes:
			config.MaxBytes = got.MaxBytes
		default:
			b.log.Warn("the event stream keeps its settings: change its duplicate window with nats stream edit",
				"stream", config.Name, "duplicate_window", got.Duplicates, "wanted", duplicateWindow, "err", plain(err))
			return stream
		}
	}
}

// holders returns the names of the streams that take in any of the subjects,
// each with those that it takes in.
func (b *Broker) holders(ctx context.Context, subjects []string) (map[string][]string, error) {
	held := map[string][]string{}
	for _, subject := range subjects {
		found, err := guarded(ctx, b.link, []string{"NAMES"}, func(ctx context.Context) ([]string, error) {
			names := b.js.StreamNames(ctx, jetstream.WithStreamListSubject(subject))
			return collect(names.Name()), names.Err()
		})
		if err != nil && !errors.Is(err, jetstream.ErrEndOfData) {
			return nil, fmt.Errorf("look for %s: %w", subject, plain(err))
		}
		for _, name := range found {
			held[name] = append(held[name], subject)
		}
	}
	return held, nil
}

func spread(holders map[string][]string) error {
	var each []string
	for _, name := range slices.Sorted(maps.Keys(holders)) {
		each = append(each, fmt.Sprintf("%s takes in %s", name, strings.Join(holders[name], ", ")))
	}
	return fmt.Errorf("the subjects must all be in one stream: %s", strings.Join(each, "; "))
}

func checkEvents(got jetstream.StreamConfig, want EventStream) error {
	rules := []rule{sealed(got)}
	if len(got.Sources) == 0 && got.Mirror == nil {
		rules = append(rules, coverage(got, want.Subjects))
	}
	if t := got.SubjectTransform; t != nil {
		moves := slices.ContainsFunc(want.Subjects, func(s string) bool { return t.Source == "" || server.SubjectsCollide(t.Source, s) })
		rules = append(rules, rule{moves, "subject_transform", t.Source + " → " + t.Destination, "must leave the event subjects alone"})
	}
	return unfit("stream "+got.Name, rules)
}

// isForeign reports whether the stream may treat events otherwise than one that
// we make.
func isForeign(got jetstream.StreamConfig, want EventStream) bool {
	return got.Name != want.Name || len(losses(got)) > 0 ||
		got.Retention != jetstream.WorkQueuePolicy || got.Discard != jetstream.DiscardNew ||
		got.Mirror != nil || len(got.Sources) > 0
}

// losses lists the ways in which the stream can lose unread events.
func losses(got jetstream.StreamConfig) (how []string) {
	full := got.MaxBytes > 0 || got.MaxMsgs > 0 || got.MaxMsgsPerSubject > 0
	for _, risk := range []struct {
		taken bool
		how   string
	}{
		{got.Discard == jetstream.DiscardOld && full, "discard is old: when it is full it drops the oldest events, read or not"},
		{got.Discard == jetstream.DiscardNew && got.MaxMsgsPerSubject > 0 && !got.DiscardNewPerSubject,
			"max_msgs_per_subject is set: a new event pushes out an unread one of its subject"},
		{got.MaxAge > 0, fmt.Sprintf("max_age is %s: it drops older events, read or not", got.MaxAge)},
		{got.Retention == jetstream.InterestPolicy, "retention is interest: it drops events that come while there is no consumer"},
		{got.NoAck, "no_ack is true: the publisher never learns whether its event was stored"},
		{got.Storage == jetstream.MemoryStorage, "storage is memory: it does not outlive its servers"},
	} {
		if risk.taken {
			how = append(how, risk.how)
		}
	}
	return how
}

func (b *Broker) warnEvents(got jetstream.StreamConfig, want EventStream) {
	for _, how := range losses(got) {
		b.log.Warn("the event stream may lose events", "stream", got.Name, "why", how)
	}
	if got.Name == want.Name && got.MaxBytes != want.MaxBytes {
		remedy := "change it with nats stream edit"
		if b.server != nil && got.MaxBytes < want.MaxBytes {
			remedy = "make room on the disk, then restart this process"
		}
		b.log.Warn("the event stream has another size limit than configured: "+remedy,
			"stream", got.Name, "max_bytes", got.MaxBytes, "configured", want.MaxBytes)
	}
	b.warnReplicas(got)
}
