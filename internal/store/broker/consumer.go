package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Consumer is a durable pull consumer of ours. All limits apply only when it
// has to be made.
type Consumer struct {
	Name           string        // without the prefix
	FilterSubjects []string      // what it must hand out; empty: all of the stream
	AckWait        time.Duration // before what is not acknowledged comes again
	MaxAckPending  int           // how many may be in flight, over all nodes
}

func (c Consumer) config(name string) jetstream.ConsumerConfig {
	config := jetstream.ConsumerConfig{
		Durable:       name,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       c.AckWait,
		MaxAckPending: c.MaxAckPending,
		MaxDeliver:    -1,
	}
	// Servers before 2.10 know one filter only, and it need not be a list.
	if len(c.FilterSubjects) == 1 {
		config.FilterSubject = c.FilterSubjects[0]
	} else {
		config.FilterSubjects = c.FilterSubjects
	}
	return config
}

// Consumer returns the durable consumer of that name and makes it when there is
// none: one that hands out everything, each again until it is acknowledged,
// with the replicas of its stream. One that is there is used as it is; one that
// could lose or miss events is an error. The embedded server delivers unacknowledged
// events of a work queue again at once, because only the caller reads there. It blocks
// for a few round trips and fails while NATS is away; it can be repeated.
func (b *Broker) Consumer(ctx context.Context, stream jetstream.Stream, c Consumer) (jetstream.Consumer, error) {
	name := b.Name(c.Name)
	got, err := stream.Consumer(ctx, name)
	if err == nil && b.server != nil && stream.CachedInfo().Config.Retention == jetstream.WorkQueuePolicy {
		// Otherwise the server waits with the events that a process held which died, by
		// the clock on the wall: for an hour longer when that was set back by an hour.
		if _, err := b.js.ResetConsumer(ctx, stream.CachedInfo().Config.Name, name); err != nil {
			b.log.Warn("events that were in flight when this process ended come again only later", "consumer", name, "err", plain(err))
		}
	}
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		got, err = createConsumer(ctx, stream, c.config(name))
		if isCode(err, codeConsumerCreate) && b.dropConsumerState(stream.CachedInfo().Config.Name, name) {
			got, err = createConsumer(ctx, stream, c.config(name))
		}
	}
	if errors.Is(err, jetstream.ErrNotPullConsumer) {
		err = errors.New("deliver_subject is set: it must not be, delete the consumer")
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", name, plain(err))
	}
	if err := checkConsumer(got.CachedInfo().Config, c); err != nil {
		return nil, err
	}
	return got, nil
}

func createConsumer(ctx context.Context, stream jetstream.Stream, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	c, err := stream.CreateConsumer(ctx, config)
	if errors.Is(err, jetstream.ErrConsumerExists) {
		return stream.Consumer(ctx, config.Durable)
	}
	if isCode(err, codeQueueTaken, codeQueueTakenWhole) {
		return nil, fmt.Errorf("stream %s is a work queue and hands each event to one consumer only, and there is %s: "+
			"delete that one, or change the stream's retention to limits: %w",
			stream.CachedInfo().Config.Name, strings.Join(collect(stream.ConsumerNames(ctx).Name()), ", "), err)
	}
	return c, err
}

// dropConsumerState renames the embedded server's file with the state of a consumer,
// and reports whether there was one. The server could not read it and would never make
// that consumer again. Without it the consumer begins with the first message of the
// stream: unacknowledged ones are delivered again.
func (b *Broker) dropConsumerState(stream, consumer string) bool {
	if b.server == nil {
		return false
	}
	state := filepath.Join(string(b.server.dir), server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams", stream, "obs", consumer, "o.dat")
	if os.Rename(state, state+".damaged") != nil {
		return false
	}
	b.log.Error("the state of a consumer on the disk was damaged: it begins anew, check the disk",
		"stream", stream, "consumer", consumer, "put_aside", state+".damaged")
	return true
}

func checkConsumer(got jetstream.ConsumerConfig, want Consumer) error {
	has, missed := got.FilterSubjects, []string{"every subject"}
	if got.FilterSubject != "" {
		has = []string{got.FilterSubject}
	}
	if len(has) == 0 {
		missed = nil
	} else if len(want.FilterSubjects) > 0 {
		missed = uncovered(want.FilterSubjects, has)
	}
	return unfit("consumer "+got.Name, []rule{
		{got.AckPolicy != jetstream.AckExplicitPolicy, "ack_policy", word(got.AckPolicy), "must be explicit"},
		{got.MaxDeliver > 0, "max_deliver", strconv.Itoa(got.MaxDeliver), "must be -1, without limit"},
		{got.HeadersOnly, "headers_only", "true", "must be false"},
		{got.PriorityPolicy != jetstream.PriorityPolicyNone, "priority_policy", word(got.PriorityPolicy), "must be none"},
		{len(missed) > 0, "filter_subjects", strings.Join(has, ", "), "must take in " + strings.Join(missed, ", ")},
	})
}

// uncovered returns those subjects that no single filter takes in whole.
func uncovered(subjects, filters []string) []string {
	return slices.DeleteFunc(slices.Clone(subjects), func(subject string) bool {
		return slices.ContainsFunc(filters, func(filter string) bool { return server.SubjectMatchesFilter(subject, filter) })
	})
}
