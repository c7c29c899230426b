package edition

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

const (
	// renderTimeout bounds what one rendering may wait for storage.
	renderTimeout = 10 * time.Second
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
	rest      time.Time     // no rendering before; owned by whoever has the turn
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
	view, members, items, err := p.collect(ctx)
	if err != nil {
		p.shelf.metrics.failed.Inc()
		p.rest = p.shelf.opts.Now().Add(restAfterFailure)
		return p.salvage(err)
	}
	p.rest = time.Time{}
	e, err := p.assemble(view, members, items)
	if err != nil {
		return p.salvage(err)
	}
	p.current.Store(e)
	p.shelf.metrics.rendered.Observe(time.Since(began).Seconds())
	return e, nil
}

// collect renders the galleries of a view in which none is superseded.
func (p *press) collect(ctx context.Context) (view catalogue.View, members []Member, items []*feed.Item, err error) {
	if err := p.shelf.opts.Catalogue.Ready(); err != nil {
		return view, nil, nil, err
	}
	for range maxCatchUps {
		view = p.selection.View(p.def.Items, p.shelf.opts.Now())
		members, items, err = p.gather(ctx, view)
		if !errors.Is(err, catalogue.ErrSuperseded) {
			break
		}
		soon, cancel := context.WithTimeout(ctx, catchUp)
		_ = p.shelf.opts.Catalogue.Wait(soon, view.Revision+1) // in vain: look again all the same
		cancel()
	}
	return view, members, items, err
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

// errUnfit means that a gallery can be read and can not be shown.
var errUnfit = errors.New("gallery can not be rendered")

// item returns the rendered gallery, from the cache where it is there.
func (p *press) item(ctx context.Context, entry *catalogue.Entry, at time.Time) (*feed.Item, error) {
	key := itemKey{id: entry.ID, hash: entry.Rank.Hash, phase: entry.Phase(at), content: p.def.Content}
	if item := p.shelf.items.get(key); item != nil {
		return item, nil
	}
	g, err := p.shelf.opts.Catalogue.Load(ctx, entry)
	var problems gallery.Problems
	if errors.As(err, &problems) {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	if err != nil {
		return nil, err
	}
	item, err := p.shelf.opts.Renderer.Item(g, at, p.def.Content)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	p.shelf.items.add(key, item)
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
	ch := p.channel(items)
	for _, f := range feed.Formats() {
		doc, err := feed.Assemble(f, ch, items)
		if err != nil {
			return nil, fmt.Errorf("render feed %q: %w", p.def.Name, err)
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

// salvage returns what may still be shown of the last good edition after
// rendering failed with cause.
func (p *press) salvage(cause error) (*Edition, error) {
	last := p.current.Load()
	if last == nil {
		return nil, fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, orResting(cause))
	}
	if cause != nil {
		p.shelf.opts.Logger.Warn("a feed could not be rendered and keeps its last good edition", "feed", p.def.Name, "err", cause)
	}
	view := p.selection.View(0, p.shelf.opts.Now())
	var members []Member
	var items []*feed.Item
	for i, m := range last.Members {
		if p.mayShow(m, view.At) {
			members, items = append(members, m), append(items, last.items[i])
		}
	}
	if len(members) == len(last.Members) && last.Cut {
		return last, nil
	}
	e, err := p.assemble(view, members, items)
	if err != nil {
		return nil, fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, err)
	}
	// It is older than what touched the feed last: dated so, it would make
	// readers miss the good one.
	e.Cut, e.Touched = true, time.Time{}
	p.current.Store(e)
	return e, nil
}

// mayShow reports whether a member of an old edition may be shown as it was
// rendered: it still belongs to the feed, and no picture's rights ran out.
func (p *press) mayShow(m Member, now time.Time) bool {
	return p.selection.Holds(gallery.Key(m.ID), now) && m.entry.Phase(now) == m.Phase
}

func orResting(cause error) error {
	if cause == nil {
		return errors.New("the last attempt failed a moment ago")
	}
	return cause
}
