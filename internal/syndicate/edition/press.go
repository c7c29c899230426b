package edition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
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
	// maxCatchUps is how often a rendering looks again where a revision has just
	// been replaced.
	maxCatchUps = 8
)

// press renders one feed.
type press struct {
	set       *Set
	ref       Ref
	def       Definition
	selection *index.Selection // in the feed's order
	history   *index.Selection // in the order of publication, for the archive
	memory    int              // how many earlier versions it remembers
	current   atomic.Pointer[Edition]
	trouble   atomic.Pointer[error] // why the last rendering failed; nil: it did not
	turn      chan struct{}         // holds a token while somebody renders
	pin       *cache.Pin            // what a configured feed holds; nil: it is in a cache
	chosen    atomic.Int64          // about how many galleries the selection has; of a page of an archive 0, for it is its owner's

	// Owned by whoever has the turn.
	rest time.Time   // no rendering before
	good *Edition    // the last one that was not cut
	task *cache.Task // what is rendered now; may be nil
}

// itemKey names what a rendered gallery is a function of.
type itemKey struct {
	id      string
	hash    gallery.Hash
	phase   int
	content feed.Content
}

func newPress(s *Set, ref Ref, d Definition) *press {
	p := &press{set: s, ref: ref, def: d, turn: make(chan struct{}, 1)}
	p.selection = s.opts.Index.Select(d.Match, d.Order)
	p.history = p.selection
	if d.Order != index.ByPublished {
		p.history = s.opts.Index.Select(d.Match, index.ByPublished)
	}
	return p
}

// comesAndGoes reports whether the press was made because somebody asked.
func (p *press) comesAndGoes() bool { return p.ref.Kind != Feed || p.ref.Page != "" }

// fresh returns the current edition if nothing happened since, else nil.
func (p *press) fresh() *Edition {
	e := p.current.Load()
	if e == nil || e.Cut || !p.selection.Fresh(e.generation, p.set.opts.Now()) {
		return nil
	}
	return e
}

// print returns a fresh edition, rendering it unless somebody did so while it
// waited for its turn.
func (p *press) print(ctx context.Context, u urgency) (*Edition, error) {
	if p.comesAndGoes() {
		waits, stop := withQueueTimeout(ctx, u)
		defer stop()
		ctx = waits
	}
	return p.inTurn(ctx, func() (*Edition, error) {
		p.set.opts.Index.Advance(p.set.opts.Now) // only the time may have passed by
		if e := p.fresh(); e != nil {
			return e, nil
		}
		if p.set.opts.Now().Before(p.rest) && u == forReaders {
			return p.salvage(nil)
		}
		return p.render(ctx, u)
	})
}

// reprint renders even what seems fresh.
func (p *press) reprint(ctx context.Context) (*Edition, error) {
	return p.inTurn(ctx, func() (*Edition, error) { return p.render(ctx, forAnnounce) })
}

func (p *press) inTurn(ctx context.Context, f func() (*Edition, error)) (*Edition, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
		return f()
	case <-ctx.Done():
		return nil, p.unrendered(context.Cause(ctx))
	}
}

// unrendered says why nothing was rendered for somebody who waited.
func (p *press) unrendered(err error) error {
	if errors.Is(err, cache.ErrBusy) {
		return fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, err)
	}
	return fmt.Errorf("render feed %q: %w", p.def.Name, err)
}

// render makes the edition of now current. It outlives the reader who asked,
// because others wait for it too.
func (p *press) render(ctx context.Context, u urgency) (*Edition, error) {
	if err := p.set.opts.Index.Ready(); err != nil && p.current.Load() == nil {
		// Nothing was tried: the next reader finds out whether it is whole.
		return nil, fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, err)
	}
	if p.comesAndGoes() {
		task, err := p.set.enter(ctx, u)
		if errors.Is(err, cache.ErrBusy) {
			p.rest = p.set.opts.Now().Add(restAfterFailure) // for who waited for the turn as long
			return p.salvage(err)
		}
		if err != nil {
			return nil, p.unrendered(err)
		}
		p.task = task
		defer func() {
			p.task = nil
			task.Release()
		}()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renderTimeout)
	defer cancel()
	began := time.Now()
	e, err := p.whole(ctx)
	if err != nil {
		p.set.metrics.failed.Inc()
		p.trouble.Store(&err)
		p.rest = p.set.opts.Now().Add(restAfterFailure)
		return p.salvage(err)
	}
	e.remember(p.good, p.memory)
	p.rest, p.good = time.Time{}, e
	p.current.Store(e)
	p.trouble.Store(nil)
	if p.ref.Page == "" {
		p.count()
	} else {
		p.set.tags.Put(p.ref, newTagged(e))
	}
	p.weigh()
	p.set.metrics.rendered.Observe(time.Since(began).Seconds())
	return e, nil
}

