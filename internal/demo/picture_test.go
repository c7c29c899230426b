package demo_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gallerywire/gallerywire/internal/demo"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

func request(s *demo.Studio, method, path string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	s.Pictures().ServeHTTP(w, r)
	return w
}

// fetch returns the picture at address as a reader gets it.
func fetch(t *testing.T, s *demo.Studio, address string) []byte {
	t.Helper()
	path, ok := strings.CutPrefix(address, imageBase)
	if !ok {
		t.Fatalf("%s is not below %s", address, imageBase)
	}
	w := request(s, http.MethodGet, path, nil)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" {
		t.Fatalf("GET %s: %d, %v", path, w.Code, w.Header())
	}
	return w.Body.Bytes()
}

// everyGallery returns the samples and one of each of the small galleries.
func everyGallery(t *testing.T, s *demo.Studio) []gallery.Gallery {
	t.Helper()
	all := galleries(t, s)
	for n := 2; n <= 22; n += 2 {
		if g := next(t, s, n).Gallery; g != nil {
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
	if len(data) >= 40_000 {
		t.Errorf("%d bytes", len(data))
	}
}

func TestPicturesAreAsTheGalleriesSay(t *testing.T) {
	s := studio(t)
	for _, g := range everyGallery(t, s) {
		for _, sl := range g.Slides {
			data := fetch(t, s, sl.Image.URL)
			if int64(len(data)) != sl.Image.Bytes {
				t.Errorf("%s has %d bytes, the gallery says %d", sl.Image.URL, len(data), sl.Image.Bytes)
			}
			checkSize(t, data, sl.Image.Width, sl.Image.Height)
			checkSize(t, fetch(t, s, sl.Image.Thumbnail), 300, 200)
		}
	}
}

func TestPicturesOfOneGalleryDiffer(t *testing.T) {
	s := studio(t)
	g := sample(t, "cecot-terrorism-confinement-center")
	seen := make(map[string]string)
	for _, sl := range g.Slides {
		for _, address := range []string{sl.Image.URL, sl.Image.Thumbnail} {
			data := string(fetch(t, s, address))
			if other, ok := seen[data]; ok {
				t.Errorf("%s and %s are the same picture", address, other)
			}
			seen[data] = address
		}
	}
}

func TestPicturesAreTheSameWhoeverAsksAndWhen(t *testing.T) {
	want := fetch(t, studio(t), imageBase+"/signs-and-sons/1.png")
	s := newStudio(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			w := request(s, http.MethodGet, "/signs-and-sons/1.png", nil)
			if !bytes.Equal(w.Body.Bytes(), want) {
				t.Error("the bytes differ")
			}
		})
	}
	all.Wait()
}

func TestPicturesMayBeCachedAndRevalidated(t *testing.T) {
	s := studio(t)
	w := request(s, http.MethodHead, "/signs-and-sons/1-s.png", nil)
	if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	if cc := w.Header().Get("Cache-Control"); cc != "public, max-age=3600" {
		t.Errorf("Cache-Control %q", cc)
	}
	etag := http.Header{"If-None-Match": {w.Header().Get("ETag")}}
	if w := request(s, http.MethodGet, "/signs-and-sons/1-s.png", etag); w.Code != http.StatusNotModified {
		t.Errorf("with its ETag: %d", w.Code)
	}
}

func TestOtherAddressesAreNotFound(t *testing.T) {
	s := studio(t)
	for _, path := range []string{
		"/", "/signs-and-sons", "/signs-and-sons/", "/signs-and-sons/6.png", "/signs-and-sons/1.jpg", "/signs-and-sons/1",
		"/signs-and-sons/1-s-s.png", "/nothing/1.png", "/signs-and-sons/../signs-and-sons/1.png", "/samples/cecot.json",
	} {
		if w := request(s, http.MethodGet, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
}

func TestPicturesCannotBePosted(t *testing.T) {
	w := request(newStudio(t), http.MethodPost, "/signs-and-sons/1.png", nil)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}
