package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/edition"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nats-io/nats.go/jetstream"
)

// leftOut says in words which galleries the gate keeps out.
func leftOut(shelf *edition.Shelf) []string {
	var lines []string
	for _, f := range shelf.LeftOut() {
		lines = append(lines, fmt.Sprintf("left out of %s: %q: %s", f.Feed, f.Gallery, f.Reason))
	}
	return lines
}

// maxFaults bounds the faults that wait to be told; one more is only in the log, as
// all are.
const maxFaults = 10_000

// gate tells the CMS of galleries that can not be published as they are. Of
// many nodes, and of one that starts again, one tells once: there is a mark for
// each revision, which is claimed before and filled in after it was told. When
// its claimer died between the two, another tells, with the same id if it says the
// same. An older release takes a claimed mark for told.
type gate struct {
	bucket func(context.Context) (jetstream.KeyValue, error)
	send   func(context.Context, event.CloudEvent) error
	siteID string
	lease  time.Duration // how long whoever claimed a mark may take; 0: there is nobody else
	log    *slog.Logger
	wake   chan struct{} // of capacity 1

	mu     sync.Mutex
	faults []*untold
}

// untold is a fault that waits to be told.
type untold struct {
	edition.Fault
	revision uint64    // of a mark that another node claimed
	since    time.Time // since when that is known; by the monotonic clock
}

func newGate(a *App, siteID string) *gate {
	g := &gate{
		bucket: func(ctx context.Context) (jetstream.KeyValue, error) { return a.keyValue(ctx, bucketNotices) },
		send:   a.send, siteID: siteID, lease: 2 * sendTimeout, log: a.log, wake: make(chan struct{}, 1),
	}
	if a.broker.Embedded() {
		g.lease = 0
	}
	return g
}

// note has a fault told, without waiting for it.
func (g *gate) note(f edition.Fault) {
	g.add(&untold{Fault: f})
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// again is when those are looked at anew that could not be told, or that another
// node is about to tell.
const again = 10 * time.Second

func (g *gate) run(ctx context.Context) error {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		g.tellAll(ctx)
		select {
		case <-g.wake:
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// tellAll tells what waits. It stops at an error, for the others would most likely
// fail too, and begins with another the next time.
func (g *gate) tellAll(ctx context.Context) {
	g.mu.Lock()
	waiting := slices.Clone(g.faults)
	g.mu.Unlock()
	for _, f := range waiting {
		told, err := g.tell(ctx, f)
		if told || err != nil {
			g.remove(f)
		}
		if err != nil {
			g.add(f)
			if ctx.Err() == nil {
				g.log.Warn("the CMS could not be told of a gallery that is left out, trying again", "gallery", f.Gallery, "err", err)
			}
			return
		}
	}
}

func (g *gate) add(f *untold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.faults) < maxFaults {
		g.faults = append(g.faults, f)
	}
}

func (g *gate) remove(f *untold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = slices.DeleteFunc(g.faults, func(other *untold) bool { return other == f })
}

// tell reports whether f is told, by this node or another.
func (g *gate) tell(ctx context.Context, f *untold) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*sendTimeout)
	defer cancel()
	bucket, err := g.bucket(ctx)
	if err != nil {
		return false, err
	}
	mark := "faulty." + gallery.HashOf(fmt.Appendf(nil, "%s %s", f.Gallery, f.Rank.Hash)).String()
	claimed, told, err := g.claim(ctx, bucket, mark, f)
	if err != nil || told || claimed == 0 {
		return told, err
	}
	id := gallery.HashOf(fmt.Appendf(nil, "%q %s %d %q", f.Gallery, f.Rank.Hash, f.Stored.UnixNano(), f.Reason)).String()
	err = g.send(ctx, event.NewRejected(id, g.siteID, event.Refusal{
		Subject: string(event.Published), Gallery: f.Gallery, Stored: f.Stored,
		Problems: gallery.Problems{{Reason: "the gallery is stored and can not be shown: " + f.Reason}},
	}))
	if err != nil {
		f.revision, f.since = claimed, time.Now().Add(-g.lease) // nobody else can have told it
		return false, err
	}
	_, err = bucket.Update(ctx, mark, []byte(f.Reason), claimed)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return true, nil // somebody took over and tells it too
	}
	return err == nil, err
}

// claim makes the mark of f this node's to fill in, and returns its revision: 0
// where another node has it, which may still tell. A mark is empty until then.
func (g *gate) claim(ctx context.Context, bucket jetstream.KeyValue, key string, f *untold) (claimed uint64, told bool, err error) {
	mark, err := bucket.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		claimed, err = bucket.Create(ctx, key, nil)
	case err != nil:
		return 0, false, err
	case len(mark.Value()) > 0:
		return 0, true, nil
	default:
		if f.revision != mark.Revision() {
			f.revision, f.since = mark.Revision(), time.Now()
		}
		if time.Since(f.since) < g.lease {
			return 0, false, nil
		}
		claimed, err = bucket.Update(ctx, key, nil, mark.Revision())
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, false, nil
	}
	return claimed, false, err
}
