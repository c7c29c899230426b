package edition

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// Serves reports whether there are feeds of that kind.
func (s *Set) Serves(k Kind) bool { return k == s.kind() || k == Gallery || s.opts.Dynamic.has(k) }

// Addresses returns the addresses of the documents of a feed, or of a page of
// its archive, in the order in which they are shown: a feed reader takes the first
// that it knows, and Atom says the most. The feed need not exist.
func (s *Set) Addresses(ref Ref) []Address {
	others := slices.DeleteFunc(feed.Formats(), func(f feed.Format) bool { return f == feed.Atom })
	list := make([]Address, 0, len(feed.Formats()))
	for _, f := range append([]feed.Format{feed.Atom}, others...) {
		list = append(list, Address{Format: f.String(), Title: f.Title(), MediaType: f.MediaType(), URL: s.Address(ref, f)})
	}
	return list
}

// Page returns the absolute address of the page of a feed, for people.
func (s *Set) Page(ref Ref) string {
	if ref.Kind == Partner {
		return s.opts.Site.BaseURL + s.Base() + "/"
	}
	return s.opts.Site.BaseURL + s.path(ref)
}

// History returns what a feed is called and all galleries that it chooses, in the
// order of publication. The error is as of [Set.Edition].
func (s *Set) History(ctx context.Context, ref Ref) (title string, all *index.Selection, err error) {
	if ref.Kind != s.kind() {
		if title, err = s.lookup(ref); err != nil {
			return "", nil, err
		}
	}
	r, err := s.owner(ctx, ref)
	if err != nil {
		return "", nil, err
	}
	return cmp.Or(title, r.def.Title, r.def.Name), r.history, nil
}

// Touched is the newest instant at which anything that concerns the configured
// feed was stored, withdrawn or became visible; zero: never. It reads memory
// only and renders nothing.
func (s *Set) Touched(name string) time.Time {
	r, ok := s.feeds[name]
	if !ok {
		return time.Time{}
	}
	return r.selection.View(0, s.opts.Now()).Touched
}

// Title is what the edition is called in its documents.
func (e *Edition) Title() string { return e.channel.Title }
