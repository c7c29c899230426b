package feed

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

func TestIDs(t *testing.T) {
	const tag = "tag:news.example.com,2026:"
	tests := []struct{ name, id, guid, want, atom string }{
		{"plain", "harbour-lights", "", tag + "harbour-lights", tag + "harbour-lights"},
		{"with a path", "a/b:c", "", tag + "a/b:c", tag + "a/b:c"},
		{"like a feed", "/feeds/all", "", tag + "%2Ffeeds/all", tag + "%2Ffeeds/all"},
		{"awkward", "ä %?#", "", tag + "%C3%A4%20%25%3F%23", tag + "%C3%A4%20%25%3F%23"},
		{"publisher's address", "x", "https://old.example.com/?p=17", "https://old.example.com/?p=17", "https://old.example.com/?p=17"},
		{"publisher's number", "x", "12345", "12345", tag + "/guid/12345"},
		{"publisher's with what XML forbids", "x", "a\x01b", "ab", tag + "/guid/ab"},
		{"publisher's is blank", "x", " \x01", tag + "x", tag + "x"},
	}
	r := testRenderer()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &gallery.Gallery{ID: tt.id, GUID: tt.guid}
			if got := r.ID(g); got != tt.want {
				t.Errorf("ID %q, want %q", got, tt.want)
			}
			if got := r.AtomID(g); got != tt.atom {
				t.Errorf("Atom id %q, want %q", got, tt.atom)
			}
		})
	}
	if got := r.FeedID("all"); got != tag+"/feeds/all" {
		t.Errorf("FeedID %q", got)
	}
}

func TestALinkForPeopleHasTheQueryOfThePartner(t *testing.T) {
	const site = "https://news.example.com/a"
	for _, tt := range []struct{ name, query, url, want string }{
		{"none", "", site + "?b=1#c", site + "?b=1#c"},
		{"alone", "utm_source=msn", site, site + "?utm_source=msn"},
		{"beside another", "utm_source=msn", site + "?b=%20&c", site + "?b=%20&c&utm_source=msn"},
		{"in place of its name", "utm_source=msn&d", site + "?utm_source=rss&b=1&d=2&utm_source", site + "?b=1&utm_source=msn&d"},
		{"an empty one", "utm_source=msn", site + "?", site + "?utm_source=msn"},
		{"before a fragment", "utm_source=msn", site + "?b=1#/c?d=1", site + "?b=1&utm_source=msn#/c?d=1"},
	} {
		r := testRenderer().For(Partner{Audience: new(gallery.Audience), LinkQuery: tt.query})
		if got := r.Link(&gallery.Gallery{ID: "a", URL: tt.url}); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
