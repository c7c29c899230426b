package demo

import "math"

// point is a place on a canvas, x to the right and y downwards.
type point struct{ x, y float64 }

// shape is a closed polygon of at least three points. Those made here run
// clockwise.
type shape []point

func rect(x, y, w, h float64) shape {
	return shape{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}
}

// disc has enough corners to look round at any size used here.
func disc(x, y, r float64) shape {
	return sector(x, y, r, 0, 2*math.Pi, 16+int(r/2))
}

// arch is a door with a round top; x is its middle and y its foot.
func arch(x, y, w, h float64) shape {
	s := sector(x, y-h+w/2, w/2, math.Pi, 2*math.Pi, 48)
	return append(s, point{x + w/2, y}, point{x - w/2, y})
}

// sector returns n+1 points on a circle, clockwise from one angle to another;
// angles are in radians, 0 to the right.
func sector(x, y, r, from, to float64, n int) shape {
	s := make(shape, 0, n+1)
	for i := range n + 1 {
		sin, cos := math.Sincos(from + (to-from)*float64(i)/float64(n))
		s = append(s, point{x + r*cos, y + r*sin})
	}
	return s
}

// stroke is a straight line of width w.
func stroke(from, to point, w float64) shape {
	dx, dy := to.x-from.x, to.y-from.y
	k := w / 2 / math.Hypot(dx, dy)
	nx, ny := -dy*k, dx*k
	return shape{{from.x - nx, from.y - ny}, {to.x - nx, to.y - ny}, {to.x + nx, to.y + ny}, {from.x + nx, from.y + ny}}
}

// reversed runs the other way round, to cut a hole.
func (s shape) reversed() shape {
	r := make(shape, 0, len(s))
	for i := range s {
		r = append(r, s[len(s)-1-i])
	}
	return r
}

// frame is a rectangle w wide on every side, with its outside as given.
func frame(x, y, width, height, w float64) []shape {
	return []shape{rect(x, y, width, height), rect(x+w, y+w, width-2*w, height-2*w).reversed()}
}

// ring is a circle with a line of width w inside it.
func ring(x, y, r, w float64) []shape {
	return []shape{disc(x, y, r), disc(x, y, r-w).reversed()}
}

// grid calls cell with the top left corner of each of columns × rows cells,
// row by row, centred on the middle of the motif.
func grid(columns, rows int, dx, dy float64, cell func(i int, x, y float64)) {
	left := pictureWidth/2 - float64(columns)*dx/2
	top := bandTop/2 - float64(rows)*dy/2
	for i := range columns * rows {
		cell(i, left+float64(i%columns)*dx, top+float64(i/columns)*dy)
	}
}
