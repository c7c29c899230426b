package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// deltaSite is a site whose feed has changed by one of three galleries since it
// had the entity tag.
func deltaSite(t *testing.T) (l *live, etag string) {
	t.Helper()
	l = newLive(t)
	for i, id := range []string{"a", "b", "c"} {
		l.publish(id, i, 1)
	}
	etag = l.get("/feeds/all.atom").Header.Get("ETag")
	l.publish("b", 1, 2)
	return l, etag
}

func TestADeltaIsForThoseWhoAskForIt(t *testing.T) {
	l, old := deltaSite(t)
	whole := l.get("/feeds/all.atom").Header.Get("ETag")
	gzipOf := func(etag string) string { return strings.TrimSuffix(etag, `"`) + `-gzip"` }
	for _, c := range []struct {
		name   string
		aim    string
		have   string
		accept string
		status int
	}{
		{"asks and has it", "feed", old, "", 226},
		{"weakened by a proxy", "feed", "W/" + old, "", 226},
		{"in a list", "feed", `"x", ` + old + `,"y"`, "", 226},
		{"of the compressed form", "feed", gzipOf(old), "", 226},
		{"compressed", "feed", gzipOf(old), "gzip", 226},
		{"with others", "vcdiff, Feed ;q=0.5, gzip", old, "", 226},
		{"does not want it", "feed;q=0", old, "", 200},
		{"does not want it at all", "feed; q=0.000", old, "", 200},
		{"asks for another", "vcdiff", old, "", 200},
		{"asks for something like it", "feeds", old, "", 200},
		{"asks for nothing", "", old, "", 200},
		{"has nothing", "feed", "", "", 200},
		{"has an unknown one", "feed", `"unknown"`, "", 200},
		{"has it already", "feed", whole, "", 304},
		{"has anything", "feed", "*", "", 304},
		{"has both", "feed", old + "," + whole, "", 304},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"Accept-Encoding", c.accept}
			if c.aim != "" {
				headers = append(headers, "A-IM", c.aim)
			}
			if c.have != "" {
				headers = append(headers, "If-None-Match", c.have)
			}
			res := l.get("/feeds/all.atom", headers...)
			if res.StatusCode != c.status {
				t.Fatalf("%s, want %d", res.Status, c.status)
			}
			if c.status != 226 {
				wantHeader(t, res, "IM", "")
				wantHeader(t, res, "Cache-Control", "public, max-age=60, must-revalidate")
				return
			}
			wantHeader(t, res, "IM", "feed")
			wantHeader(t, res, "Cache-Control", "private, no-store")
			wantHeader(t, res, "Vary", "Accept-Encoding, Sec-Fetch-Dest, A-IM, If-None-Match")
			wantHeader(t, res, "Content-Type", "application/atom+xml; charset=utf-8")
			wantHeader(t, res, "X-Content-Type-Options", "nosniff")
			text, etag := "", whole
			if c.accept == "gzip" {
				text, etag = unzip(t, res), gzipOf(whole)
			} else {
				text = body(t, res)
			}
			wantHeader(t, res, "ETag", etag)
			if !strings.Contains(text, "Title of b, 2") || strings.Contains(text, "Title of a") {
				t.Errorf("tells of what did not change, or not of what did:\n%s", text)
			}
		})
	}
}

// What a reader has after a delta is the whole, and the answer says so.
func TestTheTagOfADeltaIsOfTheWhole(t *testing.T) {
	l, old := deltaSite(t)
	etag := l.get("/feeds/all.atom", "A-IM", "feed", "If-None-Match", old).Header.Get("ETag")
	if res := l.get("/feeds/all.atom", "A-IM", "feed", "If-None-Match", etag); res.StatusCode != 304 {
		t.Error(res.Status)
	}
	l.publish("d", 0, 1)
	if res := l.get("/feeds/all.atom", "A-IM", "feed", "If-None-Match", etag); res.StatusCode != 226 || strings.Contains(body(t, res), "Title of b") {
		t.Error(res.Status)
	}
}

func TestTheHeadOfADelta(t *testing.T) {
	l, old := deltaSite(t)
	get := l.get("/feeds/all.atom", "A-IM", "feed", "If-None-Match", old, "X-Request-Id", "r")
	head := ask(t, l.handler, http.MethodHead, "/feeds/all.atom", "A-IM", "feed", "If-None-Match", old, "X-Request-Id", "r")
	if head.StatusCode != 226 || body(t, head) != "" || head.Header.Get("Content-Length") != get.Header.Get("Content-Length") {
		t.Errorf("%s, %s bytes", head.Status, head.Header.Get("Content-Length"))
	}
}
