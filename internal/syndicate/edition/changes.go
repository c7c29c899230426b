package edition

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/go-json-experiment/json"
)

// ErrCursor means that a cursor is none of a change list.
var ErrCursor = errors.New("no cursor of a change list")

// Changes is a part of what became of the galleries that a partner's feed chooses, however
// old they are: each gallery once, at its newest.
type Changes struct {
	Cursor  string          `json:"cursor"`         // from where the next part follows
	More    bool            `json:"more"`           // it is there already
	Reset   bool            `json:"reset,omitzero"` // the list begins anew: what is not in it is no longer shown
	Changes []GalleryChange `json:"changes"`
}

// GalleryChange is what became of a gallery.
type GalleryChange struct {
	ID     string       `json:"id"`
	Change string       `json:"change"`          // "created", "updated" or "removed"
	Reason index.Reason `json:"reason,omitzero"` // of what was removed
	At     time.Time    `json:"at"`
	FeedID string       `json:"feed_id,omitzero"` // its identifier in feeds; none where it changed with what hid the gallery, or may have
	URL    string       `json:"url,omitzero"`     // its own feed, as JSON; none of what was removed
}

// changesPage is about how many galleries a part of a change list has. Tests shorten it.
var changesPage = 1000

// Changes returns what became of a partner's galleries since the cursor of an earlier
// answer, of this or another node; without one all that are shown, as created. A cursor of
// another configuration of the partner, and one from before what the records remember,
// begins anew. The error is [ErrCursor] or [ErrUnavailable].
func (s *Set) Changes(since string) (*Changes, error) {
	if err := s.opts.Index.Ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	now := s.opts.Now()
	at, choice := s.opts.Index.Position(now), s.changesChoice()
	if since != "" {
		c, err := parseCursor(since)
		switch {
		case err != nil:
			return nil, err
		case c.Choice != choice || !c.Epoch.Equal(at.Epoch):
		case c.Revision <= at.Revision && !c.Passed.After(now):
			if c.Listing {
				return s.everything(c, now)
			}
			if list, ok := s.news(c, now); ok {
				return list, nil
			}
		case c.Listing: // its client would take an end for that of the list
			return nil, fmt.Errorf("%w: the cursor is of a node that knows more", ErrUnavailable)
		default: // there is nothing to tell yet, wherever this node is
			return &Changes{Cursor: since, Changes: []GalleryChange{}}, nil
		}
	}
	last := s.history().Newest(now)
	list, err := s.everything(cursor{Choice: choice, Epoch: at.Epoch, Revision: last.Revision, Passed: now.Add(-Skew), Known: last, Listing: true}, now)
	if err == nil {
		list.Reset = since != ""
	}
	return list, err
}

// everything continues with all galleries that are shown. What happens to them meanwhile
// follows after it.
func (s *Set) everything(c cursor, now time.Time) (*Changes, error) {
	entries, place, ok := s.history().Oldest(c.Place, changesPage, now)
	if !ok {
		return nil, ErrCursor
	}
	list := &Changes{Changes: []GalleryChange{}, More: len(entries) == changesPage}
	for _, e := range entries {
		list.Changes = append(list.Changes, s.change(index.News{Entry: e}, now))
	}
	if c.Place = place; !list.More {
		c.Place, c.Listing = "", false
	}
	list.Cursor = c.String()
	return list, nil
}

// news continues with what happened since. It is not ok where the list has to begin anew.
func (s *Set) news(c cursor, now time.Time) (list *Changes, ok bool) {
	from := index.Position{Epoch: c.Epoch, Revision: c.Revision, Passed: c.Passed}
	news, to, last, more, ok := s.history().News(from, c.Known, changesPage, now)
	if !ok {
		return nil, false
	}
	list = &Changes{Changes: []GalleryChange{}, More: more}
	for _, n := range news {
		list.Changes = append(list.Changes, s.change(n, now))
	}
	if c.Last.Revision < last.Revision {
		c.Last = last
	}
	if c.Revision = to.Revision; more {
		c.Passed = to.Passed
	} else {
		c.Passed = later(c.Passed, now.Add(-Skew)) // a node whose clock is behind knows that too
		if c.Known.Revision < c.Last.Revision {
			c.Known = c.Last
		}
		c.Last = index.Record{}
	}
	list.Cursor = c.String()
	return list, true
}

func (s *Set) history() *index.Selection { return s.feeds[s.partner.Name].history }

func (s *Set) change(n index.News, now time.Time) GalleryChange {
	g := GalleryChange{
		ID: n.ID, Change: "updated", Reason: n.Gone, At: n.Touched(now),
	}
	if n.GUID() == "" || s.history().Showed(n.Entry, now) {
		g.FeedID = s.opts.Renderer.ID(&gallery.Gallery{ID: n.ID, GUID: n.GUID()})
	}
	switch {
	case n.Gone != "":
		g.Change = "removed"
		return g
	case !n.Was:
		g.Change = "created"
	}
	g.URL = s.Address(Ref{Kind: Gallery, Name: gallery.Key(n.ID)}, feed.JSON)
	return g
}

// changesChoice identifies which galleries the list is about.
func (s *Set) changesChoice() string {
	return gallery.HashOf(fmt.Appendf(nil, "%q %q %s", s.partner.Match, s.partner.Exclude, s.partner.Audience)).String()
}

// cursor is how far a client has read a change list.
type cursor struct {
	Choice   string       `json:"c"`
	Epoch    time.Time    `json:"e"`
	Revision uint64       `json:"r"`          // what happened is known up to there,
	Passed   time.Time    `json:"t"`          // and what the time changed, up to then
	Known    index.Record `json:"k"`          // and what had left by then, when the client began to read what is new,
	Last     index.Record `json:"n,omitzero"` // of which it has read up to this one
	Listing  bool         `json:"l,omitzero"` // the client reads the list of all galleries,
	Place    string       `json:"p,omitzero"` // and knows it up to there
}

// String is the cursor for clients: its parts as JSON, in base64.
func (c cursor) String() string {
	text, _ := json.Marshal(c) // nothing in it can fail
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseCursor(text string) (c cursor, err error) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &c, json.RejectUnknownMembers(true))
	}
	if err != nil || c.String() != text {
		return cursor{}, ErrCursor
	}
	return c, nil
}
