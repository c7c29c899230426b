package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/checkpoint"
)

// openCheckpoint prepares the comparison of the store with what it held before. On a
// cluster, whose replicas keep the data, the node compares only with what it has read
// itself since it started.
func (a *App) openCheckpoint() (err error) {
	o := checkpoint.Options{Accept: a.opts.AcceptDamage, Registerer: a.metrics, Logger: a.logger("checkpoint")}
	if a.broker.Embedded() {
		o.Dir = filepath.Join(a.opts.Config.NATS.Embedded.DataDir, "checkpoint")
	}
	a.checkpoint, err = checkpoint.Open(o)
	return err
}

// verifier compares what is read of a bucket; forgets is as in [checkpoint.Bucket]. On a
// cluster no node knows what another one deleted meanwhile.
func (a *App) verifier(bucket string, forgets bool) bucket.Verifier {
	if a.checkpoint == nil || forgets && !a.broker.Embedded() {
		return nil
	}
	return a.checkpoint.Bucket(a.broker.Name(bucket), forgets)
}

// compared is nil once every followed bucket is known to be complete.
func (a *App) compared() error {
	if !a.broker.Embedded() {
		return nil
	}
	return a.checkpoint.Compared()
}

// after delays the start of s until ready has no error, on a node with an embedded
// server: if it lost galleries, it must not announce them as removed.
func (a *App) after(ready func() error, s service) service {
	if !a.broker.Embedded() {
		return s
	}
	return service{s.name, func(ctx context.Context) error {
		if !until(ctx, ready) {
			return nil
		}
		return s.run(ctx)
	}}
}

// compareStreams compares the streams that are not followed, before anything is made or
// read. It is true when nothing is missing, and else blocks until ctx ends.
func (a *App) compareStreams(ctx context.Context) bool {
	if !a.broker.Embedded() {
		return true
	}
	var now []checkpoint.Stream
	known := retry(ctx, func() (err error) {
		now, err = a.streams(ctx)
		return err
	}, func(err error, _ time.Duration) { a.siteErr.Store(&err) })
	if known && !a.checkpoint.Compare(now) {
		<-ctx.Done()
		return false
	}
	return known
}

// streams are the states of the streams that are not followed.
func (a *App) streams(ctx context.Context) ([]checkpoint.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, retryMost)
	defer cancel()
	names := []string{a.opts.Config.Events.Stream, a.broker.Name(streamRejects)}
	for _, bucket := range []string{bucketSite, bucketNotices, bucketDigests} {
		names = append(names, "KV_"+a.broker.Name(bucket))
	}
	var all []checkpoint.Stream
	for _, name := range names {
		state, err := a.broker.StreamState(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, checkpoint.Stream{Name: name, There: state.There, Last: state.Last})
	}
	return all, nil
}

// noteEvery is how often the states of the streams that are not followed are recorded.
const noteEvery = 2 * time.Second

// noteStreams records these states until ctx ends, and once more then.
func (a *App) noteStreams(ctx context.Context) error {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	failed := false
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			ended = true
		}
		now, err := a.streams(context.WithoutCancel(ctx))
		if err == nil {
			err = a.checkpoint.Note(now)
		}
		if err != nil && !failed {
			a.log.Warn("cannot record the state of the streams, retrying", "err", err)
		}
		failed = err != nil
	}
	return nil
}
