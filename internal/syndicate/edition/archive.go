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

// after begins the address of the page that follows an archive page. The set looks that
// page up at a request: a page that named it would change whenever its neighbour does.
const after = "after-"

// Moved is the error for an address that is now another one.
type Moved struct {
	To        Ref
	Permanent bool // a former name

	set *Set
}

// Error names the feed at the new address.
func (m *Moved) Error() string { return "it is at the address of " + m.To.String() }

// URL is the address where the document is.
func (m *Moved) URL(f feed.Format) string { return m.set.Address(m.To, f) }

// Meant is the [ErrUnknown] for a name of a section, tag or author instead of its slug, or
// for the slug without its hash. It lists the feeds that may be meant.
type Meant struct {
	To []Ref // at least one

	set *Set
}

// Error is that of [ErrUnknown].
func (m *Meant) Error() string { return ErrUnknown.Error() }

// Unwrap returns [ErrUnknown].
func (m *Meant) Unwrap() error { return ErrUnknown }

// URLs are the addresses where the documents are.
func (m *Meant) URLs(f feed.Format) []string {
	list := make([]string, len(m.To))
	for i, ref := range m.To {
		list[i] = m.set.Address(ref, f)
	}
	return list
}

// newer returns the page that follows the one that ref names after "after-".
func (s *Set) newer(ref Ref) error {
	r, err := s.owner(context.Background(), ref)
	if err != nil {
		return err
	}
	name, ok := r.history.PageAfter(strings.TrimPrefix(ref.Page, after), s.opts.Now())
	if !ok {
		return unknownPage(ref)
	}
	return &Moved{To: r.ref.page(name), set: s}
}

// snapshot is what an edition shows: a view, and where it stands in the archive.
type snapshot struct {
	index.View
	older string // archive page; empty: none
}

// snapshot returns what the feed shows at now.
func (r *feedRenderer) snapshot(now time.Time) (snapshot, error) {
	if r.ref.Page != "" {
		page, ok := r.history.Page(r.ref.Page, now)
		if !ok {
			return snapshot{}, unknownPage(r.ref)
		}
		return snapshot{page.View, page.Older}, nil
	}
	s := snapshot{View: r.selection.View(r.def.Items, now)}
	if s.More {
		s.older = index.NewestPage
	}
	return s, nil
}

// archivePage returns a renderer of a page of r's archive.
func (r *feedRenderer) archivePage(page string) *feedRenderer {
	return &feedRenderer{
		set: r.set, ref: r.ref.page(page), def: r.def,
		selection: r.history, history: r.history, rendering: make(chan struct{}, 1),
	}
}

// fingerprint identifies what an edition is a function of, other than the configuration.
type fingerprint [sha256.Size]byte

func (s snapshot) fingerprint() fingerprint {
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
	return fingerprint(h.Sum(nil))
}

// validators are the entity tags of an archive page. They are kept for longer than the
// page itself, so that a reader who has one gets an answer without rendering.
type validators struct {
	fingerprint fingerprint
	etags       []string // by format
}

// validatorKey names a page of an archive, below the base of a set.
type validatorKey struct {
	base string
	page Ref
}

// perValidators is about what the validators of a page need in memory, their key
// included.
const perValidators = 512

// ETag returns the entity tag that an archive page has now, if that is known
// without rendering it.
func (s *Set) ETag(ref Ref, f feed.Format) (etag string, ok bool) {
	known, ok := s.validators.Get(validatorKey{s.Base(), ref})
	if !ok {
		return "", false
	}
	r, err := s.owner(context.Background(), ref)
	if err != nil {
		return "", false
	}
	now, err := r.archivePage(ref.Page).snapshot(s.opts.Now())
	if err != nil || now.fingerprint() != known.fingerprint {
		return "", false
	}
	return known.etags[f], true
}
