package demo

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

const (
	pictureType   = "image/png"
	pictureWidth  = 1200
	pictureHeight = 800
	thumbWidth    = 300
	thumbHeight   = 200
	thumbSuffix   = "-s"
)

// picture is a PNG that is drawn when it is first asked for.
type picture struct {
	png func() ([]byte, error) // safe for concurrent use
}

func picturePath(id, slide string) string { return "/" + id + "/" + slide + ".png" }
func thumbPath(id, slide string) string   { return picturePath(id, slide+thumbSuffix) }

// plan sets up every picture there is.
func (s *Studio) plan() error {
	typeface, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return fmt.Errorf("parse font: %w", err)
	}
	for _, samples := range [][]sample{s.samples, s.small} {
		for i := range samples {
			if err := s.planGallery(&samples[i], typeface); err != nil {
				return fmt.Errorf("sample %s: %w", samples[i].ID, err)
			}
		}
	}
	return nil
}

func (s *Studio) planGallery(sample *sample, typeface *opentype.Font) error {
	motifs := motifs()
	for i, sl := range sample.Slides {
		motif, ok := motifs[sl.Drawing]
		if !ok {
			return fmt.Errorf("slide %s: there is no drawing %q", sl.ID, sl.Drawing)
		}
		if !plainName(sample.ID) || !plainName(sl.ID) {
			return fmt.Errorf("slide %q: not a name for a picture", sl.ID)
		}
		sh := sheet{
			number:  strconv.Itoa(i + 1),
			title:   sl.Title,
			motif:   motif,
			variant: cmp.Or(sl.Variant, i),
			colours: sample.Colours,
			font:    typeface,
		}
		s.pictures[picturePath(sample.ID, sl.ID)] = &picture{sync.OnceValues(sh.large)}
		s.pictures[thumbPath(sample.ID, sl.ID)] = &picture{sync.OnceValues(sh.thumb)}
	}
	return nil
}

// Pictures serves the drawn pictures to GET and HEAD at /{gallery}/{slide}.png
// and, as thumbnails, at /{gallery}/{slide}-s.png; the caller strips what
// stands before. Anything else is 404. Caches may keep a picture for an hour.
func (s *Studio) Pictures() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := s.pictures[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		default:
			p.serve(w, r)
		}
	})
}

func (p *picture) serve(w http.ResponseWriter, r *http.Request) {
	data, err := p.png()
	if err != nil {
		http.Error(w, "the picture cannot be drawn", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", pictureType)
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", fmt.Sprintf(`"%08x"`, crc32.ChecksumIEEE(data)))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}
