package feed

import (
	"path"
	"strings"
)

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

// isAbsolute reports whether s, as it stands in a document, is an absolute http
// or https address in ASCII.
func isAbsolute(s []byte) bool {
	host := 0
	switch {
	case len(s) > len("http://") && string(s[:len("http://")]) == "http://":
		host = len("http://")
	case len(s) > len("https://") && string(s[:len("https://")]) == "https://":
		host = len("https://")
	}
	for _, c := range s {
		if c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return host > 0 && s[host] != '/' && s[host] != '?' && s[host] != '#'
}