// whole returns an edition of everything that the feed shows now.
func (p *press) whole(ctx context.Context) (*Edition, error) {
	e, err := p.collect(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.publish(e); err != nil {
		return nil, err
	}
	e.Undated = p.set.opts.Index.Late(e.Touched)
	return e, nil
}

// collect renders the galleries of a view in which none is superseded, or
// withdrawn by the time that all are rendered.
func (p *press) collect(ctx context.Context) (e *Edition, err error) {
	if err := p.set.opts.Index.Ready(); err != nil {
		return nil, err
	}
	for range maxCatchUps {
		var s sheet
		if s, err = p.sheet(p.set.opts.Now()); err != nil {
			return nil, err
		}
		e, err = p.gather(ctx, s)
		switch {
		case err == nil && p.mayShowAll(e.Members):
			return e, nil
		case err == nil:
			err = errWithdrawn
		case !errors.Is(err, index.ErrSuperseded):
			return nil, err
		}
	}
	return nil, err
}

// gather renders what is on the sheet.
func (p *press) gather(ctx context.Context, s sheet) (*Edition, error) {
	e := p.begin(s)
	var places []int // of the members in the view
	for i, entry := range s.Entries {
		item, err := p.item(ctx, entry, s.At)
		if errors.Is(err, errUnfit) {
			p.leaveOut(e, entry, err.Error())
			continue
		}
		if err != nil {
			return nil, err
		}
		e.Members = append(e.Members, Member{ID: entry.ID, Rank: entry.Rank, Phase: entry.Phase(s.At), entry: entry})
		e.items, places = append(e.items, item), append(places, i)
	}
	e.channel = p.channel(e.items, s)
	p.addStubs(e, places, s.Stubs)
	return e, nil
}

// begin returns an edition of the sheet that has no galleries yet.
func (p *press) begin(s sheet) *Edition {
	return &Edition{
		Feed: p.def.Name, Touched: s.Touched, Epoch: s.Epoch,
		at: s.At, generation: s.Generation, print: s.print(), deltas: p.set.deltas,
	}
}

var (
	// errUnfit means that a gallery can be read and can not be shown.
	errUnfit = errors.New("gallery can not be rendered")
	// errWithdrawn means that a gallery was withdrawn while it was rendered.
	errWithdrawn = errors.New("galleries are withdrawn faster than the feed can be rendered")
)

// item returns the rendered gallery, from memory where it is there.
func (p *press) item(ctx context.Context, entry *index.Entry, at time.Time) (*feed.Item, error) {
	key := itemKey{id: entry.ID, hash: entry.Rank.Hash, phase: entry.Phase(at), content: p.def.Content}
	item := p.own(key)
	hit := true
	if item == nil {
		var err error
		item, err = p.set.items.Load(ctx, key, func(ctx context.Context) (*feed.Item, error) {
			hit = false
			return p.typeset(ctx, entry, at)
		})
		if err != nil {
			return nil, err
		}
	}
	p.set.metrics.items.Count(hit)
	if !hit {
		p.task.Grow(item.Held())
	}
	return item, nil
}

// own returns the rendered gallery from the current edition, nil if it is not
// there: the feed's own galleries need no room in the cache.
func (p *press) own(key itemKey) *feed.Item {
	e := p.current.Load()
	if e == nil {
		return nil
	}
	i := slices.IndexFunc(e.Members, func(m Member) bool {
		return m.ID == key.id && m.Rank.Hash == key.hash && m.Phase == key.phase && !m.Stub
	})
	if i < 0 {
		return nil
	}
	return e.items[i]
}

// typeset reads and renders a gallery. A panic is one bad gallery's: it must
// not take the feed, or a goroutine that nobody guards, with it.
func (p *press) typeset(ctx context.Context, entry *index.Entry, at time.Time) (item *feed.Item, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			item, err = nil, fmt.Errorf("%w: panic: %v", errUnfit, cause)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	g, err := p.set.opts.Load(ctx, entry)
	var problems gallery.Problems
	if errors.As(err, &problems) {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	if err != nil {
		return nil, err
	}
	if item, err = p.set.opts.Renderer.Item(g, at, p.def.Content); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnfit, err)
	}
	return item, nil
}

