package demo_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/demo"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

func request(c *demo.CMS, method, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	c.Pictures().ServeHTTP(w, r)
	return w
}

// fetch returns the picture at address as a reader gets it.
func fetch(t *testing.T, c *demo.CMS, address string) []byte {
	t.Helper()
	path, ok := strings.CutPrefix(address, imageBase)
	if !ok {
		t.Fatalf("%s is not below %s", address, imageBase)
	}
	w := request(c, http.MethodGet, path, nil)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" {
		t.Fatalf("GET %s: %d, %v", path, w.Code, w.Header())
	}
	return w.Body.Bytes()
}

// everyGallery returns the samples and one of each of the small galleries.
func everyGallery(t *testing.T, c *demo.CMS) []gallery.Gallery {
	t.Helper()
	all := c.Galleries()
	for n := 2; n <= 22; n += 2 {
		if g := next(t, c, n).Gallery; g != nil {
			all = append(all, *g)
		}
	}
	return all
}

func checkSize(t *testing.T, data []byte, width, height int) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := img.(*image.Paletted); !ok {
		t.Errorf("%T has no palette", img)
	}
	if got, want := img.Bounds(), image.Rect(0, 0, width, height); got != want {
		t.Errorf("bounds %v, want %v", got, want)
	}
	if len(data) >= 20_000 {
		t.Errorf("%d bytes", len(data))
	}
}

func TestPicturesAreAsTheGalleriesSay(t *testing.T) {
	c := newCMS(t)
	used := make(map[string]bool)
	for _, g := range everyGallery(t, c) {
		for _, sl := range g.Slides {
			used[sl.Image.URL], used[sl.Image.Thumbnail] = true, true
			data := fetch(t, c, sl.Image.URL)
			if int64(len(data)) != sl.Image.Bytes {
				t.Errorf("%s has %d bytes, the gallery says %d", sl.Image.URL, len(data), sl.Image.Bytes)
			}
			checkSize(t, data, sl.Image.Width, sl.Image.Height)
			checkSize(t, fetch(t, c, sl.Image.Thumbnail), 300, 200)
		}
	}
	files, err := os.ReadDir("pictures")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !used[imageBase+"/"+f.Name()] {
			t.Errorf("no sample uses %s", f.Name())
		}
	}
}

func TestPicturesMayBeCachedAndRevalidated(t *testing.T) {
	c := newCMS(t)
	w := request(c, http.MethodHead, "/tiles-s.png", nil)
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	if cc := w.Header().Get("Cache-Control"); cc != "public, max-age=3600" {
		t.Errorf("Cache-Control %q", cc)
	}
	etag := http.Header{"If-None-Match": {w.Header().Get("ETag")}}
	if w := request(c, http.MethodGet, "/tiles-s.png", etag); w.Code != http.StatusNotModified {
		t.Errorf("with its ETag: %d", w.Code)
	}
}

func TestOtherAddressesAreNotFound(t *testing.T) {
	c := newCMS(t)
	for _, path := range []string{
		"/", "/tiles", "/tiles/", "/tiles.jpg", "/tiles-s-s.png", "/none.png", "/pictures/tiles.png", "/../tiles.png",
		"/samples/cecot.json",
	} {
		if w := request(c, http.MethodGet, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
}

func TestPicturesCannotBePosted(t *testing.T) {
	w := request(newCMS(t), http.MethodPost, "/tiles.png", nil)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}
