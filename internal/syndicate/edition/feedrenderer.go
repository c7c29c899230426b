package edition

import (
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
	// queueTimeout is how long a reader queues for the feed and for the limiter, both
	// together.
	queueTimeout = 5 * time.Second
	// renderTimeout bounds how long one rendering waits for storage, loadTimeout how long
	// it waits for one gallery: NATS never answers a request that was in flight when the
	// connection was lost.
	renderTimeout = 10 * time.Second
	loadTimeout   = 2 * time.Second
	// restAfterFailure keeps a feed that cannot be rendered from trying again
	// for every reader.
	restAfterFailure = time.Second
	// maxCatchUps is how often a rendering starts again because a revision has just been
	// replaced.
	maxCatchUps = 8
)

// priority is for whom a feed is rendered.
type priority int

const (
	forReaders  priority = iota
	forAnnounce          // for subscribers: rare, so it does not queue for the limiter
	forSchedule          // likewise; a feed that seems fresh is rendered too
)

// feedRenderer renders one feed, or one page of its archive, and keeps its current
// edition.
type feedRenderer struct {
	set       *Set
	ref       Ref
	def       Definition
	selection *index.Selection // in the feed's order
	history   *index.Selection // in the order of publication, for the archive
	versions  int              // how many earlier versions it remembers
	current   atomic.Pointer[Edition]
	failure   atomic.Pointer[error] // why the last rendering failed; nil: it did not
	rendering chan struct{}         // holds a token while the feed is rendered
	pin       *cache.Pin            // what a configured feed of the public holds; nil: it is in a cache
	usedIn    atomic.Int64          // the minute of a partner's latest request
	chosen    atomic.Int64          // about how many galleries the selection holds; 0: it shares another's
	notBefore time.Time             // no rendering for readers before; owned by the holder of the token
}

// itemKey names what a rendered gallery is a function of.
type itemKey struct {
	base    string // of the set
	id      string
	hash    gallery.Hash
	phase   int
	content feed.Content
}

func newFeedRenderer(s *Set, ref Ref, d Definition) *feedRenderer {
	r := &feedRenderer{set: s, ref: ref, def: d, rendering: make(chan struct{}, 1)}
	r.selection = s.opts.Index.Choose(s.choice(d.Match, d.Order))
	r.history = r.selection
	if d.Order != index.ByPublished {
		r.history = s.opts.Index.Choose(s.choice(d.Match, index.ByPublished))
	}
	return r
}

// name is that of the feed in notices and logs.
func (r *feedRenderer) name() string { return r.ref.page("").String() }

// release lets go of what the feed chooses.
func (r *feedRenderer) release() {
	r.selection.Release()
	if r.history != r.selection {
		r.history.Release()
	}
}

// onDemand reports whether the feed is rendered only for readers: there may be many such
// feeds at once, so they queue for the limiter.
func (r *feedRenderer) onDemand() bool { return r.ref.Kind != Feed || r.ref.Page != "" }

// fresh returns the current edition if nothing happened since, else nil.
func (r *feedRenderer) fresh() *Edition {
	e := r.current.Load()
	if e == nil || e.Fallback || !r.selection.Fresh(e.generation, r.set.opts.Now()) {
		return nil
	}
	return e
}

// used lets a partner's edition be kept for longer, at most once a minute: a fresh edition
// costs no lock.
func (r *feedRenderer) used() {
	if r.ref.Kind != Partner || r.ref.Page != "" {
		return
	}
	if minute := r.set.opts.Now().Unix() / 60; r.usedIn.Load() != minute {
		r.usedIn.Store(minute)
		r.set.partners.Get(r)
	}
}