// publish puts the documents together, without what cannot be in one with the rest.
// Documents that would be what the last edition's are, are those: they may have
// been compressed already.
func (p *press) publish(e *Edition) error {
	if last := p.current.Load(); last != nil && !last.Cut && last.print == e.print {
		e.Documents, e.LeftOut = last.Documents, last.LeftOut
		e.Members, e.items, e.channel = last.Members, last.items, last.channel
		return nil
	}
	problems := feed.Check(e.items, p.set.opts.MaxDocument)
	for _, problem := range problems {
		p.leaveOut(e, e.Members[problem.Item].entry, problem.Reason)
	}
	for _, problem := range slices.Backward(problems) {
		e.Members = slices.Delete(e.Members, problem.Item, problem.Item+1)
		e.items = slices.Delete(e.items, problem.Item, problem.Item+1)
	}
	if len(problems) > 0 {
		e.channel.Updated = latest(e.items, e.channel.Tombstones)
	}
	return p.set.assemble(e, p.weigh)
}

// leaveOut notes that a gallery is not in the edition though it should be.
func (p *press) leaveOut(e *Edition, entry *index.Entry, reason string) {
	left := LeftOut{Feed: p.def.Name, Gallery: entry.ID, Rank: entry.Rank, Reason: reason}
	e.LeftOut = append(e.LeftOut, left)
	p.set.report(left)
}

func (p *press) channel(items []*feed.Item, s sheet) feed.Channel {
	ch := p.set.masthead(p.ref)
	ch.ID, ch.Title, ch.Home = p.id(), p.title(s.Entries), p.set.Page(p.ref.page(""))
	ch.Tombstones = p.set.tombstones(s.Gone, items)
	ch.Updated = latest(items, ch.Tombstones)
	p.link(&ch, s)
	return ch
}

// masthead is what a feed says of the site, and where its document is. A page
// of an archive names no hub: nobody is told when it changes.
func (s *Set) masthead(ref Ref) feed.Channel {
	site := s.opts.Site
	ch := feed.Channel{
		Description: site.Description,
		Language:    site.Language,
		Copyright:   site.Copyright,
		Author:      site.Author,
		Site:        site.Title,
		Home:        site.BaseURL + "/",
		Icon:        site.Icon,
		Image:       gallery.Image{URL: site.Image, Thumbnail: site.Image},
	}
	if ref.Page == "" {
		ch.Hubs = site.hubs(ref)
	}
	for _, f := range feed.Formats() {
		ch.Self[f] = s.Address(ref, f)
	}
	return ch
}

// id is the feed's identifier; its archive has the same.
func (p *press) id() string {
	if p.ref.Kind == Feed {
		return p.set.opts.Renderer.FeedID(p.def.Name)
	}
	return p.set.opts.Renderer.ChannelID(p.ref.page("").base())
}

// title is the configured one, or the name in the spelling that most of the
// galleries use: a function of what is shown, so that a page of an archive does
// not change with the spelling of galleries on another.
func (p *press) title(entries []*index.Entry) string {
	if p.ref.Kind == Feed {
		return cmp.Or(p.def.Title, p.def.Name)
	}
	return cmp.Or(index.UsualName(p.ref.Kind.facet(), p.ref.Name, entries), p.ref.Name)
}

// latest is when the feed last changed: a withdrawal is a change, and the feed's
// date does not go back when it takes the newest gallery away.
func latest(items []*feed.Item, gone []feed.Tombstone) time.Time {
	at := newest(items)
	for _, t := range gone {
		if t.When.After(at) {
			at = t.When
		}
	}
	return at
}

// newest is when the latest of the items changed.
func newest(items []*feed.Item) time.Time {
	var at time.Time
	for _, item := range items {
		if item.Updated().After(at) {
			at = item.Updated()
		}
	}
	return at
}
