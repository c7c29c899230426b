package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

func TestIfNoneMatch(t *testing.T) {
	s := newSite(t)
	etag := s.document(feed.Atom).ETag
	_, zipped := s.document(feed.Atom).Gzip()
	for _, c := range []struct {
		name, given, accept string
		status              int
		etag                string
	}{
		{"the tag", etag, "", 304, etag},
		{"weakened by a proxy", "W/" + etag, "", 304, etag},
		{"in a list", `"a", W/"b" ,` + etag + `,"c"`, "", 304, etag},
		{"with a comma inside another", `"a,b",` + etag, "", 304, etag},
		{"anything", "*", "", 304, etag},
		{"of the compressed form, compressed", zipped, "gzip", 304, zipped},
		{"of the compressed form, as it is", zipped, "", 304, zipped},
		{"of the plain form, compressed", etag, "gzip", 304, etag},
		{"another", `"a"`, "", 200, etag},
		{"another, compressed", `"a"`, "gzip", 200, zipped},
		{"of another format", s.document(feed.RSS).ETag, "", 200, etag},
		{"a part of it", etag[:len(etag)-3] + `"`, "", 200, etag},
		{"without quotes", etag[1 : len(etag)-1], "", 200, etag},
		{"quoted inside another", `"x` + etag[1:len(etag)-1] + `"`, "", 200, etag},
		{"never closed", etag[:len(etag)-1], "", 200, etag},
		{"empty", "", "", 200, etag},
		{"commas", ",,,", "", 200, etag},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The date alone would say 304: it does not count.
			res := s.get("/feeds/all.atom", "If-None-Match", c.given, "Accept-Encoding", c.accept, "If-Modified-Since", date(noon))
			if res.StatusCode != c.status {
				t.Errorf("%s, want %d", res.Status, c.status)
			}
			wantHeader(t, res, "ETag", c.etag)
		})
	}
}

func TestIfNoneMatchInSeveralLines(t *testing.T) {
	s := newSite(t)
	if res := s.get("/feeds/all.atom", "If-None-Match", `"a"`, "If-None-Match", s.document(feed.Atom).ETag); res.StatusCode != 304 {
		t.Error(res.Status)
	}
}

func TestNotModifiedSaysWhatACacheNeeds(t *testing.T) {
	s := newSite(t)
	res := s.get("/feeds/all.rss", "If-None-Match", s.document(feed.RSS).ETag)
	wantHeader(t, res, "ETag", s.document(feed.RSS).ETag)
	wantHeader(t, res, "Cache-Control", "public, max-age=60, must-revalidate")
	wantHeader(t, res, "Vary", "Accept-Encoding, Sec-Fetch-Dest")
	wantHeader(t, res, "Last-Modified", date(noon.Add(-time.Hour)))
	wantHeader(t, res, "Content-Type", "")
	if got := body(t, res); got != "" {
		t.Errorf("body %q", got)
	}
}

func TestIfModifiedSince(t *testing.T) {
	touched := noon.Add(-time.Hour + 300*time.Millisecond)
	over := touched.Add(700 * time.Millisecond) // the whole second
	for _, c := range []struct {
		name, given string
		status      int
	}{
		{"the date", date(over), 304},
		{"after", date(over.Add(time.Minute)), 304},
		{"after, by a clock that may be ahead", date(over.Add(4 * time.Second)), 200},
		{"after, by any clock", date(over.Add(5 * time.Second)), 304},
		{"the second of the change", date(touched), 200},
		{"before", date(touched.Add(-time.Hour)), 200},
		{"the present", date(noon), 304},
		{"the future", date(noon.Add(time.Second)), 200},
		{"in an old format", over.Format(time.RFC850), 304},
		{"no date", "yesterday", 200},
		{"empty", "", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.publish("Two", touched)
			res := s.get("/feeds/all.json", "If-Modified-Since", c.given)
			if res.StatusCode != c.status {
				t.Errorf("%s, want %d", res.Status, c.status)
			}
			wantHeader(t, res, "Last-Modified", date(over))
		})
	}
}

