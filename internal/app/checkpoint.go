package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/checkpoint"
)

// openCheckpoint has the node compare the store with what it held before. With
// servers elsewhere, whose replicas keep the data, it knows only of galleries that it
// has read itself, and forgets them when it stops.
func (a *App) openCheckpoint() (err error) {
	o := checkpoint.Options{Accept: a.opts.AcceptDamage, Registerer: a.metrics, Logger: a.logger("checkpoint")}
	if a.broker.Embedded() {
		o.Dir = filepath.Join(a.opts.Config.NATS.Embedded.DataDir, "checkpoint")
	}
	a.checkpoint, err = checkpoint.Open(o)
	return err
}

// verifier compares what is read of a bucket; forgets is as in [checkpoint.Bucket].
// What other nodes had forgotten meanwhile no node of a cluster knows.
func (a *App) verifier(bucket string, forgets bool) bucket.Verifier {
	if a.checkpoint == nil || forgets && !a.broker.Embedded() {
		return nil
	}
	return a.checkpoint.Bucket(a.broker.Name(bucket), forgets)
}

// compared is nil once everything that is followed is known to be what it was.
func (a *App) compared() error {
	if !a.broker.Embedded() {
		return nil
	}
	return a.checkpoint.Compared()
}

// damage says what the store has lost.
func (a *App) damage() []error {
	return a.checkpoint.Damage()
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

// compareStreams compares, before anything is made or read, the streams that are
// not followed. It is true when they fit, and else blocks until ctx ends.
func (a *App) compareStreams(ctx context.Context) bool {
	if !a.broker.Embedded() {
		return true
	}
	for wait := siteRetryLeast; ; wait = min(2*wait, siteRetryMost) {
		now, err := a.streams(ctx)
		if err == nil && a.checkpoint.Compare(now) {
			return true
		}
		if err == nil {
			<-ctx.Done()
			return false
		}
		a.waiting.Store(&err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		}
	}
}

// streams are the states of the streams that are not followed.
func (a *App) streams(ctx context.Context) ([]checkpoint.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, siteRetryMost)
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

// noteEvery is how often the streams that are not followed are looked at.
const noteEvery = 2 * time.Second

// noteStreams remembers them until ctx ends, and once more then.
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
