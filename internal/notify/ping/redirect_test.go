package ping

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
)

func TestNoRedirectFromHTTPSToHTTP(t *testing.T) {
	from := &url.URL{Scheme: "https", Host: "hub.example.net", Path: "/hub"}
	for location, want := range map[string]string{
		"http://hub.example.net/":  "",
		"https://hub.example.org/": "https://hub.example.org/",
		"/moved":                   "https://hub.example.net/moved",
	} {
		res := &outbound.Response{Status: http.StatusMovedPermanently, Header: http.Header{"Location": {location}}}
		to, moved := redirectTarget(from, res)
		if moved != (want != "") || moved && to.String() != want {
			t.Errorf("to %s: %v, %v", location, to, moved)
		}
	}
}
