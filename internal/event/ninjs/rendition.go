package ninjs

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// The widths of a picture that readers need, in pixels.
const (
	leastWidth = 600
	mostWidth  = 2560
)

// preferred are names of renditions, the best first.
var preferred = []string{"viewimage", "baseimage", "original"}

// best returns the rendition to show, nil when there is none: the whole picture before a
// crop, in a format that browsers know; of these the widest from 600 to 2560 pixels,
// else one whose width is not known (viewImage, baseImage, original in this order), else
// the narrowest above 2560, else the widest below 600. It is never a thumbnail. certain
// demands a rendition that is known to be a picture, as for a video.
func best(rs members[rendition], certain bool) *member[rendition] {
	original := largest(rs)
	var found *member[rendition]
	for i := range rs.list {
		m := &rs.list[i]
		if !isFile(m) || isThumbnail(m) || certain && m.value.mediaType() == "" && !isStill(m.name) {
			continue
		}
		if found == nil || cmp.Or(slices.Compare(score(m, original), score(found, original)), cmp.Compare(m.name, found.name)) < 0 {
			found = m
		}
	}
	return found
}

// isStill reports whether a rendition of that name is a picture even of a video.
func isStill(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains([]string{"viewimage", "baseimage", "thumbnail"}, name) ||
		slices.ContainsFunc([]string{"poster", "still", "keyframe"}, func(word string) bool { return strings.Contains(name, word) })
}

// thumbnail returns the rendition of that name, or an empty one.
func thumbnail(rs members[rendition]) *member[rendition] {
	for i := range rs.list {
		if m := &rs.list[i]; isFile(m) && isThumbnail(m) {
			return m
		}
	}
	return &member[rendition]{value: new(rendition)}
}

// largest returns the original, else the widest; crops differ from it.
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

// isFile reports whether m has an address and may be a picture.
func isFile(m *member[rendition]) bool {
	if m.value == nil || strings.TrimSpace(m.value.HRef) == "" {
		return false
	}
	_, other := m.value.pictureType()
	return other == ""
}

// isThumbnail reports whether m is one by its name, or by its title where names are
// numbers.
func isThumbnail(m *member[rendition]) bool {
	return strings.EqualFold(m.name, "thumbnail") || m.value != nil && strings.EqualFold(m.value.Title, "thumbnail")
}

// pictureType returns the type of a picture, or that of what is none by any of its types.
func (r *rendition) pictureType() (mediaType, other string) {
	for _, stated := range []string{r.MIMEType, r.ContentType, r.ContentType3} {
		if stated != "" && other == "" {
			found, none := gallery.PictureType(stated, strings.TrimSpace(r.HRef))
			mediaType, other = cmp.Or(mediaType, found), none
		}
	}
	if mediaType == "" && other == "" {
		return gallery.PictureType("", strings.TrimSpace(r.HRef))
	}
	return mediaType, other
}

// mediaType returns the type of a picture, empty where it is not known.
func (r *rendition) mediaType() string {
	mediaType, _ := r.pictureType()
	return mediaType
}

// webTypes are those that browsers show; an unknown type may be one.
var webTypes = []string{"", "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/svg+xml"}

// score rates a rendition against the original: of two scores the first difference
// decides, and less is better.
func score(m *member[rendition], original *rendition) []int {
	r := m.value
	rare, crop, fit, width := 0, 0, 3, -int(r.Width)
	if !slices.Contains(webTypes, r.mediaType()) {
		rare = 1
	}
	if min(r.Width, r.Height, original.Width, original.Height) > 0 {
		a, b := float64(r.Width)/float64(r.Height), float64(original.Width)/float64(original.Height)
		if math.Abs(a-b) > 0.03*b {
			crop = 1
		}
	}
	switch {
	case r.Width > mostWidth:
		fit, width = 2, int(r.Width)
	case r.Width >= leastWidth:
		fit = 0
	case r.Width <= 0:
		fit = 1
	}
	name := slices.Index(preferred, strings.ToLower(m.name))
	if name < 0 {
		name = len(preferred)
	}
	return []int{rare, crop, fit, width, name}
}
