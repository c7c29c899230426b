package edition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

const (
	// renderTimeout bounds what one rendering may wait for storage, loadTimeout
	// what it may wait for one gallery: a request that is under way when NATS
	// goes away is answered by nobody.
	renderTimeout = 10 * time.Second
	loadTimeout   = 2 * time.Second
	// restAfterFailure keeps a feed that can not be rendered from trying again
	// for every reader.
	restAfterFailure = time.Second
	// catchUp is how long a rendering waits for the index to hear of a revision
	// that has just been replaced, and maxCatchUps how often.
	catchUp     = 250 * time.Millisecond
	maxCatchUps = 8
)

// press renders one feed.
type press struct {
	shelf     *Shelf
	def       Definition
	selection *catalogue.Selection
	current   atomic.Pointer[Edition]
	turn      chan struct{} // holds a token while somebody renders

	// Owned by whoever has the turn.
	rest time.Time // no rendering before
	good *Edition  // the last one that was not cut
}

func newPress(s *Shelf, d Definition) *press {
	return &press{shelf: s, def: d, selection: s.opts.Catalogue.Select(d.Match), turn: make(chan struct{}, 1)}
}

// fresh returns the current edition if nothing happened since, else nil.
func (p *press) fresh() *Edition {
	e := p.current.Load()
	if e == nil || e.Cut || !p.selection.Fresh(e.generation, p.shelf.opts.Now()) {
		return nil
	}
	return e
}

// print returns a fresh edition, rendering it unless somebody did so while it
// waited for its turn.
func (p *press) print(ctx context.Context) (*Edition, error) {
	return p.inTurn(ctx, func() (*Edition, error) {
		p.shelf.opts.Catalogue.Advance() // only the time may have passed by
		if e := p.fresh(); e != nil {
			return e, nil
		}
		if p.shelf.opts.Now().Before(p.rest) {
			return p.salvage(nil)
		}
		return p.render(ctx)
	})
}

// reprint renders even what seems fresh.
func (p *press) reprint(ctx context.Context) (*Edition, error) {
	return p.inTurn(ctx, func() (*Edition, error) { return p.render(ctx) })
}

func (p *press) inTurn(ctx context.Context, f func() (*Edition, error)) (*Edition, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
		return f()
	case <-ctx.Done():
		return nil, fmt.Errorf("render feed %q: %w", p.def.Name, ctx.Err())
	}
}

// render makes the edition of now current. It outlives the reader who asked,
// because others wait for it too.
func (p *press) render(ctx context.Context) (*Edition, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renderTimeout)
	defer cancel()
	began := time.Now()
	e, err := p.whole(ctx)
	if err != nil {
		p.shelf.metrics.failed.Inc()
		p.rest = p.shelf.opts.Now().Add(restAfterFailure)
		return p.salvage(err)
	}
	p.rest, p.good = time.Time{}, e
	p.current.Store(e)
	p.shelf.metrics.rendered.Observe(time.Since(began).Seconds())
	return e, nil
}

// whole returns an edition of everything that the feed shows now.
func (p *press) whole(ctx context.Context) (*Edition, error) {
	view, members, items, err := p.collect(ctx)
	if err != nil {
		return nil, err
	}
	e, err := p.assemble(view, members, items)
	if err != nil {
		return nil, err
	}
	e.Undated = undated(e, p.good, view.At)
	return e, nil
}

// collect renders the galleries of a view in which none is superseded, or
// withdrawn by the time that all are rendered.
func (p *press) collect(ctx context.Context) (view catalogue.View, members []Member, items []*feed.Item, err error) {
	if err := p.shelf.opts.Catalogue.Ready(); err != nil {
		return view, nil, nil, err
	}
	for range maxCatchUps {
		view = p.selection.View(p.def.Items, p.shelf.opts.Now())
		members, items, err = p.gather(ctx, view)
		switch {
		case err == nil && p.mayShowAll(members):
			return view, members, items, nil
		case err == nil:
			err = errWithdrawn
		case errors.Is(err, catalogue.ErrSuperseded):
			soon, cancel := context.WithTimeout(ctx, catchUp)
			_ = p.shelf.opts.Catalogue.Wait(soon, view.Revision+1) // in vain: look again all the same
			cancel()
		default:
			return view, nil, nil, err
		}
	}
	return view, nil, nil, err
}

