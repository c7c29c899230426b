package edition

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// after begins the address that leads from an archive page to the next newer
// one. That is found when it is asked for: a page that named it would change
// when only its neighbour does.
const after = "after-"

// Moved says where what was asked for is.
type Moved struct {
	To        Ref
	Permanent bool // a former name

	site string
}

// Error says it in words.
func (m *Moved) Error() string { return "it is at " + m.To.base() }

// URL is the address where the document is.
func (m *Moved) URL(f feed.Format) string { return m.site + m.To.Path(f) }

// Meant is [ErrUnknown] of a section, tag or author whose name was written in place of
// its slug, or whose slug without the hash, and says what that can mean.
type Meant struct {
	To []Ref // at least one

	site string
}

// Error says that there is no such feed.
func (m *Meant) Error() string { return ErrUnknown.Error() }

// Unwrap returns [ErrUnknown].
func (m *Meant) Unwrap() error { return ErrUnknown }

// URLs are the addresses where the documents are.
func (m *Meant) URLs(f feed.Format) []string {
	list := make([]string, len(m.To))
	for i, ref := range m.To {
		list[i] = m.site + ref.Path(f)
	}
	return list
}

// newer returns the page that follows the one that ref names after "after-".
func (s *Set) newer(ref Ref) error {
	p, err := s.owner(context.Background(), ref)
	if err != nil {
		return err
	}
	name, ok := p.history.PageAfter(strings.TrimPrefix(ref.Page, after), s.opts.Now())
	if !ok {
		return unknownPage(ref)
	}
	return &Moved{To: p.ref.page(name), site: s.opts.Site.BaseURL}
}

// sheet is what a press prints: a view, and where it stands in the archive.
type sheet struct {
	index.View
	older string // archive page; empty: none
}

// sheet returns what is to be printed at now.
func (p *press) sheet(now time.Time) (sheet, error) {
	if p.ref.Page != "" {
		page, ok := p.history.Page(p.ref.Page, now)
		if !ok {
			return sheet{}, unknownPage(p.ref)
		}
		return sheet{page.View, page.Older}, nil
	}
	s := sheet{View: p.selection.View(p.def.Items, now)}
	if p.history.LenAt(s.At) > p.def.Items {
		s.older = p.history.NewestPage(s.At)
	}
	return s, nil
}

// turnTo returns a press for a page of p's archive.
func (p *press) turnTo(page string) *press {
	return &press{
		set: p.set, ref: p.ref.page(page), def: p.def,
		selection: p.history, history: p.history, turn: make(chan struct{}, 1),
	}
}

// link sets the channel's way through the archive (RFC 5005 §4).
func (p *press) link(ch *feed.Channel, s sheet) {
	for _, f := range feed.Formats() {
		if s.older != "" {
			ch.PrevArchive[f] = p.set.Address(p.ref.page(s.older), f)
		}
		if p.ref.Page == "" {
			continue
		}
		ch.Current[f] = p.set.Address(p.ref.page(""), f)
		if p.ref.Page != index.NewestPage {
			ch.NextArchive[f] = p.set.Address(p.ref.page(after+p.ref.Page), f)
		}
	}
	ch.Archive = p.ref.Page != "" && p.ref.Page != index.NewestPage
}

// print identifies what an edition is a function of, beside the configuration.
type print [sha256.Size]byte

func (s sheet) print() print {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", s.older)
	for _, e := range s.Entries {
		fmt.Fprintf(h, "%s %x %d\n", e.ID, e.Rank.Hash, e.Phase(s.At))
	}
	for _, e := range s.Gone {
		// Not the rank: a record may learn more of what a take-down ended.
		fmt.Fprintf(h, "-%q %q %q %d\n", e.ID, e.GUID(), e.Reason(), e.Withdrawn().UnixNano())
	}
	for _, b := range s.Stubs {
		fmt.Fprintf(h, "#%q %q %q %d %d %d\n", b.ID, b.GUID(), b.Language(), b.Published().UnixNano(), b.Withdrawn().UnixNano(), b.Above)
	}
	return print(h.Sum(nil))
}

// tagged is the validators of an archive page, which stay longer than what it
// is rendered to, so that a reader who has one is told so without rendering.
type tagged struct {
	print print
	etags []string // by format
}

func newTagged(e *Edition) *tagged {
	t := &tagged{print: e.print}
	for _, doc := range e.Documents {
		t.etags = append(t.etags, doc.ETag)
	}
	return t
}

// size is about what the validators of a page need in memory, their key included.
func (t *tagged) size() int { return 512 }

// ETag returns the entity tag that an archive page has now, if that is known
// without rendering it.
func (s *Set) ETag(ref Ref, f feed.Format) (etag string, ok bool) {
	known, ok := s.tags.Get(ref)
	if !ok {
		return "", false
	}
	p, err := s.owner(context.Background(), ref)
	if err != nil {
		return "", false
	}
	now, err := p.turnTo(ref.Page).sheet(s.opts.Now())
	if err != nil || now.print() != known.print {
		return "", false
	}
	return known.etags[f], true
}

// Edition returns the edition of a feed, of a page of its archive, or of a
// gallery as it is now. The error is [ErrUnknown], [ErrGone], [ErrUnavailable]
// or a [*Moved]: a feed's former name is answered with that.
func (s *Set) Edition(ctx context.Context, ref Ref) (*Edition, error) {
	return s.edition(ctx, ref, forReaders)
}

func (s *Set) edition(ctx context.Context, ref Ref, u urgency) (*Edition, error) {
	switch {
	case ref.Kind == Gallery && ref.Page == "":
		return s.slides.edition(ctx, ref.Name, u)
	case strings.HasPrefix(ref.Page, after):
		return nil, s.newer(ref)
	}
	p, err := s.press(ctx, ref)
	if err != nil {
		return nil, err
	}
	e := p.fresh()
	s.metrics.editions.Count(e != nil)
	if e != nil {
		return e, nil
	}
	return p.print(ctx, u)
}
