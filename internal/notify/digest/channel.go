package digest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/go-json-experiment/json"
)

// maxListed bounds the galleries that a digest lists; it counts the others.
const maxListed = 100

// noticeData is the data of a notice: the keys of the new galleries. Pack reads the
// galleries, so that a digest has their state when it is sent.
type noticeData struct {
	Format    int       `json:"format"`
	Due       time.Time `json:"due"`
	Galleries []string  `json:"galleries"` // their keys, newest first
	More      int       `json:"more,omitzero"`
}

// with appends galleries that are not among its own.
func (c noticeData) with(keys []string) noticeData {
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

func (c noticeData) encode() []byte {
	data, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		panic(err) // noticeData has nothing that JSON lacks
	}
	return data
}

func noticeDataOf(n outbox.Notice) (noticeData, error) {
	var c noticeData
	if err := json.Unmarshal(n.Data, &c); err != nil {
		return c, fmt.Errorf("read digest %q: %w", n.About, err)
	}
	return c, nil
}

// Targets implements [outbox.Channel]: the mailboxes and chats of the digest.
func (d *Digests) Targets(n outbox.Notice, yield func(outbox.Target) bool) {
	for _, r := range d.recipients[n.About] {
		if !yield(r.Target) {
			return
		}
	}
}

// Target implements [outbox.Channel]: a mailbox or chat that is no longer
// configured for the digest is not found.
func (d *Digests) Target(n outbox.Notice, key string) (outbox.Target, bool) {
	if r := d.recipient(n.About, key); r != nil {
		return r.Target, true
	}
	return outbox.Target{}, false
}

// recipient is the one of a digest with that key; nil: there is none.
func (d *Digests) recipient(name, key string) *recipient {
	for _, r := range d.recipients[name] {
		if r.Key == key {
			return r
		}
	}
	return nil
}

// Merge implements [outbox.Channel]: what is new since either.
func (d *Digests) Merge(old, n outbox.Notice) outbox.Notice {
	before, oldErr := noticeDataOf(old)
	c, err := noticeDataOf(n)
	if oldErr == nil && err == nil {
		c.More += before.More
		n.Data = c.with(before.Galleries).encode()
	}
	return n
}

// Pack implements [outbox.Channel]. A gallery that may no longer be shown is
// left out.
func (d *Digests) Pack(ctx context.Context, n outbox.Notice) (outbox.Payload, error) {
	i := slices.IndexFunc(d.opts.Digests, func(def Definition) bool { return def.Name == n.About })
	if i < 0 {
		return nil, outbox.Final(fmt.Errorf("digest %q is not configured any more", n.About))
	}
	c, err := noticeDataOf(n)
	if err != nil {
		return nil, outbox.Final(err)
	}
	p := d.payload(n)
	p.More = c.More
	for _, key := range c.Galleries {
		v, found, err := d.opts.Source.View(ctx, d.opts.Digests[i].Feeds, key)
		if err != nil {
			return nil, fmt.Errorf("digest %q: gallery %s: %w", n.About, key, err)
		}
		if found {
			p.Items = append(p.Items, newItem(v, d.opts.Location))
		}
	}
	return p, nil
}

// payload returns the payload of a notice, without galleries.
func (d *Digests) payload(n outbox.Notice) *payload {
	return &payload{digests: d, notice: n, content: content{
		Heading: strings.TrimPrefix(gallery.Line(d.opts.SiteTitle+": "+n.About), ": "),
		Home:    gallery.WebAddress(d.opts.BaseURL+"/", nil),
		Lang:    d.opts.Language,
	}}
}

// payload is a digest ready to be sent.
type payload struct {
	digests *Digests
	notice  outbox.Notice
	content
}

// Version implements [outbox.Payload].
func (p *payload) Version() string { return gallery.HashOf(p.notice.Data).String() }

// Send implements [outbox.Payload]. Its errors contain no more of the address than
// the target's name. It sends nothing when no gallery is left.
func (p *payload) Send(ctx context.Context, to outbox.Target) error {
	r := p.digests.recipient(p.notice.About, to.Key)
	if r == nil || len(p.Items) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.digests.opts.Timeout)
	defer cancel()
	if err := r.send(ctx, p); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return nil
}
