package demo

// motif draws a simple composition of shapes into the field above the band,
// in one of its variants: 0, 1, 2 … It may spill over the edges.
type motif func(c *canvas, variant int)

// motifs returns all of them by the name that the samples use.
func motifs() map[string]motif {
	return map[string]motif{
		"arches":    arches,
		"bars":      bars,
		"boats":     boats,
		"bridge":    bridge,
		"bunks":     bunks,
		"calendar":  calendar,
		"clock":     clock,
		"corridor":  corridor,
		"dots":      dots,
		"hills":     hills,
		"lanterns":  lanterns,
		"lens":      lens,
		"pavilions": pavilions,
		"rounds":    rounds,
		"route":     route,
		"scales":    scales,
		"sheets":    sheets,
		"stalls":    stalls,
		"strokes":   strokes,
		"tiles":     tiles,
		"tower":     tower,
		"walls":     walls,
		"windows":   windows,
	}
}
