package demo

import "math"

func bars(c *canvas, variant int) {
	c.fill(paper, rect(150, 70, 900, 460))
	c.fill(accent, disc(320+float64(variant*130%560), 240, 60))
	for i := range 13 {
		c.fill(dark, rect(186+68*float64(i), 40, 16, 520))
	}
	c.fill(dark, rect(130, 70, 940, 16), rect(130, 514, 940, 16), rect(130, 292, 940, 10))
}

func bunks(c *canvas, variant int) {
	grid(4, 3, 260, 164, func(i int, x, y float64) {
		c.fill(paper, rect(x+20, y+96, 220, 26))
		col := shade
		if i == variant%12 {
			col = accent
		}
		c.fill(col, rect(x+30, y+70, 60, 26))
		c.fill(dark, rect(x+10, y+122, 240, 10))
	})
	for i := range 5 {
		c.fill(dark, rect(76+260*float64(i), 60, 8, 540))
	}
}

// calendar is a page of five weeks; the variant is the day, counted from 0.
func calendar(c *canvas, variant int) {
	c.fill(paper, rect(230, 30, 740, 530))
	c.fill(dark, rect(230, 30, 740, 52))
	grid(7, 5, 100, 88, func(i int, x, y float64) {
		col := ground
		if i == variant%35 {
			col = accent
		}
		c.fill(col, rect(x+8, y+34, 84, 72))
	})
}

// dots are 2,000.
func dots(c *canvas, _ int) {
	var all []shape
	grid(80, 25, 13.5, 20, func(_ int, x, y float64) {
		all = append(all, sector(x+6.75, y+10, 4, 0, 2*math.Pi, 10))
	})
	c.fill(dark, all...)
}

// strokes are 261, in nine rows of 29.
func strokes(c *canvas, _ int) {
	var all []shape
	grid(29, 9, 36, 57, func(_ int, x, y float64) {
		all = append(all, rect(x+15, y+10, 6, 37))
	})
	c.fill(dark, all...)
}

func tiles(c *canvas, variant int) {
	grid(9, 4, 122, 122, func(i int, x, y float64) {
		tile := shape{{x, y}, {x + 122, y}, {x + 122, y + 122}, {x, y + 122}}
		col := []ink{paper, shade, ground, shade, paper, dark, shade}[(i*3+variant)%7]
		if i%17 == variant%17 {
			col = accent
		}
		corner := (i + i/9 + variant) % 4
		c.fill(col, append(tile[:corner:corner], tile[corner+1:]...))
	})
}

func lens(c *canvas, variant int) {
	x := 420 + float64(variant*110%360)
	c.fill(dark, disc(x, 296, 250))
	c.fill(shade, ring(x, 296, 214, 30)...)
	c.fill(paper, ring(x, 296, 160, 12)...)
	c.fill(shade, disc(x, 296, 112))
	c.fill(accent, disc(x, 296, 52))
	c.fill(paper, disc(x-58, 230, 20))
}

func sheets(c *canvas, variant int) {
	for i := range 3 {
		x, y := 210+270*float64(i), 36+float64((i+variant)%3)*28
		c.fill(shade, rect(x+12, y+12, 240, 450))
		c.fill(paper, rect(x, y, 240, 450))
		for line := range 10 {
			width := 176 - float64((line*53+i*31+variant*17)%90)
			c.fill(shade, rect(x+32, y+44+38*float64(line), width, 8))
		}
	}
	c.fill(accent, ring(930, 430, 62, 12)...)
}

func scales(c *canvas, _ int) {
	c.fill(dark, rect(592, 110, 16, 430), rect(480, 528, 240, 20))
	c.fill(dark, stroke(point{280, 190}, point{920, 150}, 14))
	for _, pan := range []point{{290, 190}, {910, 150}} {
		c.fill(dark, stroke(pan, point{pan.x - 110, pan.y + 200}, 4), stroke(pan, point{pan.x + 110, pan.y + 200}, 4))
		c.fill(paper, sector(pan.x, pan.y+200, 130, 0, math.Pi, 64))
	}
	c.fill(accent, disc(600, 110, 30))
}

// clock shows the time of its variant, in minutes past twelve.
func clock(c *canvas, variant int) {
	c.fill(dark, disc(600, 300, 256))
	c.fill(paper, disc(600, 300, 232))
	hand := func(turn, from, to, w float64) shape {
		sin, cos := math.Sincos(2 * math.Pi * turn)
		return stroke(point{600 + from*sin, 300 - from*cos}, point{600 + to*sin, 300 - to*cos}, w)
	}
	for i := range 12 {
		c.fill(dark, hand(float64(i)/12, 184, 212, 12))
	}
	hours := float64(variant) / 60
	c.fill(dark, hand(hours/12, -30, 120, 20))
	c.fill(accent, hand(hours, -40, 172, 12), disc(600, 300, 22))
}

func boats(c *canvas, variant int) {
	c.fill(paper, disc(900-float64(variant*90%500), 150, 76))
	c.fill(shade, rect(0, 430, 1200, 170))
	for i, x := range []float64{260, 610, 930} {
		y := 430 + 34*float64((i+variant)%3)
		sail := paper
		if i == variant%3 {
			sail = accent
		}
		c.fill(sail, shape{{x - 6, y - 270}, {x - 6, y - 24}, {x - 120, y - 24}})
		c.fill(paper, shape{{x + 10, y - 220}, {x + 84, y - 24}, {x + 10, y - 24}})
		c.fill(dark, rect(x-3, y-284, 8, 284), shape{{x - 130, y - 10}, {x + 120, y - 10}, {x + 84, y + 44}, {x - 96, y + 44}})
	}
}

func stalls(c *canvas, variant int) {
	for i := range 3 {
		left := 70 + 364*float64(i)
		c.fill(dark, rect(left+16, 200, 10, 400), rect(left+306, 200, 10, 400), rect(left+6, 430, 320, 18))
		c.fill(shade, rect(left+16, 448, 300, 150))
		for k := range 6 {
			x := left + 56*float64(k) - 2
			col := paper
			if (k+i+variant)%2 == 0 {
				col = accent
			}
			c.fill(col, rect(x, 130, 56, 130), sector(x+28, 260, 28, 0, math.Pi, 32))
		}
	}
}

func lanterns(c *canvas, variant int) {
	for i := range 6 {
		x := 130 + 188*float64(i)
		y := 190 + float64((i*5+variant*3)%7)*34
		c.fill(dark, rect(x-2, 0, 4, y-70), rect(x-26, y-78, 52, 12), rect(x-26, y+66, 52, 12))
		col := paper
		if i == (variant+2)%6 {
			col = accent
		}
		c.fill(col, disc(x, y, 70))
		c.fill(shade, rect(x-2, y-68, 4, 136))
	}
}

func rounds(c *canvas, variant int) {
	grid(7, 3, 154, 170, func(i int, x, y float64) {
		cx, cy := x+77, y+85
		c.fill(shade, disc(cx+6, cy+8, 66))
		col := paper
		if (i*5+variant)%9 == 0 {
			col = accent
		}
		c.fill(col, disc(cx, cy, 64))
		c.fill(shade, stroke(point{cx - 30, cy + 14}, point{cx + 30, cy - 14}, 6))
	})
}
