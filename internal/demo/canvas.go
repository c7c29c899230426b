package demo

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// canvas is a picture in the making, all paper at first. Its coordinates are
// those of the large picture, whatever its true size.
//
// It keeps palette indices and never true colours: painting touches a byte a
// pixel, and the finished picture need not be reduced to its palette.
type canvas struct {
	img   *image.Paletted
	mask  *image.Alpha      // scratch of fill
	brush vector.Rasterizer // scratch of fill
	scale float64
	mixes map[edge]uint8
}

// edge is an ink that covers a palette index in part.
type edge struct {
	under uint8
	over  ink
	level uint8
}

func newCanvas(width, height int, c colours) *canvas {
	all := image.Rect(0, 0, width, height)
	return &canvas{
		img:   image.NewPaletted(all, c.palette()),
		mask:  image.NewAlpha(all),
		scale: float64(width) / pictureWidth,
		mixes: make(map[edge]uint8),
	}
}

// field paints everything between two heights.
func (c *canvas) field(with ink, top, bottom float64) {
	pix := c.img.Pix[c.img.PixOffset(0, int(top*c.scale)):c.img.PixOffset(0, int(bottom*c.scale))]
	for i := range pix {
		pix[i] = uint8(with)
	}
}

// fill paints the inside of the shapes. They may overlap each other and the
// edges of the canvas; one that runs the other way round cuts a hole.
func (c *canvas) fill(with ink, shapes ...shape) {
	box := c.bounds(shapes)
	c.brush.Reset(box.Dx(), box.Dy())
	c.brush.DrawOp = draw.Src
	at := func(p point) (x, y float32) {
		return float32(p.x*c.scale - float64(box.Min.X)), float32(p.y*c.scale - float64(box.Min.Y))
	}
	for _, s := range shapes {
		c.brush.MoveTo(at(s[0]))
		for _, p := range s[1:] {
			c.brush.LineTo(at(p))
		}
		c.brush.ClosePath()
	}
	c.brush.Draw(c.mask, box, image.Opaque, image.Point{})
	c.paint(with, c.mask, box)
}

// bounds is the part of the canvas that the shapes can touch.
func (c *canvas) bounds(shapes []shape) image.Rectangle {
	var box image.Rectangle
	for _, s := range shapes {
		for _, p := range s {
			x, y := int(math.Floor(p.x*c.scale)), int(math.Floor(p.y*c.scale))
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	return box.Intersect(c.img.Rect)
}

// paint covers the box as far as the mask says.
func (c *canvas) paint(with ink, mask *image.Alpha, box image.Rectangle) {
	for y := box.Min.Y; y < box.Max.Y; y++ {
		pix := c.img.Pix[c.img.PixOffset(box.Min.X, y):][:box.Dx()]
		cover := mask.Pix[mask.PixOffset(box.Min.X, y):][:box.Dx()]
		for i, alpha := range cover {
			switch alpha {
			case 0:
			case 0xff:
				pix[i] = uint8(with)
			default:
				level := (int(alpha)*levels + 127) / 255
				pix[i] = c.mix(edge{pix[i], with, uint8(level)})
			}
		}
	}
}

// mix returns the palette index nearest to e.
func (c *canvas) mix(e edge) uint8 {
	if index, ok := c.mixes[e]; ok {
		return index
	}
	under, over := c.img.Palette[e.under].(color.RGBA), c.img.Palette[e.over].(color.RGBA)
	index := uint8(c.img.Palette.Index(mix(under, over, int(e.level))))
	c.mixes[e] = index
	return index
}

// letters are a way to write. The size is that of an em, in canvas units.
type letters struct {
	font *opentype.Font
	size float64
	ink  ink
}

// text writes s from x on the baseline y and returns where it ends. What does
// not fit is cut off with an ellipsis.
func (c *canvas) text(s string, l letters, x, y float64) (end float64, err error) {
	// A face is not safe for concurrent use, so each text has its own.
	face, err := opentype.NewFace(l.font, &opentype.FaceOptions{Size: l.size * c.scale, DPI: 72})
	if err != nil {
		return 0, fmt.Errorf("open font: %w", err)
	}
	line := image.Rect(0, int((y-l.size)*c.scale), c.img.Rect.Max.X, int((y+l.size/2)*c.scale)).Intersect(c.img.Rect)
	mask := image.NewAlpha(line)
	d := font.Drawer{Dst: mask, Src: image.Opaque, Face: face, Dot: c.dot(x, y)}
	room := c.dot(pictureWidth-40, y).X - d.Dot.X
	d.DrawString(shorten(s, func(s string) bool { return d.MeasureString(s) <= room }))
	c.paint(l.ink, mask, line)
	return float64(d.Dot.X) / 64 / c.scale, face.Close()
}

func (c *canvas) dot(x, y float64) fixed.Point26_6 {
	return fixed.Point26_6{X: fixed.Int26_6(x * c.scale * 64), Y: fixed.Int26_6(y * c.scale * 64)}
}

// shorten returns s, or as much of it as fits with an ellipsis.
func shorten(s string, fits func(string) bool) string {
	short := s
	for rest := []rune(s); len(rest) > 0 && !fits(short); {
		rest = rest[:len(rest)-1]
		short = strings.TrimRight(string(rest), " ") + "…"
	}
	return short
}

// encode returns the finished picture as a PNG. Its flat fields are small at
// any level of compression, so the quickest will do.
func (c *canvas) encode() ([]byte, error) {
	var buf bytes.Buffer
	quick := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := quick.Encode(&buf, c.img); err != nil {
		return nil, fmt.Errorf("encode png: %w", err)
	}
	return buf.Bytes(), nil
}