// refresh returns a fresh edition, rendering it unless that was done while it queued.
// A rendering outlives the reader who asked, because others wait for it too.
func (r *feedRenderer) refresh(ctx context.Context, p priority) (*Edition, error) {
	queue, stop := ctx, context.CancelFunc(func() {})
	if p == forReaders && r.onDemand() {
		queue, stop = context.WithTimeoutCause(ctx, queueTimeout, cache.ErrBusy)
	}
	defer stop()
	select {
	case r.rendering <- struct{}{}:
		defer func() { <-r.rendering }()
	case <-queue.Done():
		return nil, r.notRendered(context.Cause(queue))
	}
	if p != forSchedule {
		r.set.opts.Index.Advance(r.set.opts.Now) // perhaps only time has passed
		if e := r.fresh(); e != nil {
			return e, nil
		}
	}
	if p == forReaders && r.set.opts.Now().Before(r.notBefore) {
		return r.fallBack(nil)
	}
	if err := r.set.opts.Index.Ready(); err != nil && r.current.Load() == nil {
		// No rendering failed: the next reader asks again whether the index is whole.
		return nil, fmt.Errorf("feed %q: %w: %w", r.name(), ErrUnavailable, err)
	}
	var task *cache.Task
	if p == forReaders && r.onDemand() {
		var err error
		if task, err = r.set.opts.Limiter.Acquire(queue); errors.Is(err, cache.ErrBusy) {
			r.notBefore = r.set.opts.Now().Add(restAfterFailure) // for readers who queued as long
			return r.fallBack(err)
		} else if err != nil {
			return nil, r.notRendered(err)
		}
	}
	defer task.Release()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renderTimeout)
	defer cancel()
	began := time.Now()
	e, err := r.collect(ctx, task)
	if err != nil {
		r.set.metrics.failed.Inc()
		r.failure.Store(&err)
		r.notBefore = r.set.opts.Now().Add(restAfterFailure)
		return r.fallBack(err)
	}
	r.keep(e)
	r.set.metrics.rendered.Observe(time.Since(began).Seconds())
	return e, nil
}

// notRendered is the error for a reader who waited in vain.
func (r *feedRenderer) notRendered(err error) error {
	if errors.Is(err, cache.ErrBusy) {
		return fmt.Errorf("feed %q: %w: %w", r.name(), ErrUnavailable, err)
	}
	return fmt.Errorf("render feed %q: %w", r.name(), err)
}

// keep makes e, which is no fallback, current.
func (r *feedRenderer) keep(e *Edition) {
	r.notBefore = time.Time{}
	r.failure.Store(nil)
	switch {
	case r.ref.Page != "":
		r.set.validators.Put(validatorKey{r.set.Base(), r.ref}, &validators{e.fingerprint, e.etags()})
	case r.ref.Kind != Partner:
		r.chosen.Store(int64(r.selection.LenAt(r.set.opts.Now())))
	}
	r.show(e)
}

// show makes e current.
func (r *feedRenderer) show(e *Edition) {
	e.remember(r.current.Load(), r.versions)
	r.current.Store(e)
	if r.ref.Kind == Partner && r.ref.Page == "" {
		r.set.partners.Put(r, e)
	} else {
		r.resize()
	}
}

var (
	// errNotShowable means that a gallery can be read and cannot be shown.
	errNotShowable = errors.New("gallery cannot be rendered")
	// errWithdrawn means that a gallery was withdrawn while it was rendered.
	errWithdrawn = errors.New("galleries are withdrawn faster than the feed can be rendered")
)

// collect returns an edition of a snapshot in which no gallery is superseded, or
// withdrawn by the time that all are rendered.
func (r *feedRenderer) collect(ctx context.Context, task *cache.Task) (e *Edition, err error) {
	if err = r.set.opts.Index.Ready(); err != nil {
		return nil, err
	}
	for range maxCatchUps {
		var s snapshot
		if s, err = r.snapshot(r.set.opts.Now()); err != nil {
			return nil, err
		}
		e, err = r.gather(ctx, s, task)
		switch {
		case errors.Is(err, index.ErrSuperseded):
		case err != nil:
			return nil, err
		case slices.ContainsFunc(e.Members, func(m Member) bool { return !m.Stub && !r.mayShow(m, r.set.opts.Now()) }):
			err = errWithdrawn
		default:
			return e, r.complete(e)
		}
	}
	return nil, err
}

// editionOf returns an edition of the snapshot that has no galleries yet.
func (r *feedRenderer) editionOf(s snapshot) *Edition {
	return &Edition{
		Feed: r.name(), Touched: s.Touched, Epoch: s.Epoch, renderer: r,
		at: s.At, generation: s.Generation, fingerprint: s.fingerprint(), deltas: r.set.deltas,
	}
}

