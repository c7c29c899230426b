package web_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func TestAFeedIsServedInEachFormat(t *testing.T) {
	s := newSite(t)
	for f, contentType := range map[feed.Format]string{
		feed.RSS:  "application/rss+xml; charset=utf-8",
		feed.Atom: "application/atom+xml; charset=utf-8",
		feed.JSON: "application/feed+json; charset=utf-8",
	} {
		res := s.get("/feeds/all." + f.String())
		if got := body(t, res); res.StatusCode != 200 || got != string(s.document(f).Bytes()) {
			t.Errorf("%s: %s, %d bytes", f, res.Status, len(got))
		}
		for name, want := range map[string]string{
			"Content-Type":                  contentType,
			"Content-Length":                strconv.Itoa(len(s.document(f).Bytes())),
			"Etag":                          s.document(f).ETag,
			"Last-Modified":                 date(noon.Add(-time.Hour)),
			"Cache-Control":                 "public, max-age=60, must-revalidate",
			"Vary":                          "Accept-Encoding, Sec-Fetch-Dest",
			"Access-Control-Allow-Origin":   "*",
			"Access-Control-Expose-Headers": "ETag, Last-Modified, Link, IM",
			"Content-Security-Policy":       "default-src 'none'; style-src 'self'; img-src *; sandbox",
			"X-Content-Type-Options":        "nosniff",
		} {
			wantHeader(t, res, name, want)
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/feeds/all.rss", "/feeds/all.json", "/feeds/old.json", "/feeds/none.json", "/healthz", "/readyz"} {
		for _, accept := range []string{"", "gzip"} {
			get := s.get(path, "Accept-Encoding", accept, "X-Request-Id", "r")
			head := s.request(http.MethodHead, path, "Accept-Encoding", accept, "X-Request-Id", "r")
			if head.StatusCode != get.StatusCode {
				t.Errorf("HEAD %s: %s, GET: %s", path, head.Status, get.Status)
			}
			if diff := cmp.Diff(get.Header, head.Header); diff != "" {
				t.Errorf("HEAD %s (-get +head):\n%s", path, diff)
			}
		}
	}
	if got := body(t, s.request(http.MethodHead, "/feeds/all.rss")); got != "" {
		t.Errorf("HEAD has a body of %d bytes", len(got))
	}
}

func TestACompressedFeedIsTheSameFeed(t *testing.T) {
	s := newSite(t)
	res := s.get("/feeds/all.atom", "Accept-Encoding", "gzip")
	etag := s.document(feed.Atom).ETag
	wantHeader(t, res, "ETag", strings.TrimSuffix(etag, `"`)+`-gzip"`)
	wantHeader(t, res, "Content-Encoding", "gzip")
	compressed := body(t, res)
	wantHeader(t, res, "Content-Length", strconv.Itoa(len(compressed)))
	z, err := gzip.NewReader(strings.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || string(got) != string(s.document(feed.Atom).Bytes()) {
		t.Errorf("%d bytes after decompression: %v", len(got), err)
	}
}

func TestUnknownFeeds(t *testing.T) {
	s := newSite(t)
	for path, reason := range map[string]string{
		"/feeds/none.rss":    "no such feed: the feeds are listed at /",
		"/feeds/all":         "no such feed: addresses end in .rss, .atom or .json",
		"/feeds/all.xml":     "no such feed: addresses end in .rss, .atom or .json",
		"/feeds/all.RSS":     "no such feed: addresses end in .rss, .atom or .json",
		"/feeds/.rss":        "no such feed: addresses end in .rss, .atom or .json",
		"/feeds/all.rss.rss": "no such feed: the feeds are listed at /",
		"/feeds/%2e%2e.json": "no such feed: the feeds are listed at /",
	} {
		res := s.get(path)
		if got := body(t, res); res.StatusCode != 404 || got != reason+"\n" {
			t.Errorf("%s: %s, %q", path, res.Status, got)
		}
		wantHeader(t, res, "Content-Type", "text/plain; charset=utf-8")
		wantHeader(t, res, "X-Content-Type-Options", "nosniff")
		wantHeader(t, res, "Cache-Control", "no-store")
		wantHeader(t, res, "Access-Control-Allow-Origin", "*")
	}
}

func TestAFormerNameLeadsToThePresentOne(t *testing.T) {
	s := newSite(t)
	res := s.get("/feeds/old.atom")
	if res.StatusCode != http.StatusMovedPermanently {
		t.Error(res.Status)
	}
	wantHeader(t, res, "Location", "/feeds/all.atom")
	wantHeader(t, res, "Cache-Control", "public, max-age=60, must-revalidate")
}

func TestAFeedThatIsNotAvailable(t *testing.T) {
	s := newSite(t)
	s.editions.err = fmt.Errorf("feed %q: %w: %w", "all", edition.ErrUnavailable, errors.New("no connection to nats"))
	res := s.get("/feeds/all.atom")
	if got := body(t, res); res.StatusCode != 503 || strings.Contains(got, "nats") {
		t.Errorf("%s: %q", res.Status, got)
	}
	wantHeader(t, res, "Retry-After", "1")
	wantHeader(t, res, "Cache-Control", "no-store")
	wantHeader(t, res, "ETag", "")
	if log := s.log.String(); !strings.Contains(log, "no connection to nats") || !strings.Contains(log, "feed=all") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) {
	s := newSite(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, "PROPFIND"} {
		for path, allow := range map[string]string{"/feeds/all.rss": "GET, HEAD, OPTIONS", "/healthz": "GET, HEAD", "/none": "GET, HEAD"} {
			res := s.request(method, path)
			if res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %s", method, path, res.Status)
			}
			wantHeader(t, res, "Allow", allow)
			wantHeader(t, res, "Cache-Control", "no-store")
			wantHeader(t, res, "X-Content-Type-Options", "nosniff")
			if got := body(t, res); got != "this address takes only "+allow+"\n" {
				t.Errorf("%s %s says %q", method, path, got)
			}
		}
	}
}

func TestOtherOriginsMayAskConditionally(t *testing.T) {
	res := newSite(t).request(http.MethodOptions, "/feeds/all.json",
		"Origin", "https://reader.example.com", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "if-none-match")
	if res.StatusCode != http.StatusNoContent {
		t.Error(res.Status)
	}
	wantHeader(t, res, "Access-Control-Allow-Origin", "*")
	wantHeader(t, res, "Access-Control-Allow-Methods", "GET, HEAD")
	wantHeader(t, res, "Access-Control-Allow-Headers", "If-None-Match, If-Modified-Since, A-IM")
	wantHeader(t, res, "Access-Control-Max-Age", "86400")
}
