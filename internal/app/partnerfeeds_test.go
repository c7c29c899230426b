package app_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/credential"
)

// keyFile writes a new key of a partner and returns where.
func keyFile(t *testing.T, key string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "partner.key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func basicOf(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// Partners read by each way what is for them, and only that, until their key ends. Nothing
// of a key is in the log, which has every request.
func TestPartnersReadWhatIsForThem(t *testing.T) {
	t.Parallel()
	first, second, agencys := credential.NewKey(), credential.NewKey(), credential.NewKey()
	file := keyFile(t, first)
	node := serve(t, oneFeed+fmt.Sprintf(`
log: {requests: full}
partners:
  - {name: msn, title: For MSN, access: {keys: [{name: a, secret_file: %q}]}}
  - {name: agency, access: {keys: [{name: a, secret_file: %q}], path_keys: true, networks: [198.51.100.0/24]}}
nats: {embedded: {listen: "127.0.0.1:0"}}`, file, keyFile(t, agencys)))
	node.ready()
	cms := connect(t, node.nats)
	publish(t, cms, "article.published", restricted("only-msn", "Only for MSN", "Travel", `{"allow":["msn"]}`, "Staff", slideOf("open", "Staff", `{}`), slideOf("hushed", "Staff", `{"deny":["msn"]}`)))
	publish(t, cms, "article.published", restricted("for-all", "For everybody", "Travel", `{}`, "Staff", slideOf("open", "Staff", `{}`)))

	bearer, inPath := []string{"Authorization", "Bearer " + first}, "/partners/agency/~"+agencys
	node.eventually("both are served", func() bool {
		_, body := node.get("/partners/msn/feed.json", bearer...)
		return strings.Contains(body, "Only for MSN") && strings.Contains(body, "For everybody")
	})
	network := []string{"X-Forwarded-For", "198.51.100.7"}
	for _, c := range []struct {
		path    string
		headers []string
		status  int
		has     string // of the two, and what is hushed
	}{
		{"/feeds/all.json", nil, 200, "For everybody"},
		{"/galleries/only-msn", nil, 404, ""},
		{"/partners/msn/feed.rss", nil, 401, ""},
		{"/partners/msn/feed.rss", bearer, 200, "For everybody, Only for MSN"},
		{"/partners/msn/feed.atom", []string{"Authorization", basicOf("msn", first)}, 200, "For everybody, Only for MSN"},
		{"/partners/msn/feed.atom", []string{"Authorization", basicOf("agency", agencys)}, 401, ""},
		{"/partners/msn/", bearer, 200, "For everybody, Only for MSN"},
		{"/partners/msn/changes.json", bearer, 200, ""},
		{"/partners/msn/changes.json?since=x", bearer, 400, ""},
		{"/partners/msn/galleries/only-msn", bearer, 200, "Only for MSN"},
		{"/partners/msn/galleries/only-msn.json", bearer, 200, "Only for MSN"},
		{"/partners/msn/~" + first + "/feed.rss", nil, 404, ""}, // path_keys is off
		{"/partners/agency/feed.rss", append(network, "Authorization", "Bearer "+agencys), 200, "For everybody"},
		{inPath + "/feed.rss", network, 200, "For everybody"},
		{inPath + "/", network, 200, "For everybody"},
		{inPath + "/galleries/for-all", network, 200, "For everybody"},
		{inPath + "/galleries/only-msn", network, 404, ""},
		{inPath + "/feed.rss", nil, 403, ""},
		{"/partners/nobody/feed.rss", bearer, 404, ""},
	} {
		resp, body := node.get(c.path, c.headers...)
		if h := resp.Header; strings.HasPrefix(c.path, "/partners/") {
			caching, vary := h.Get("Cache-Control"), h.Get("Vary")
			if caching != "no-store" && !strings.HasPrefix(caching, "private, ") || !strings.Contains(vary, "Authorization") || h.Get("X-Robots-Tag") != "noindex" ||
				h.Get("Referrer-Policy") != "no-referrer" || h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: %v", strings.ReplaceAll(c.path, agencys, "KEY"), h)
			}
		}
		var has []string
		for _, text := range []string{"For everybody", "Only for MSN", "hushed"} {
			if strings.Contains(body, text) {
				has = append(has, text)
			}
		}
		if resp.StatusCode != c.status || strings.Join(has, ", ") != c.has {
			t.Errorf("%s %q: %s with %q, want %d with %q", strings.ReplaceAll(c.path, agencys, "KEY"), c.headers, resp.Status, has, c.status, c.has)
		}
	}

	if err := os.WriteFile(file, []byte(credential.HashOf(second).String()), 0o600); err != nil {
		t.Fatal(err)
	}
	node.eventually("the first key has ended", func() bool {
		resp, _ := node.get("/partners/msn/feed.rss", bearer...)
		return resp.StatusCode == http.StatusUnauthorized
	})
	if resp, _ := node.get("/partners/msn/feed.rss", "Authorization", "Bearer "+second); resp.StatusCode != http.StatusOK {
		t.Errorf("the new key: %s", resp.Status)
	}
	publish(t, cms, "article.unpublished", `{"id":"only-msn"}`)
	node.eventually("the take-down has arrived", func() bool {
		resp, _ := node.get("/partners/msn/galleries/only-msn.rss", "Authorization", "Bearer "+second)
		return resp.StatusCode == http.StatusNotFound
	})
	log := node.logs.String()
	for _, key := range []string{first, second, agencys} {
		if strings.Contains(log, key) {
			t.Errorf("a key is in the log:\n%s", log)
		}
	}
	if !strings.Contains(log, "/partners/agency/~…/feed.rss") && !strings.Contains(log, "/partners/msn/feed.rss") {
		t.Errorf("no request of a partner is in the log:\n%s", log)
	}
}
