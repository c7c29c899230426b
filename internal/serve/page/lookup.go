package page

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/catalogue"
)

const (
	// patience bounds what one page waits for storage.
	patience = 3 * time.Second
	// catchUp is how long a request waits for the index to hear of a revision
	// that has just been replaced, and maxTries how often it looks.
	catchUp  = 250 * time.Millisecond
	maxTries = 4
)

// find calls use with what the index has of the gallery with that key, and with
// the time at which that may be shown. It looks again when use says that the
// revision is superseded. The error is errUnknown, errGone, or use's own.
func (p *Pages) find(ctx context.Context, key string, use func(*catalogue.Entry, time.Time) error) error {
	var err error
	for range maxTries {
		known := p.catalogue.Revision() // before looking: it grows meanwhile
		now := p.now()
		e := p.catalogue.Find(key)
		if err := p.shown(e, now); err != nil {
			return err
		}
		if err = use(e, now); !errors.Is(err, catalogue.ErrSuperseded) {
			return err
		}
		soon, cancel := context.WithTimeout(ctx, catchUp)
		_ = p.catalogue.Wait(soon, known+1) // in vain: look again all the same
		cancel()
	}
	return err
}

// shown returns nil if a gallery may be shown at now, else why not.
func (p *Pages) shown(e *catalogue.Entry, now time.Time) error {
	if err := p.catalogue.Ready(); err != nil {
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
