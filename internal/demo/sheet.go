package demo

import (
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
)

// sheet is what a picture shows: a motif above, and below it a band with the
// slide's number, its title and the words that say what this is.
type sheet struct {
	number, title string
	motif         motif
	variant       int
	colours       colours
	font          *opentype.Font
}

// notice says on every picture what it is.
const notice = "Placeholder picture"

// bandTop is where the motif ends and the band begins.
const bandTop = 592

// inscription is a text and its place.
type inscription struct {
	text string
	size float64
	ink  ink
	y    float64 // of the baseline
}

// large returns the picture as a PNG.
func (s *sheet) large() ([]byte, error) {
	number := inscription{s.number, 104, accent, 734}
	if !s.titled() {
		return s.draw(pictureWidth, pictureHeight, 64, number, inscription{notice, 40, dark, 710})
	}
	return s.draw(pictureWidth, pictureHeight, 64, number,
		inscription{s.title, 48, dark, 690}, inscription{notice, 28, dark, 736})
}

// thumb returns the thumbnail as a PNG. Its letters are larger, and it has no
// title, which could not be read.
func (s *sheet) thumb() ([]byte, error) {
	return s.draw(thumbWidth, thumbHeight, 40,
		inscription{s.number, 116, accent, 738}, inscription{notice, 72, dark, 736})
}

// draw writes the number from x, and to the right of it the other lines.
func (s *sheet) draw(width, height int, x float64, number inscription, lines ...inscription) ([]byte, error) {
	c := newCanvas(width, height, s.colours)
	c.field(ground, 0, bandTop)
	s.motif(c, s.variant)
	c.field(paper, bandTop, pictureHeight)
	end, err := s.write(c, number, x)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		if _, err := s.write(c, line, max(end+40, x+160)); err != nil {
			return nil, err
		}
	}
	return c.encode()
}

func (s *sheet) write(c *canvas, i inscription, x float64) (end float64, err error) {
	return c.text(i.text, letters{s.font, i.size, i.ink}, x, i.y)
}

// titled reports whether the font has every letter of the title. It has none
// of a script that runs from right to left or that has to be shaped.
func (s *sheet) titled() bool {
	var buf sfnt.Buffer
	for _, r := range s.title {
		if glyph, err := s.font.GlyphIndex(&buf, r); err != nil || glyph == 0 {
			return false
		}
	}
	return true
}