func (p *press) gather(ctx context.Context, view catalogue.View) (members []Member, items []*feed.Item, err error) {
	for _, entry := range view.Entries {
		item, err := p.item(ctx, entry, view.At)
		if errors.Is(err, errUnfit) {
			p.leaveOut(entry, err)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		members = append(members, Member{ID: entry.ID, Rank: entry.Rank, Phase: entry.Phase(view.At), entry: entry})
		items = append(items, item)
	}
	return members, items, nil
}

var (
	// errUnfit means that a gallery can be read and can not be shown.
	errUnfit = errors.New("gallery can not be rendered")
	// errWithdrawn means that a gallery was withdrawn while it was rendered.
	errWithdrawn = errors.New("galleries are withdrawn faster than the feed can be rendered")
)

// item returns the rendered gallery, from memory where it is there.
func (p *press) item(ctx context.Context, entry *catalogue.Entry, at time.Time) (*feed.Item, error) {
	key := itemKey{id: entry.ID, hash: entry.Rank.Hash, phase: entry.Phase(at), content: p.def.Content}
	if item := p.shelf.items.get(key); item != nil {
		return item, nil
	}
	if item := p.held(key); item != nil {
		return item, nil
	}
	item, err := p.typeset(ctx, entry, at)
	if err != nil {
		return nil, err
	}
	p.shelf.items.add(key, item)
	return item, nil
}

// held returns the rendered gallery from the current edition, nil if it is not
// there: the feed's own galleries need no room in the cache.
func (p *press) held(key itemKey) *feed.Item {
	e := p.current.Load()
	if e == nil {
		return nil
	}
	i := slices.IndexFunc(e.Members, func(m Member) bool {
		return m.ID == key.id && m.Rank.Hash == key.hash && m.Phase == key.phase
	})
	if i < 0 {
		return nil
	}
	return e.items[i]
}

// typeset reads and renders a gallery. A panic is one bad gallery's: it must
// not take the feed, or a goroutine that nobody guards, with it.
func (p *press) typeset(ctx context.Context, entry *catalogue.Entry, at time.Time) (item *feed.Item, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			item, err = nil, fmt.Errorf("%w: panic: %v", errUnfit, cause)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	g, err := p.shelf.opts.Catalogue.Load(ctx, entry)
	var problems gallery.Problems
	if errors.As(err, &problems) {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	if err != nil {
		return nil, err
	}
	if item, err = p.shelf.opts.Renderer.Item(g, at, p.def.Content); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	return item, nil
}

func (p *press) leaveOut(entry *catalogue.Entry, err error) {
	p.shelf.metrics.leftOut.Inc()
	p.shelf.opts.Logger.Error("a gallery is left out of a feed: publish it again, mended", "feed", p.def.Name, "gallery", entry.ID, "err", err)
}

func (p *press) assemble(view catalogue.View, members []Member, items []*feed.Item) (*Edition, error) {
	e := &Edition{
		Feed: p.def.Name, Members: members, items: items,
		Touched: view.Touched, Epoch: view.Epoch, Revision: view.Revision, Passed: view.Passed, generation: view.Generation,
	}
	last := p.current.Load()
	ch := p.channel(items)
	for _, f := range feed.Formats() {
		doc, err := feed.Assemble(f, ch, items)
		if err != nil {
			return nil, fmt.Errorf("render feed %q: %w", p.def.Name, err)
		}
		if last != nil && last.Document(f).ETag == doc.ETag {
			doc = last.Document(f) // it may have been compressed already
		}
		e.Documents = append(e.Documents, doc)
	}
	return e, nil
}

func (p *press) channel(items []*feed.Item) feed.Channel {
	site := p.shelf.opts.Site
	ch := feed.Channel{
		ID:          p.shelf.opts.Renderer.FeedID(p.def.Name),
		Title:       p.def.Title,
		Description: site.Description,
		Language:    site.Language,
		Copyright:   site.Copyright,
		Author:      site.Author,
		Home:        site.BaseURL + "/",
	}
	for _, f := range feed.Formats() {
		ch.Self[f] = p.shelf.URL(p.def.Name, f)
	}
	for _, item := range items {
		if item.Updated().After(ch.Updated) {
			ch.Updated = item.Updated()
		}
	}
	return ch
}
