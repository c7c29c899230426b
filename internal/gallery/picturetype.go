package gallery

import (
	"path"
	"strings"
)

// pictureTypes are the media types of pictures by the suffix of a file's name, which is
// also written instead of a type.
var pictureTypes = map[string]string{
	"jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "jfif": "image/jpeg", "pjpeg": "image/jpeg",
	"png": "image/png", "x-png": "image/png", "apng": "image/apng", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif",
	"svg": "image/svg+xml", "heic": "image/heic", "heif": "image/heif", "tif": "image/tiff", "tiff": "image/tiff",
	"bmp": "image/bmp", "x-bmp": "image/bmp", "x-ms-bmp": "image/bmp", "jxl": "image/jxl", "ico": "image/x-icon",
}

// otherFiles are the suffixes of files that are no pictures.
var otherFiles = map[string]string{
	"mp4": "a video", "m4v": "a video", "mov": "a video", "webm": "a video", "ogv": "a video", "avi": "a video", "mkv": "a video",
	"mpg": "a video", "mpeg": "a video", "wmv": "a video", "flv": "a video", "3gp": "a video", "m3u8": "a video", "mpd": "a video",
	"mp3": "audio", "m4a": "audio", "aac": "audio", "wav": "audio", "oga": "audio", "ogg": "audio", "flac": "audio", "opus": "audio",
	"pdf": "a document", "htm": "a page", "html": "a page", "video": "a video", "audio": "audio",
}

// PictureType returns the media type of the picture at addr with the type given: that in
// its registered spelling, else the type of the file's suffix, else "", which is a
// picture of an unknown type. If either belongs to something else, other is a word for
// that; a picture's type counts more than the suffix.
func PictureType(given, addr string) (mediaType, other string) {
	given, _, _ = strings.Cut(given, ";")
	given = strings.ToLower(strings.TrimSpace(given))
	kind, sub, two := strings.Cut(given, "/")
	switch {
	case given == "":
	case !two: // a word such as jpeg or .JPG
		given = strings.TrimPrefix(given, ".")
		if pictureTypes[given] != "" {
			return pictureTypes[given], ""
		}
		if otherFiles[given] != "" {
			return "", otherFiles[given]
		}
	case kind == "image":
		if pictureTypes[sub] != "" {
			return pictureTypes[sub], ""
		}
		if isToken(sub) && sub != "octet-stream" {
			return given, ""
		}
	case kind == "video":
		return "", "a video"
	case kind == "audio":
		return "", "audio"
	case sub == "html" || sub == "xhtml+xml":
		return "", "a page"
	case isToken(kind) && isToken(sub) && sub != "octet-stream" && sub != "unknown" && kind != "binary":
		return "", "a document"
	}
	addr, _, _ = strings.Cut(addr, "#")
	addr, _, _ = strings.Cut(addr, "?")
	end := strings.ToLower(strings.TrimPrefix(path.Ext(addr), "."))
	if mediaType = pictureTypes[end]; mediaType != "" {
		return mediaType, ""
	}
	return "", otherFiles[end]
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+", r)
	})
}
