package feed

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"golang.org/x/net/idna"
)

// address returns raw as an absolute http or https address in ASCII, "" when
// it is none. A relative one is resolved against base, which may be nil.
func address(raw string, base *url.URL) string {
	raw = strings.TrimSpace(gallery.Text(raw))
	if raw == "" {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if !u.IsAbs() && base != nil {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return ""
	}
	if !asciiHost(u) {
		return ""
	}
	u.RawQuery = escapeQuery(u.RawQuery)
	return u.String()
}

// asciiHost replaces an international host name by its ASCII form; false when
// it has none.
func asciiHost(u *url.URL) bool {
	if isASCII(u.Host) {
		return true
	}
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if err != nil {
		return false
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	u.Host = host
	return true
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// escapeQuery percent-encodes what may not stand in a query; net/url leaves
// it as it was.
func escapeQuery(q string) string {
	ok := func(c byte) bool { return c > ' ' && c < 0x7F && strings.IndexByte("\"<>\\^`{|}", c) < 0 }
	var b strings.Builder
	for i := range len(q) {
		if ok(q[i]) {
			b.WriteByte(q[i])
			continue
		}
		fmt.Fprintf(&b, "%%%02X", q[i])
	}
	return b.String()
}

// mediaType returns the media type of a picture: the one given if it looks
// like one, else what its address says, else "".
func mediaType(given, addr string) string {
	given = strings.ToLower(strings.TrimSpace(given))
	if kind, sub, ok := strings.Cut(given, "/"); ok && isToken(kind) && isToken(sub) {
		return given
	}
	if i := strings.IndexAny(addr, "?#"); i >= 0 {
		addr = addr[:i]
	}
	switch strings.ToLower(path.Ext(addr)) {
	case ".jpg", ".jpeg", ".jpe", ".jfif":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".avif":
		return "image/avif"
	case ".svg":
		return "image/svg+xml"
	case ".heic":
		return "image/heic"
	case ".heif":
		return "image/heif"
	case ".tif", ".tiff":
		return "image/tiff"
	case ".bmp":
		return "image/bmp"
	case ".jxl":
		return "image/jxl"
	}
	return ""
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("!#$&-^_.+", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// pictureType is mediaType where a format requires one.
func (p *picture) pictureType() string {
	if p.mediaType == "" {
		return "image/jpeg"
	}
	return p.mediaType
}