// gather renders the galleries of the snapshot. The feed's own are taken from its
// current edition: they need no room in the cache.
func (r *feedRenderer) gather(ctx context.Context, s snapshot, task *cache.Task) (*Edition, error) {
	e, last := r.editionOf(s), r.current.Load()
	var places []int // of the members in the snapshot
	for i, entry := range s.Entries {
		m, hit := memberOf(entry, s.At), true
		item := last.item(m)
		if item == nil {
			key := itemKey{base: r.set.Base(), id: m.ID, hash: m.Rank.Hash, phase: m.Phase, content: r.def.Content}
			var err error
			item, err = r.set.items.Load(ctx, key, r.itemLoader(entry, s.At, &hit))
			if errors.Is(err, errNotShowable) {
				r.leaveOut(e, entry, err.Error())
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		r.set.metrics.items.Count(hit)
		if !hit {
			task.Grow(item.Held())
		}
		e.Members, e.items, places = append(e.Members, m), append(e.items, item), append(places, i)
	}
	e.channel = r.channel(e.items, s)
	r.addStubs(e, places, s.Stubs)
	return e, nil
}

// itemLoader returns a function that reads and renders a gallery, and sets hit to false. A
// panic concerns one bad gallery: it must not end the feed or the process.
func (r *feedRenderer) itemLoader(entry *index.Entry, at time.Time, hit *bool) func(context.Context) (*feed.Item, error) {
	return func(ctx context.Context) (item *feed.Item, err error) {
		*hit = false
		defer func() {
			if cause := recover(); cause != nil {
				item, err = nil, fmt.Errorf("%w: panic: %v", errNotShowable, cause)
			}
		}()
		ctx, cancel := context.WithTimeout(ctx, loadTimeout)
		defer cancel()
		g, err := r.set.opts.Load(ctx, entry)
		if _, bad := errors.AsType[gallery.Problems](err); err != nil && !bad {
			return nil, err
		}
		if err == nil {
			item, err = r.set.opts.Renderer.Item(g, at, r.def.Content)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNotShowable, err)
		}
		return item, nil
	}
}

// complete puts the documents together, without galleries that cannot be in one document
// with the others. If nothing changed it takes the last edition's documents, which may be
// compressed already.
func (r *feedRenderer) complete(e *Edition) error {
	e.Undated = r.set.opts.Index.Late(e.Touched)
	if last := r.current.Load(); last != nil && !last.Fallback && last.fingerprint == e.fingerprint {
		e.Documents, e.LeftOut = last.Documents, last.LeftOut
		e.Members, e.items, e.channel = last.Members, last.items, last.channel
		return nil
	}
	problems := feed.Check(e.items, r.set.opts.MaxDocument)
	for _, problem := range problems {
		r.leaveOut(e, e.Members[problem.Item].entry, problem.Reason)
	}
	for _, problem := range slices.Backward(problems) {
		e.Members = slices.Delete(e.Members, problem.Item, problem.Item+1)
		e.items = slices.Delete(e.items, problem.Item, problem.Item+1)
	}
	if len(problems) > 0 {
		e.channel.Updated = latest(e.items, e.channel.Tombstones)
	}
	return r.set.assemble(e, r.resize)
}

// leaveOut records that a gallery that belongs to the edition is not in it.
func (r *feedRenderer) leaveOut(e *Edition, entry *index.Entry, reason string) {
	left := LeftOut{Feed: r.name(), Gallery: entry.ID, Rank: entry.Rank, Reason: reason}
	e.LeftOut = append(e.LeftOut, left)
	r.set.report(left)
}

// perRenderer is about what a renderer needs in memory, and perChosen what each of its
// selections does for each gallery that it has.
const (
	perRenderer = 2 << 10
	perChosen   = 12
)

// held is about how many bytes the renderer keeps in memory.
func (r *feedRenderer) held() int {
	n := perRenderer + perChosen*int(r.chosen.Load())
	if r.history != r.selection {
		n += perChosen * int(r.chosen.Load())
	}
	if e := r.current.Load(); e != nil {
		n += e.held()
	}
	return n
}

// resize reports how much the renderer keeps now.
func (r *feedRenderer) resize() {
	switch {
	case r.pin != nil:
		r.pin.Resize()
	case r.ref.Page != "":
		r.set.pages.Resize(pageKey{r.history, r.ref.Page}, r)
	case r.ref.Kind == Partner:
		r.set.partners.Resize(r, r.current.Load())
	default:
		r.set.dynamic.Resize(r.ref, r)
	}
}
