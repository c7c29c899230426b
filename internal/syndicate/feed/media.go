package feed

import "strconv"

// media returns the pictures as Media RSS, of which it uses only what the W3C's
// validator knows. They stand flat in the item: a media:group would say that
// they are renditions of one picture. It is written by hand because encoding/xml
// takes longer for these many small elements than for all the rest.
func (s *story) media() string {
	var p page
	p.Grow(700 * len(s.pictures))
	for i := range s.pictures {
		if s.pictures[i].url != "" {
			s.pictures[i].media(&p)
		}
	}
	return p.String()
}

// media writes the texts as plain text, which is the default, even where the
// caption has markup: readers that ignore the type would show tags, and the
// markup is in the content already.
func (pic *picture) media(p *page) {
	p.block(`<media:content url="`, pic.url, `"`)
	p.block(` type="`, pic.mediaType, `"`)
	p.add(` medium="image"`)
	p.number(` width="`, int64(pic.width))
	p.number(` height="`, int64(pic.height))
	p.number(` fileSize="`, pic.bytes)
	p.add(">")
	p.block("<media:title>", pic.title, "</media:title>")
	p.block("<media:description>", pic.caption, "</media:description>")
	p.block("<media:credit>", pic.credit, "</media:credit>")
	p.block("<media:text>", pic.alt, "</media:text>")
	p.block(`<media:thumbnail url="`, pic.thumbnail, `"/>`)
	p.add("</media:content>")
}

// number writes an attribute that begins with open, and nothing for zero: an
// unknown size is no size.
func (p *page) number(open string, n int64) {
	if n > 0 {
		p.add(open, strconv.FormatInt(n, 10), `"`)
	}
}