func TestNoLastModifiedWhileAnotherChangeCouldShareIt(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		want string
	}{
		{-time.Minute, ""}, // the server's clock is ahead
		{0, ""},
		{time.Second, ""}, // it is over by our clock alone
		{5999 * time.Millisecond, ""},
		{6 * time.Second, date(noon.Add(-6 * time.Second))},
		{6500 * time.Millisecond, date(noon.Add(-6 * time.Second))},
	} {
		s := newSite(t)
		s.publish("Two", noon.Add(-c.age))
		res := s.get("/feeds/all.json", "If-Modified-Since", date(noon))
		wantHeader(t, res, "Last-Modified", c.want)
		if wantStatus := map[bool]int{true: 200, false: 304}[c.want == ""]; res.StatusCode != wantStatus {
			t.Errorf("%v after the change: %s, want %d", c.age, res.Status, wantStatus)
		}
	}
}

func TestSecondChangeInOneSecondIsNotAnsweredWith304(t *testing.T) {
	s := newSite(t)
	s.publish("First", noon.Add(100*time.Millisecond))
	for s.now = noon.Add(150 * time.Millisecond); s.now.Before(noon.Add(8 * time.Second)); s.now = s.now.Add(50 * time.Millisecond) {
		if s.now.Equal(noon.Add(900 * time.Millisecond)) {
			s.publish("Second", s.now)
		}
		first := s.get("/feeds/all.json")
		seen, modified := body(t, first), first.Header.Get("Last-Modified")
		if modified == "" {
			continue
		}
		later := s.get("/feeds/all.json", "If-Modified-Since", modified)
		if later.StatusCode == 304 && seen != string(s.document(feed.JSON).Bytes()) {
			t.Fatalf("false 304 at %s", s.now)
		}
	}
	wantHeader(t, s.get("/feeds/all.json"), "Last-Modified", date(noon.Add(time.Second)))
}

func TestEditionsWithoutADateHaveNoLastModified(t *testing.T) {
	s := newSite(t)
	s.publish("Cut", time.Time{})
	wantHeader(t, s.get("/feeds/all.json"), "Last-Modified", "")
	s.publish("Late", noon.Add(-time.Hour)).Undated = true
	res := s.get("/feeds/all.json", "If-Modified-Since", date(noon))
	wantHeader(t, res, "Last-Modified", "")
	if res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

func TestGzipNegotiation(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		accept []string
		gzip   bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"gzip"}, true},
		{[]string{"GZip"}, true},
		{[]string{"x-gzip"}, true},
		{[]string{"deflate, gzip;q=0.5, br"}, true},
		{[]string{"gzip ; q=0.001"}, true},
		{[]string{"br", "gzip"}, true},
		{[]string{"*"}, true},
		{[]string{"br;q=1, *;q=0.1"}, true},
		{[]string{"gzip;q=0"}, false},
		{[]string{"gzip;q=0.000, *"}, false},
		{[]string{"*, gzip;q=0"}, false},
		{[]string{"*;q=0"}, false},
		{[]string{"identity"}, false},
		{[]string{"br, deflate"}, false},
		{[]string{"gzip;q=lots"}, false},
		{[]string{"gzip;q=NaN"}, false},
		{[]string{"notgzip"}, false},
	} {
		var headers []string
		for _, line := range c.accept {
			headers = append(headers, "Accept-Encoding", line)
		}
		res := s.get("/feeds/all.rss", headers...)
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != c.gzip {
			t.Errorf("%q: gzip is %v, want %v", c.accept, got, c.gzip)
		}
		wantHeader(t, res, "Vary", "Accept-Encoding, Sec-Fetch-Dest")
	}
}

func date(at time.Time) string { return at.UTC().Format(http.TimeFormat) }
