package demo

import (
	"bytes"
	"embed"
	"fmt"
	"hash/crc32"
	"image/png"
	"net/http"
	"path"
	"strings"
	"time"
)

// pictureFiles holds the placeholders, each with its thumbnail.
//
//go:embed pictures/*.png
var pictureFiles embed.FS

const (
	pictureType     = "image/png"
	pictureSuffix   = ".png"
	thumbnailSuffix = "-s.png"
)

// picture is an embedded file with its size in pixels.
type picture struct {
	data          []byte
	width, height int
}

// readPictures returns all embedded pictures and thumbnails by file name.
func readPictures() (map[string]picture, error) {
	entries, err := pictureFiles.ReadDir("pictures")
	if err != nil {
		return nil, fmt.Errorf("list pictures: %w", err)
	}
	pictures := make(map[string]picture, len(entries))
	for _, e := range entries {
		data, err := pictureFiles.ReadFile(path.Join("pictures", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read picture: %w", err)
		}
		size, err := png.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("decode picture %s: %w", e.Name(), err)
		}
		pictures[e.Name()] = picture{data, size.Width, size.Height}
	}
	return pictures, nil
}

// Pictures serves the pictures to GET and HEAD at /{name}.png and their
// thumbnails at /{name}-s.png; the caller strips the path before that. Caches
// may keep a picture for an hour.
func (c *CMS) Pictures() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := c.pictures[strings.TrimPrefix(r.URL.Path, "/")]
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		default:
			h := w.Header()
			h.Set("Content-Type", pictureType)
			h.Set("Cache-Control", "public, max-age=3600")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("ETag", fmt.Sprintf(`"%08x"`, crc32.ChecksumIEEE(p.data)))
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.data))
		}
	})
}
