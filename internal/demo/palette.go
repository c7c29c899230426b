package demo

import (
	"encoding/hex"
	"fmt"
	"image/color"
	"strings"
)

// ink is one of the five colours of a picture, by its place in the palette.
type ink uint8

const (
	paper  ink = iota // the palest
	ground            // the field behind a motif
	shade             // darker than the ground
	accent            // used sparingly
	dark              // the darkest
	inks
)

// colours are those of one gallery, each written #rrggbb.
type colours struct {
	Paper  colour `json:"paper"`
	Ground colour `json:"ground"`
	Shade  colour `json:"shade"`
	Accent colour `json:"accent"`
	Dark   colour `json:"dark"`
}

// colour is an opaque colour.
type colour color.RGBA

// UnmarshalText reads #rrggbb.
func (c *colour) UnmarshalText(text []byte) error {
	rgb, err := hex.DecodeString(strings.TrimPrefix(string(text), "#"))
	if err != nil || len(rgb) != 3 {
		return fmt.Errorf("colour %q is not of the form #rrggbb", text)
	}
	*c = colour{R: rgb[0], G: rgb[1], B: rgb[2], A: 0xff}
	return nil
}

// levels is the number of steps from one ink to another at an edge.
const levels = 12

// palette returns the inks in order and then the steps between each two of
// them, 115 colours in all.
func (c colours) palette() color.Palette {
	base := [inks]colour{paper: c.Paper, ground: c.Ground, shade: c.Shade, accent: c.Accent, dark: c.Dark}
	var p color.Palette
	for _, col := range base {
		p = append(p, color.RGBA(col))
	}
	for i, from := range base {
		for _, to := range base[:i] {
			for level := 1; level < levels; level++ {
				p = append(p, mix(color.RGBA(from), color.RGBA(to), level))
			}
		}
	}
	return p
}

// mix returns the colour that lies level steps on the way between two.
func mix(from, to color.RGBA, level int) color.RGBA {
	part := func(a, b uint8) uint8 { return uint8((int(a)*(levels-level) + int(b)*level) / levels) }
	return color.RGBA{part(from.R, to.R), part(from.G, to.G), part(from.B, to.B), 0xff}
}
