package web_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// parse prints what Python's feedparser finds at an address: the status, and titles.
const parse = `import sys, feedparser
found = feedparser.parse(sys.argv[1], request_headers=dict(h.split(": ", 1) for h in sys.argv[2:]))
print(found.status, *(e.title for e in found.entries))`

// Programs of others read a partner's feed by each way to offer a key.
func TestOtherProgramsReadAPartnersFeed(t *testing.T) {
	l := newLive(t)
	l.withPartner()
	l.publish("a", 1, 1, func(g *gallery.Gallery) { g.Rights.Deny = []string{"public"} })
	server := httptest.NewServer(l.handler)
	defer server.Close()
	at := server.URL + "/partners/msn"
	host := strings.TrimPrefix(server.URL, "http://")
	for name, c := range map[string]struct{ command, want []string }{
		"curl, Basic":               {[]string{"curl", "-sS", "-f", "-u", "msn:" + secret, at + "/feed.rss"}, nil},
		"curl, Basic in an address": {[]string{"curl", "-sS", "-f", "http://msn:" + secret + "@" + host + "/partners/msn/feed.atom"}, nil},
		"curl, Bearer":              {[]string{"curl", "-sS", "-f", "--oauth2-bearer", secret, at + "/feed.json"}, nil},
		"curl, path":                {[]string{"curl", "-sS", "-f", "--compressed", at + "/~" + secret + "/feed.rss"}, nil},
		"feedparser, Bearer":        {[]string{"/usr/bin/python3", "-c", parse, at + "/feed.atom", "Authorization: Bearer " + secret}, []string{"200 "}},
		"feedparser, Basic":         {[]string{"/usr/bin/python3", "-c", parse, "http://msn:" + secret + "@" + host + "/partners/msn/feed.rss"}, []string{"200 "}},
		"feedparser, path":          {[]string{"/usr/bin/python3", "-c", parse, at + "/~" + secret + "/feed.rss"}, []string{"200 "}},
	} {
		out, err := exec.Command(c.command[0], c.command[1:]...).CombinedOutput()
		text := string(out)
		if err != nil && os.Getenv("CI") == "" && (strings.Contains(err.Error(), "not found") || strings.Contains(err.Error(), "no such file") || strings.Contains(text, "No module named")) {
			t.Logf("%s is not installed: %v", name, err)
			continue
		}
		for _, want := range append(c.want, "Title of a") {
			if err != nil || !strings.Contains(text, want) {
				t.Errorf("%s: %v, without %q:\n%s", name, err, want, text)
			}
		}
	}
}
