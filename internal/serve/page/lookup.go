package page

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/index"
)

const (
	// patience bounds what one page waits for storage.
	patience = 3 * time.Second
	// maxTries is how often a request looks for a revision that has not just been
	// replaced.
	maxTries = 4
)

// find calls use with what the index has of the gallery with that key, and with
// the time at which that may be shown. It looks again when use says that the
// revision is superseded. The error is errUnknown, errGone, or use's own.
func (p *Pages) find(ctx context.Context, key string, use func(*index.Entry, time.Time) error) error {
	var err error
	for range maxTries {
		now := p.now()
		e := p.index.Find(key)
		if err := p.shown(e, now); err != nil {
			return err
		}
		if err = use(e, now); !errors.Is(err, index.ErrSuperseded) {
			return err
		}
	}
	return err
}

// shown returns nil if a gallery may be shown at now, else why not.
func (p *Pages) shown(e *index.Entry, now time.Time) error {
	if err := p.index.Ready(); err != nil {
		return fmt.Errorf("look the gallery up: %w", err)
	}
	switch {
	case e == nil:
		return errUnknown
	case e.VisibleAt(now):
		return nil
	case e.Rank.TakeDown, e.EndedAt(now):
		return errGone
	}
	return errUnknown
}
