package page

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

const (
	// sitemapPath is where the index of the sitemaps is; with the query "page", one
	// of them: a sitemap may name only what is below its own path.
	sitemapPath = "/sitemap.xml"
	// perSitemap is how many galleries are in one. The protocol allows 50,000 addresses.
	perSitemap = 10_000
	// perAddress is about what an address in a sitemap needs while it is rendered.
	perAddress = 512
)

// urlset and sitemapindex are documents of https://www.sitemaps.org/protocol.html.
type (
	urlset struct {
		XMLName xml.Name  `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
		URLs    []located `xml:"url"`
	}
	sitemapindex struct {
		XMLName  xml.Name  `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 sitemapindex"`
		Sitemaps []located `xml:"sitemap"`
	}
	located struct {
		Address  string `xml:"loc"`
		Modified string `xml:"lastmod,omitempty"`
	}
)

// sitemap answers GET and HEAD of the index of the sitemaps and of each of them.
func (p *Pages) sitemap(w http.ResponseWriter, r *http.Request) {
	if !p.ready(w, r) {
		return
	}
	number := 0
	if query := r.URL.Query(); query.Has("page") {
		n, err := strconv.Atoi(query.Get("page"))
		if err != nil || n < 1 || n-1 > p.everything.LenAt(p.now())/perSitemap {
			p.NotFound(w, r)
			return
		}
		number = n
	}
	key := documentKey{generation: p.overviewAt(p.now()).generation, sitemap: true, number: number}
	d, err := p.document(r.Context(), key, func(ctx context.Context) (*document, error) {
		return p.sitemapOf(ctx, number, p.now())
	})
	p.answer(w, r, d, err)
}

// sitemapOf returns the sitemap with that number, the index for 0. The first has the
// oldest galleries, so that what is published changes the last one only, and the
// front page, for none may be empty. The error may be edition.ErrUnknown.
func (p *Pages) sitemapOf(ctx context.Context, number int, now time.Time) (*document, error) {
	task, err := p.limiter.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer task.Release()
	galleries := p.everything.View(math.MaxInt, now).Entries
	task.Grow(8 * len(galleries))
	galleries = slices.DeleteFunc(galleries, func(e *index.Entry) bool { return !e.Home })
	slices.Reverse(galleries)
	parts := slices.Collect(slices.Chunk(galleries, perSitemap))
	if len(parts) == 0 {
		parts = append(parts, nil)
	}
	if number == 0 {
		return newSitemap(p.sitemapIndex(parts, now))
	}
	if number > len(parts) {
		return nil, edition.ErrUnknown
	}
	part := parts[number-1]
	task.Grow(perAddress * len(part))
	var set urlset
	if number == 1 {
		set.URLs = append(set.URLs, located{Address: p.site.BaseURL + "/"})
	}
	for _, e := range part {
		set.URLs = append(set.URLs, located{p.site.GalleryURL(gallery.Key(e.ID)), Instant(e.UpdatedAt(now))})
	}
	return newSitemap(set)
}

func (p *Pages) sitemapIndex(parts [][]*index.Entry, now time.Time) sitemapindex {
	var index sitemapindex
	for i, part := range parts {
		l := located{Address: p.site.BaseURL + sitemapPath + "?page=" + strconv.Itoa(i+1)}
		var last time.Time
		for _, e := range part {
			if at := e.UpdatedAt(now); at.After(last) {
				last = at
			}
		}
		if !last.IsZero() {
			l.Modified = Instant(last)
		}
		index.Sitemaps = append(index.Sitemaps, l)
	}
	return index
}

func newSitemap(content any) (*document, error) {
	text, err := xml.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("render sitemap: %w", err)
	}
	return newDocument("application/xml; charset=utf-8", append([]byte(xml.Header), text...)), nil
}

// favicon is the program's icon, a PNG in the file format of Windows icons, for
// browsers that ask for no other.
func favicon() []byte {
	const side, header = 144, 22
	var b bytes.Buffer
	for _, field := range []any{
		[3]uint16{0, 1, 1},                   // an icon file with one picture
		[4]uint8{side, side, 0, 0},           // no palette
		[2]uint16{1, 32},                     // planes, bits of a pixel
		[2]uint32{uint32(len(icon)), header}, // what follows
	} {
		_ = binary.Write(&b, binary.LittleEndian, field) // a buffer takes everything
	}
	b.Write(icon)
	return b.Bytes()
}
