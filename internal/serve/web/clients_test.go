package web_test

import (
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// parse prints what Python's feedparser finds at an address: the status, and titles.
const parse = `import sys, feedparser
found = feedparser.parse(sys.argv[1], request_headers=dict(h.split(": ", 1) for h in sys.argv[2:]))
print(found.status, *(e.title for e in found.entries))`

// rssParser prints what npm's rss-parser finds.
const rssParser = `const [url, authorization] = process.argv.slice(1), Parser = require("rss-parser");
new Parser({headers: authorization ? {authorization} : {}}).parseURL(url).then((f) => console.log(...f.items.map((i) => i.title)));`

// newsboat returns the command that reads a feed, and prints how many articles are new.
func newsboat(t *testing.T, address string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "urls"), []byte(address+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"newsboat", "-u", filepath.Join(dir, "urls"), "-c", filepath.Join(dir, "cache"), "-C", os.DevNull, "-x", "reload", "print-unread"}
}

// Programs of others read a partner's feed by each way to offer a key.
func TestOtherProgramsReadAPartnersFeed(t *testing.T) {
	l := newLive(t)
	l.withPartner()
	l.publish("a", 1, 1, func(g *gallery.Gallery) { g.Rights.Deny = []string{"public"} })
	server := httptest.NewServer(l.handler)
	defer server.Close()
	at := server.URL + "/partners/msn"
	host := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("HOME", t.TempDir()) // where newsboat wants a folder
	t.Setenv("NODE_PATH", "../../app/testdata/subscriber/node_modules")
	for name, c := range map[string]struct {
		command []string
		want    string
	}{
		"curl, Basic":               {[]string{"curl", "-sS", "-f", "-u", "msn:" + secret, at + "/feed.rss"}, "Title of a"},
		"curl, Basic in an address": {[]string{"curl", "-sS", "-f", "http://msn:" + secret + "@" + host + "/partners/msn/feed.atom"}, "Title of a"},
		"curl, Bearer":              {[]string{"curl", "-sS", "-f", "--oauth2-bearer", secret, at + "/feed.json"}, "Title of a"},
		"curl, path":                {[]string{"curl", "-sS", "-f", "--compressed", at + "/~" + secret + "/feed.rss"}, "Title of a"},
		"feedparser, Bearer":        {[]string{"/usr/bin/python3", "-c", parse, at + "/feed.atom", "Authorization: Bearer " + secret}, "200 Title of a"},
		"feedparser, Basic":         {[]string{"/usr/bin/python3", "-c", parse, "http://msn:" + secret + "@" + host + "/partners/msn/feed.rss"}, "200 Title of a"},
		"feedparser, path":          {[]string{"/usr/bin/python3", "-c", parse, at + "/~" + secret + "/feed.rss"}, "200 Title of a"},
		"rss-parser, Bearer":        {[]string{"node", "-e", rssParser, at + "/feed.rss", "Bearer " + secret}, "Title of a"},
		"rss-parser, Basic":         {[]string{"node", "-e", rssParser, "http://msn:" + secret + "@" + host + "/partners/msn/feed.atom"}, "Title of a"},
		"rss-parser, path":          {[]string{"node", "-e", rssParser, at + "/~" + secret + "/feed.rss"}, "Title of a"},
		"newsboat, Basic":           {newsboat(t, "http://msn:"+secret+"@"+host+"/partners/msn/feed.rss"), "1 unread articles"},
		"newsboat, path":            {newsboat(t, at+"/~"+secret+"/feed.atom"), "1 unread articles"},
	} {
		out, err := exec.Command(c.command[0], c.command[1:]...).CombinedOutput()
		text := string(out)
		missing := errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || strings.Contains(text, "No module named") || strings.Contains(text, "Cannot find module")
		if missing && os.Getenv("CI") == "" {
			t.Logf("%s is not installed: %v", name, err)
			continue
		}
		if err != nil || !strings.Contains(text, c.want) {
			t.Errorf("%s: %v, without %q:\n%s", name, err, c.want, text)
		}
	}
}
