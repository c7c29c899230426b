package app

import (
	"context"
	"errors"
	"fmt"
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

// maxFaults bounds the faults that wait to be told; one more is only logged.
const maxFaults = 256

// gate tells the CMS of galleries that can not be published as they are. Of
// many nodes, and of one that starts again, one tells once: the first to make a
// mark for the revision.
type gate struct {
	app    *App
	siteID string
	faults chan edition.Fault
}

// note has a fault told, without waiting for it.
func (g *gate) note(f edition.Fault) {
	select {
	case g.faults <- f:
	default:
	}
}

func (g *gate) run(ctx context.Context) error {
	for {
		select {
		case f := <-g.faults:
			if err := g.tell(ctx, f); err != nil && ctx.Err() == nil {
				g.app.log.Warn("the CMS could not be told of a gallery that is left out", "gallery", f.Gallery, "err", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (g *gate) tell(ctx context.Context, f edition.Fault) error {
	ctx, cancel := context.WithTimeout(ctx, 2*sendTimeout)
	defer cancel()
	bucket, err := g.app.keyValue(ctx, bucketNotices)
	if err != nil {
		return err
	}
	id := gallery.HashOf(fmt.Appendf(nil, "%s %s", f.Gallery, f.Rank.Hash)).String()
	if _, err := bucket.Create(ctx, "faulty."+id, []byte(f.Reason)); errors.Is(err, jetstream.ErrKeyExists) {
		return nil
	} else if err != nil {
		return err
	}
	return g.app.send(ctx, event.NewRejected(id, g.siteID, event.Refusal{
		Subject: string(event.Published), Gallery: f.Gallery, Stored: time.Now().UTC(),
		Problems: gallery.Problems{{Reason: "the gallery is stored and can not be shown: " + f.Reason}},
	}))
}
