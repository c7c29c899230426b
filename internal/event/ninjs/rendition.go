package ninjs

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// A rendition is wide enough to be shown from the one width on, and heavier
// than readers need above the other, in pixels.
const (
	enoughWidth = 600
	mostWidth   = 2560
)

// best returns the rendition that is shown: the whole picture before a crop,
// in a format that browsers know; of these the widest from 600 to 2560 pixels,
// else one whose width is not known (viewImage, baseImage, original in this
// order), else the narrowest above 2560, else the widest below 600. Thumbnails
// are never it, but of a video without another still. Of a video, and of what has
// no type, it is certain that it is a picture. It is nil when there is none.
func best(rs members[rendition], certain bool) *member[rendition] {
	original := largest(rs)
	var found *member[rendition]
	for i := range rs.list {
		m := &rs.list[i]
		if !isFile(m) || isThumbnail(m) || certain && m.value.mediaType() == "" && !isStill(m.name) {
			continue
		}
		if found == nil || compare(m, found, original) < 0 {
			found = m
		}
	}
	return found
}

// isStill reports whether a rendition of that name is a picture, also of a video.
func isStill(name string) bool {
	switch name = strings.ToLower(name); name {
	case "viewimage", "baseimage", "thumbnail":
		return true
	}
	return strings.Contains(name, "poster") || strings.Contains(name, "still") || strings.Contains(name, "keyframe")
}

// thumbnail returns the rendition of that name, an empty one when there is
// none.
func thumbnail(rs members[rendition]) *member[rendition] {
	for i := range rs.list {
		if m := &rs.list[i]; isFile(m) && isThumbnail(m) {
			return m
		}
	}
	return &member[rendition]{value: new(rendition)}
}

// largest returns what crops are told by: the original, else the widest.
func largest(rs members[rendition]) *rendition {
	var found *rendition
	for _, m := range rs.list {
		switch {
		case m.value == nil:
		case strings.EqualFold(m.name, "original") && m.value.Width > 0:
			return m.value
		case found == nil || m.value.Width > found.Width:
			found = m.value
		}
	}
	return found
}

func compare(a, b *member[rendition], original *rendition) int {
	return cmp.Or(
		cmp.Compare(rarity(a.value), rarity(b.value)),
		cmp.Compare(isCrop(a, original), isCrop(b, original)),
		cmp.Compare(fit(a.value), fit(b.value)),
		cmp.Compare(distance(a.value), distance(b.value)),
		cmp.Compare(preference(a.name), preference(b.name)),
		cmp.Compare(a.name, b.name),
	)
}

// isFile reports whether m has an address and is not known to be something else
// than a picture.
func isFile(m *member[rendition]) bool {
	if m.value == nil || strings.TrimSpace(m.value.HRef) == "" {
		return false
	}
	_, other := m.value.pictureType()
	return other == ""
}

func isThumbnail(m *member[rendition]) bool { return strings.EqualFold(m.name, "thumbnail") }

func (r *rendition) pictureType() (mediaType, other string) {
	return gallery.PictureType(cmp.Or(r.MIMEType, r.ContentType, r.ContentType3), strings.TrimSpace(r.HRef))
}

// mediaType returns the type of a picture, empty where it is not known.
func (r *rendition) mediaType() string {
	mediaType, _ := r.pictureType()
	return mediaType
}

// rarity is 1 for types that browsers do not show.
func rarity(r *rendition) int {
	switch r.mediaType() {
	case "", "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/svg+xml":
		return 0
	}
	return 1
}

// isCrop is 1 where the proportions are known not to be the original's.
func isCrop(m *member[rendition], original *rendition) int {
	r := m.value
	if min(r.Width, r.Height, original.Width, original.Height) <= 0 {
		return 0
	}
	a, b := float64(r.Width)/float64(r.Height), float64(original.Width)/float64(original.Height)
	if math.Abs(a-b) > 0.03*b {
		return 1
	}
	return 0
}

func fit(r *rendition) int {
	switch {
	case r.Width > mostWidth:
		return 2
	case r.Width >= enoughWidth:
		return 0
	case r.Width <= 0:
		return 1
	}
	return 3
}

func distance(r *rendition) whole {
	if r.Width > mostWidth {
		return r.Width
	}
	return -r.Width
}

func preference(name string) int {
	names := []string{"viewimage", "baseimage", "original"}
	if i := slices.Index(names, strings.ToLower(name)); i >= 0 {
		return i
	}
	return len(names)
}
