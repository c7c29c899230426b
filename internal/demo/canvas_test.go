package demo

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

func testColours() colours {
	return colours{
		Paper:  colour{255, 255, 255, 255},
		Ground: colour{200, 200, 200, 255},
		Shade:  colour{120, 120, 120, 255},
		Accent: colour{220, 40, 40, 255},
		Dark:   colour{0, 0, 0, 255},
	}
}

func TestPaletteBeginsWithTheInksAndFits(t *testing.T) {
	p := testColours().palette()
	if len(p) != 115 {
		t.Errorf("%d colours", len(p))
	}
	if r, g, b, _ := p[accent].RGBA(); r>>8 != 220 || g>>8 != 40 || b>>8 != 40 {
		t.Errorf("accent is %v", p[accent])
	}
}

func TestColourIsReadFromHexadecimal(t *testing.T) {
	tests := map[string]struct {
		want colour
		ok   bool
	}{
		"#b5532c":   {colour{0xb5, 0x53, 0x2c, 0xff}, true},
		"":          {},
		"#fff":      {},
		"#b5532cff": {},
		"red":       {},
	}
	for text, want := range tests {
		var got colour
		if err := got.UnmarshalText([]byte(text)); (err == nil) != want.ok || got != want.want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestFillPaintsInsideAndLeavesHoles(t *testing.T) {
	c := newCanvas(pictureWidth, pictureHeight, testColours())
	c.fill(dark, frame(-50, 100, 200, 200, 20)...)
	c.fill(shade, disc(1200, 800, 100))
	tests := []struct {
		x, y int
		want ink
	}{
		{0, 110, dark},
		{60, 200, paper},
		{140, 200, dark},
		{160, 200, paper},
		{1199, 799, shade},
		{1199, 650, paper},
		{0, 799, paper},
	}
	for _, tt := range tests {
		if got := c.img.ColorIndexAt(tt.x, tt.y); got != uint8(tt.want) {
			t.Errorf("at %d, %d: index %d, want %d", tt.x, tt.y, got, tt.want)
		}
	}
}

func TestEdgesAreMixed(t *testing.T) {
	c := newCanvas(pictureWidth, pictureHeight, testColours())
	c.fill(dark, rect(10.5, 10, 10, 10))
	if r, _, _, _ := c.img.At(10, 15).RGBA(); r>>8 < 120 || r>>8 > 135 {
		t.Errorf("half of black on white is %d", r>>8)
	}
}

func TestCanvasKeepsItsCoordinatesInAThumbnail(t *testing.T) {
	c := newCanvas(thumbWidth, thumbHeight, testColours())
	c.fill(dark, rect(600, 400, 600, 400))
	if c.img.ColorIndexAt(299, 199) != uint8(dark) || c.img.ColorIndexAt(149, 99) != uint8(paper) {
		t.Error("the lower right quarter is not where it should be")
	}
}

func TestTextIsCutToWhatFits(t *testing.T) {
	atMost := func(n int) func(string) bool {
		return func(s string) bool { return utf8.RuneCountInString(s) <= n }
	}
	tests := []struct {
		s    string
		n    int
		want string
	}{
		{"harbour", 7, "harbour"},
		{"harbour lights", 9, "harbour…"},
		{"ß∂ƒ√å", 3, "ß∂…"},
		{"", 0, ""},
		{"ab", 0, "…"},
	}
	for _, tt := range tests {
		if got := shorten(tt.s, atMost(tt.n)); got != tt.want {
			t.Errorf("%q in %d: %q, want %q", tt.s, tt.n, got, tt.want)
		}
	}
}

func TestTitleIsDrawnOnlyWhereTheFontHasItsLetters(t *testing.T) {
	font, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{
		"“Quotes” & «more»": true,
		"Ёлка, Ωmega":       true,
		"أول الضوء":         false,
		"נמל ישן":           false,
		"Café 🇸🇻":           false,
	}
	for title, want := range tests {
		s := sheet{title: title, font: font}
		if got := s.titled(); got != want {
			t.Errorf("%q: %t, want %t", title, got, want)
		}
	}
}

func TestEveryMotifIsUsedAndDrawsInAnyVariant(t *testing.T) {
	samples, err := readSamples()
	if err != nil {
		t.Fatal(err)
	}
	small, err := readSmall()
	if err != nil {
		t.Fatal(err)
	}
	unused := motifs()
	for _, s := range append(samples, small...) {
		for _, sl := range s.Slides {
			delete(unused, sl.Drawing)
		}
	}
	for name := range unused {
		t.Errorf("no sample uses %s", name)
	}
	for name, motif := range motifs() {
		for _, variant := range []int{0, 1, 34, 719} {
			c := newCanvas(thumbWidth, thumbHeight, testColours())
			motif(c, variant)
			if !drawn(c) {
				t.Errorf("%s draws nothing in variant %d", name, variant)
			}
		}
	}
}

func drawn(c *canvas) bool {
	for _, index := range c.img.Pix {
		if index != uint8(paper) {
			return true
		}
	}
	return false
}
