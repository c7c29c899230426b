package gallery

import (
	"strings"
	"testing"
)

func TestPictureType(t *testing.T) {
	for _, c := range []struct{ given, addr, want, other string }{
		{"image/webp", "https://example.com/a.jpg", "image/webp", ""},
		{"", "https://example.com/a.JPEG?x=.png", "image/jpeg", ""},
		{"nonsense", "https://example.com/a.png#b", "image/png", ""},
		{"", "https://example.com/a", "", ""},
		{"jpeg", "https://example.com/a", "image/jpeg", ""},
		{".PNG", "https://example.com/a", "image/png", ""},
		{"image/jpg", "", "image/jpeg", ""},
		{"image/pjpeg", "", "image/jpeg", ""},
		{" IMAGE/JPEG; charset=binary", "", "image/jpeg", ""},
		{"image/svg", "", "image/svg+xml", ""},
		{"image/*", "https://example.com/a.gif", "image/gif", ""},
		{"image", "https://example.com/a.avif", "image/avif", ""},
		{"image/x-canon-cr2", "", "image/x-canon-cr2", ""},
		{"application/octet-stream", "https://example.com/a.jpg", "image/jpeg", ""},
		{"binary/octet-stream", "https://example.com/a", "", ""},
		{"image/a b", "https://example.com/a", "", ""},
		{"image/jpeg", "https://example.com/a.mp4", "image/jpeg", ""}, // a still, made by the server
		{"video/mp4", "https://example.com/a.jpg", "", "a video"},
		{"VIDEO/MP4;codecs=avc1", "", "", "a video"},
		{"mp4", "", "", "a video"},
		{"", "https://example.com/a.MP4?x=1.jpg", "", "a video"},
		{"application/octet-stream", "https://example.com/a.webm", "", "a video"},
		{"audio/mpeg", "", "", "audio"},
		{"text/html; charset=utf-8", "https://example.com/a.jpg", "", "a page"},
		{"application/pdf", "", "", "a document"},
	} {
		if got, other := PictureType(c.given, c.addr); got != c.want || other != c.other {
			t.Errorf("%q at %q is %q %q, want %q %q", c.given, c.addr, got, other, c.want, c.other)
		}
	}
}

func TestOtherFilesAreRefusedAsPictures(t *testing.T) {
	for _, c := range []struct{ url, mediaType, want string }{
		{"https://v.example.com/v.mp4", "video/mp4", `/slides/0/image/type: "video/mp4" is a video`},
		{"https://v.example.com/v.jpg", "text/html", `/slides/0/image/type: "text/html" is a page`},
		{"https://v.example.com/v.mov", "", `/slides/0/image/url: names a video`},
		{"https://v.example.com/v.mov", "image/png", ""},
	} {
		g := Gallery{ID: "a", Title: "T", Published: day(2), Slides: []Slide{{Image: Image{URL: c.url, Type: c.mediaType}}}}
		g.Normalise()
		if got := g.Validate().Error(); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c, got, c.want)
		}
	}
}
