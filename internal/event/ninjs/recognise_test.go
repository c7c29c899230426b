package ninjs

import (
	"errors"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// ours are galleries in our own form and the envelopes around them.
var ours = []string{
	`{"id":"a","guid":"https://old.example.com/?p=17","title":"T","published":"2026-11-20T09:00:00Z","slides":[]}`,
	`{"id":"a","guid":"g","title":"T","published":"2026-11-20T09:00:00Z","type":"picture","versioncreated":"x"}`,
	`{"id":"a","uri":"u","title":"T","type":"text","slides":[{"image":{"url":"https://img.example.com/1.jpg","type":"image/jpeg"}}]}`,
	`{"id":"a","title":"T","published":"2026-11-20T09:00:00Z","pubstatus":"usable"}`,
	`{"id":"a","updated":"2026-11-20T09:00:00Z","version":2,"reason":"wrong"}`,
	`{"specversion":"1.0","id":"1","source":"s","type":"text","data":{"guid":"g","versioncreated":"x"},"guid":"g"}`,
	`{"id":"a","data":{"guid":"g","versioncreated":"2026-11-20T09:00:00Z"}}`,
}

func TestOurOwnFormsAreNotNinjs(t *testing.T) {
	for _, data := range ours {
		if Recognise([]byte(data)) {
			t.Errorf("taken for ninjs: %s", data)
		}
	}
}

func TestNinjsIsRecognisedByItsMembers(t *testing.T) {
	for data, want := range map[string]bool{
		`{"guid":"g","versioncreated":"2026-11-20T09:00:00Z"}`:    true,
		`{"uri":"u","pubstatus":"canceled"}`:                      true,
		`{"uri":"u","type":"picture","title":"T"}`:                true,
		`{"guid":"g","type":"composite","guid":"h"}`:              true,
		`{"guid":"g","type":"something"}`:                         false,
		`{"guid":"g"}`:                                            false,
		`{"type":"text","versioncreated":"2026-11-20T09:00:00Z"}`: false,
		`{"x":{"guid":"g"},"type":"text"}`:                        false,
		`[{"guid":"g","type":"text"}]`:                            false,
		`{"guid":"g","type":"text"`:                               false,
		`{"guid":"g","type":"text"} {}`:                           false,
		``:                                                        false,
		`"guid"`:                                                  false,
	} {
		if got := Recognise([]byte(data)); got != want {
			t.Errorf("%s: %t, want %t", data, got, want)
		}
	}
}

func FuzzRecogniseLeavesOurOwnFormAlone(f *testing.F) {
	f.Add("a", "g", "picture", "usable")
	f.Add("", "", "", `","specversion":"`)
	f.Fuzz(func(t *testing.T, id, guid, kind, status string) {
		data := encode(t, map[string]any{
			"id": id, "title": "T", "published": "2026-11-20T09:00:00Z", "guid": guid, "type": kind, "pubstatus": status,
			"versioncreated": id, id: guid, kind: status,
		})
		if Recognise(data) {
			t.Errorf("taken for ninjs: %s", data)
		}
	})
}

func FuzzDecodeAcceptsOnlyWhatValidates(f *testing.F) {
	for _, file := range items(f) {
		f.Add(read(f, file))
	}
	for _, data := range ours {
		f.Add([]byte(data))
	}
	f.Add([]byte(`{"guid":"g","pubstatus":"canceled","versioncreated":"2026-11-20T10:00:00+0000"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		item, err := Decode(data, template)
		var ps gallery.Problems
		switch {
		case err != nil && (!errors.As(err, &ps) || len(ps) == 0 || item != nil):
			t.Fatalf("refused with %#v", err)
		case err != nil:
			checkBounded(t, ps)
		case item.Gallery == nil:
			checkTakeDown(t, item)
		default:
			checkGallery(t, item)
		}
	})
}

func checkBounded(t *testing.T, ps gallery.Problems) {
	t.Helper()
	for _, p := range ps {
		if len(p.Place) > maxPlace || len(p.Reason) > 2000 || p.Place != "" && p.Place[0] != '/' {
			t.Errorf("problem %q", p)
		}
	}
	if len(ps) > maxProblems {
		t.Errorf("%d problems", len(ps))
	}
}

func checkTakeDown(t *testing.T, item *Item) {
	t.Helper()
	if item.ID == "" || item.Gallery != nil || item.Reason != canceled && item.Reason != withheld {
		t.Errorf("take-down %+v", item)
	}
}

func checkGallery(t *testing.T, item *Item) {
	t.Helper()
	g := item.Gallery
	if ps := g.Validate(); len(ps) > 0 {
		t.Errorf("accepted, but %v", ps)
	}
	if item.ID != g.ID || !item.Updated.Equal(g.Updated) || item.Version != g.Version {
		t.Errorf("item %+v of another revision than its gallery", item)
	}
}
