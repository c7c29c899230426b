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
