package demo

import "math"

func hills(c *canvas, variant int) {
	x := 300 + float64(variant*170%600)
	c.fill(accent, disc(x, 230, 92))
	c.fill(paper, shape{{-40, bandTop}, {360, 290}, {520, 400}, {700, bandTop}})
	c.fill(shade, shape{{240, bandTop}, {700, 190}, {760, 205}, {800, 190}, {1240, bandTop}})
	c.fill(dark, shape{{0, bandTop}, {0, 540}, {420, 500}, {1200, 560}, {1200, bandTop}})
}

func route(c *canvas, variant int) {
	for i := range 6 {
		y := 60 + 90*float64(i)
		c.fill(paper, stroke(point{0, y + 70}, point{1200, y - 50}, 3))
	}
	bend := 60 + float64(variant*50%200)
	from, to := point{190, 330}, point{1000, 260}
	at := func(t float64) point {
		return point{from.x + (to.x-from.x)*t, from.y + (to.y-from.y)*t + bend*math.Sin(math.Pi*t)}
	}
	for i := range 18 {
		c.fill(dark, stroke(at((float64(i)+0.25)/18), at((float64(i)+0.8)/18), 10))
	}
	c.fill(dark, ring(from.x, from.y, 44, 14)...)
	c.fill(accent, disc(to.x, to.y, 44))
}

func pavilions(c *canvas, variant int) {
	c.fill(shade, frame(110, 50, 980, 492, 12)...)
	grid(4, 2, 228, 212, func(i int, x, y float64) {
		c.fill(paper, rect(x+24, y+20, 180, 172))
		c.fill(shade, rect(x+24, y+20, 90, 172))
		c.fill(dark, rect(x+111, y+20, 6, 172))
		if i == variant%8 {
			c.fill(accent, rect(x+90, y+206, 48, 6))
		}
	})
}

func corridor(c *canvas, _ int) {
	c.fill(shade, shape{{0, 0}, {480, 190}, {480, 400}, {0, bandTop}})
	c.fill(shade, shape{{1200, 0}, {720, 190}, {720, 400}, {1200, bandTop}})
	c.fill(paper, shape{{0, 0}, {1200, 0}, {720, 190}, {480, 190}})
	c.fill(dark, rect(480, 190, 240, 210))
	c.fill(accent, rect(556, 246, 88, 154))
	for _, near := range []float64{60, 250, 380} {
		width := (480 - near) * 0.24
		door(c, near, near+width)
		door(c, 1200-near, 1200-near-width)
	}
}

// door is an opening in a side wall of the corridor between two x.
func door(c *canvas, near, far float64) {
	foot := func(x float64) float64 { return bandTop - 192*(600-math.Abs(x-600))/480 }
	head := func(x float64) float64 { return 110 + 116*(600-math.Abs(x-600))/480 }
	c.fill(dark, shape{{near, head(near)}, {far, head(far)}, {far, foot(far)}, {near, foot(near)}})
}

func walls(c *canvas, variant int) {
	for i := range 6 {
		inset := 44 * float64(i)
		col := shade
		if i%2 == 1 {
			col = paper
		}
		c.fill(col, frame(100+1.6*inset, 36+inset, 1000-3.2*inset, 520-2*inset, 14)...)
		gap := 180 + float64((variant+i)*97%300)
		c.fill(ground, rect(100+1.6*inset+gap*float64(6-i)/6, 34+inset, 60, 18))
	}
	c.fill(accent, disc(600, 296, 16))
}

func tower(c *canvas, variant int) {
	x := 360 + float64(variant*140%480)
	c.fill(paper, shape{{x, 150}, {1240, -30}, {1240, 250}, {x, 176}})
	c.fill(shade, shape{{x - 50, 220}, {x + 50, 220}, {x + 84, bandTop}, {x - 84, bandTop}})
	c.fill(dark, rect(x-72, 204, 144, 18), rect(x-44, 126, 12, 80), rect(x+32, 126, 12, 80))
	c.fill(dark, shape{{x - 64, 104}, {x + 64, 104}, {x + 78, 130}, {x - 78, 130}})
	c.fill(accent, disc(x, 166, 26))
	c.fill(dark, rect(0, 560, 1200, 40))
}

func arches(c *canvas, variant int) {
	c.fill(paper, rect(0, 90, 1200, 510))
	c.fill(shade, rect(0, 90, 1200, 16))
	for i := range 5 {
		x := 120 + 240*float64(i)
		c.fill(shade, arch(x, bandTop, 184, 400))
		col := dark
		if i == variant%5 {
			col = accent
		}
		c.fill(col, arch(x+10, bandTop, 148, 368))
	}
	c.fill(shade, rect(0, bandTop-16, pictureWidth, 16))
}

func bridge(c *canvas, _ int) {
	c.fill(accent, disc(930, 150, 64))
	c.fill(paper, rect(0, 250, 1200, 240))
	for i := range 3 {
		c.fill(ground, arch(210+390*float64(i), 490, 310, 200))
	}
	c.fill(dark, rect(0, 236, 1200, 16))
	c.fill(shade, rect(0, 490, 1200, 110))
	for i := range 7 {
		c.fill(paper, rect(40+float64(i*397%1080), 506+float64(i)*12, 120, 4))
	}
}

func windows(c *canvas, variant int) {
	c.fill(shade, rect(90, 40, 1020, 560))
	grid(10, 4, 98, 122, func(i int, x, y float64) {
		col := dark
		switch (i*i*5 + i*3 + variant*7) % 23 {
		case 0, 4, 13, 15:
			col = paper
		case 8:
			col = accent
		}
		c.fill(col, rect(x+20, y+22, 58, 84))
	})
}
