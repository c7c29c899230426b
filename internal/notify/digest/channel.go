package digest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/go-json-experiment/json"
)

// maxListed is how many galleries a digest names; it counts the others.
const maxListed = 100

// contents is the data of a notice: which galleries are new. What is said of
// them is read when it is sent, so that it is what is true then.
type contents struct {
	Format    int       `json:"format"`
	Due       time.Time `json:"due"`
	Galleries []string  `json:"galleries"` // their keys, newest first
	More      int       `json:"more,omitzero"`
}

// with adds galleries behind those that c has.
func (c contents) with(keys []string) contents {
	c.Galleries = slices.Clone(c.Galleries)
	for _, key := range keys {
		switch {
		case slices.Contains(c.Galleries, key):
		case len(c.Galleries) < maxListed:
			c.Galleries = append(c.Galleries, key)
		default:
			c.More++
		}
	}
	return c
}

// encode can not fail: there is nothing in contents that JSON has not.
func (c contents) encode() []byte {
	data, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return data
}

func contentsOf(n outbox.Notice) (contents, error) {
	var c contents
	if err := json.Unmarshal(n.Data, &c); err != nil {
		return c, fmt.Errorf("read digest %q: %w", n.About, err)
	}
	return c, nil
}

// Targets implements [outbox.Channel]: the mailboxes and chats of the digest.
func (d *Digests) Targets(n outbox.Notice, yield func(outbox.Target) bool) {
	for _, b := range d.boxes[n.About] {
		if !yield(b.target()) {
			return
		}
	}
}

// Target implements [outbox.Channel]: a mailbox or chat that is no longer
// configured for the digest is not found.
func (d *Digests) Target(n outbox.Notice, key string) (outbox.Target, bool) {
	b := d.box(n.About, key)
	if b == nil {
		return outbox.Target{}, false
	}
	return b.target(), true
}

// box is nil when there is none.
func (d *Digests) box(name, key string) *box {
	for _, b := range d.boxes[name] {
		if b.key == key {
			return b
		}
	}
	return nil
}

// Merge implements [outbox.Channel]: what is new since either.
func (d *Digests) Merge(old, n outbox.Notice) outbox.Notice {
	before, err := contentsOf(old)
	if err != nil {
		return n
	}
	c, err := contentsOf(n)
	if err != nil {
		return n
	}
	c.More += before.More
	n.Data = c.with(before.Galleries).encode()
	return n
}

// Pack implements [outbox.Channel]. A gallery that may no longer be shown is
// left out.
func (d *Digests) Pack(ctx context.Context, n outbox.Notice) (outbox.Payload, error) {
	if !slices.ContainsFunc(d.opts.Digests, func(def Definition) bool { return def.Name == n.About }) {
		return nil, outbox.Final(fmt.Errorf("digest %q is not configured any more", n.About))
	}
	c, err := contentsOf(n)
	if err != nil {
		return nil, outbox.Final(err)
	}
	p := d.paper(n.About)
	p.More = c.More
	for _, key := range c.Galleries {
		g, found, err := d.opts.Source.Gallery(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("digest %q: gallery %s: %w", n.About, key, err)
		}
		if found {
			p.Stories = append(p.Stories, newStory(g, d.opts.Location))
		}
	}
	return d.letter(n, p), nil
}

// paper is what the digest says when nothing is new.
func (d *Digests) paper(name string) paper {
	return paper{
		Heading: strings.TrimPrefix(gallery.Line(d.opts.SiteTitle+": "+name), ": "),
		Home:    gallery.WebAddress(d.opts.BaseURL+"/", nil),
		Lang:    d.opts.Language,
	}
}

func (d *Digests) letter(n outbox.Notice, p paper) *letter {
	return &letter{
		digests: d, notice: n, says: gallery.HashOf(n.Data).String(), paper: p,
		html: sync.OnceValues(func() (string, error) { return p.html(d.mail) }),
	}
}

// letter is a digest ready to be sent.
type letter struct {
	digests *Digests
	notice  outbox.Notice
	says    string
	paper   paper
	html    func() (string, error)
}

// Version implements [outbox.Payload].
func (l *letter) Version() string { return l.says }

// Send implements [outbox.Payload]. Its errors hold nothing of the address but
// what the target's name does. Nothing is sent when no gallery is left.
func (l *letter) Send(ctx context.Context, to outbox.Target) error {
	b := l.digests.box(l.notice.About, to.Key)
	if b == nil || len(l.paper.Stories) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.digests.opts.Timeout)
	defer cancel()
	if err := b.carrier.carry(ctx, l); err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	return nil
}
