package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// desk reads items of an agency that has pages for them.
var desk = Reader{MaxBytes: maxEvent, URLTemplate: "https://news.example.com/{section}/{slug}"}

const itemID = "urn:newsml:desk.example.com:2026-11-20:7"

// item is a usable one with two pictures.
func item(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "item.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustRead(t testing.TB, m Message) *Event {
	t.Helper()
	m.Stored = arrived
	e, err := desk.Decode(m)
	if err != nil {
		t.Fatalf("decode %.200s: %v", m.Data, err)
	}
	return e
}

func TestEveryFormOfAnItemIsOneRankAndOneGallery(t *testing.T) {
	data := item(t)
	var tight bytes.Buffer
	if err := json.Compact(&tight, data); err != nil {
		t.Fatal(err)
	}
	want := mustRead(t, Message{Subject: "article.published", Data: data})
	g := want.Gallery
	if g == nil || g.ID != itemID || g.URL != "https://news.example.com/travel/harbour-lights" || len(g.Slides) != 2 || g.Slides[0].Title != "Noon" {
		t.Fatalf("the item is %+v", g)
	}
	rank := gallery.Rank{Updated: time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC), Version: 3, Hash: gallery.HashOf(tight.Bytes())}
	if want.Rank != rank {
		t.Errorf("rank %v, want %v", want.Rank, rank)
	}
	for name, m := range forms(Published, data) {
		t.Run(name, func(t *testing.T) {
			e := mustRead(t, m)
			if e.Kind != Published || e.Rank != want.Rank || e.GalleryID() != itemID {
				t.Errorf("%s of %q with rank %v, want %v", e.Kind, e.GalleryID(), e.Rank, want.Rank)
			}
			if diff := cmp.Diff(want.Gallery, e.Gallery); diff != "" {
				t.Errorf("gallery (-bare +%s):\n%s", name, diff)
			}
			stored, err := desk.Gallery(m.Data)
			if err != nil {
				t.Fatalf("read back: %v", err)
			}
			if diff := cmp.Diff(want.Gallery, stored); diff != "" {
				t.Errorf("read back (-decoded +stored):\n%s", diff)
			}
		})
	}
}

func TestItemHasNoAddressWithoutATemplate(t *testing.T) {
	if e := mustDecode(t, Message{Data: item(t)}); e.Gallery.URL != "" {
		t.Errorf("address %q", e.Gallery.URL)
	}
}

func TestItemThatIsNotUsableIsATakeDownWhateverTheTypeIs(t *testing.T) {
	for _, status := range []string{"canceled", "withheld"} {
		data := bytes.Replace(item(t), []byte(`"usable"`), []byte(`"`+status+`"`), 1)
		want := gallery.Rank{
			Updated: time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC), Version: 3, TakeDown: true, Hash: contentHash(data),
		}
		for _, kind := range []Kind{Published, Unpublished} {
			for name, m := range forms(kind, data) {
				t.Run(status+" "+string(kind)+" "+name, func(t *testing.T) {
					e := mustRead(t, m)
					if e.Kind != Unpublished || e.Gallery != nil || e.Rank != want {
						t.Errorf("%s with rank %v, want %v", e.Kind, e.Rank, want)
					}
					if e.GalleryID() != itemID || e.Removed.Reason != status {
						t.Errorf("takes down %q because of %q", e.GalleryID(), e.Removed.Reason)
					}
				})
			}
		}
	}
}

func TestUnpublishedTakesDownAnyItemByItsID(t *testing.T) {
	const dated = `"versioncreated":"2026-11-20T08:00:00+0000"`
	tests := []struct{ name, data, reason string }{
		{"usable", `{"guid":"g",` + dated + `,"version":2,"pubstatus":"usable","headline":"h"}`, ""},
		{"without status", `{"guid":"g",` + dated + `,"version":"2"}`, ""},
		{"of an unknown status", `{"guid":"g",` + dated + `,"version":2,"pubstatus":"retired"}`, ""},
		{"status of a wrong type", `{"guid":"g",` + dated + `,"version":2,"pubstatus":{}}`, ""},
		{"that could not be published", `{"guid":"g",` + dated + `,"version":2,"type":"picture","headline":7,"renditions":[]}`, ""},
		{"by uri", `{"uri":"g",` + dated + `,"version":2,"type":"picture"}`, ""},
		{"withheld", `{"guid":"g",` + dated + `,"version":2,"pubstatus":"withheld"}`, "withheld"},
	}
	for _, tt := range tests {
		for name, m := range forms(Unpublished, []byte(tt.data)) {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				e := mustRead(t, m)
				want := &Event{
					Kind: Unpublished, Source: e.Source, ID: e.ID,
					Rank: gallery.Rank{
						Updated: arrived.Add(-4 * time.Hour), Version: 2, TakeDown: true, Hash: gallery.HashOf([]byte(tt.data)),
					},
					Removed: TakeDown{ID: "g", Updated: arrived.Add(-4 * time.Hour), Version: 2, Reason: tt.reason},
				}
				if diff := cmp.Diff(want, e); diff != "" {
					t.Errorf("event (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestTakeDownOfAnItemWithoutVersionCreatedIsDatedFromOutside(t *testing.T) {
	data := []byte(`{"guid":"g","pubstatus":"canceled"}`)
	for name, want := range map[string]time.Time{
		"bare": arrived, "base64": arrived, "binary": arrived,
		"structured": time.Date(2026, 11, 20, 10, 31, 0, 0, time.UTC),
	} {
		if got := mustRead(t, forms(Published, data)[name]).Rank.Updated; !got.Equal(want) {
			t.Errorf("%s: dated %v, want %v", name, got, want)
		}
	}
}

// Refused, it would leave on show what must not be.
func TestATakeDownOfAnItemIsActedUponWhateverItsDate(t *testing.T) {
	for date, reason := range map[string]string{
		"2026-12-24T00:00:00+0000": "2026-12-24T00:00:00Z is more than a day after the event arrived (2026-11-20T12:00:00Z): the take-down is dated by its arrival",
		"2999-01-01T00:00:00Z":     "the year 2999 is not between 1800 and 2200: the take-down is dated by its arrival",
		"1066-10-14T09:00:00Z":     "the year 1066 is not between 1800 and 2200: the take-down is dated by its arrival",
	} {
		for kind, item := range map[Kind]string{Published: `{"guid":"g","pubstatus":"canceled","versioncreated":"` + date + `"}`, Unpublished: `{"guid":"g","type":"text","versioncreated":"` + date + `"}`} {
			for name, m := range forms(kind, []byte(item)) {
				m.Stored = arrived
				e, err := desk.Decode(m)
				if err != nil {
					t.Errorf("%s of %s, %s: %v", kind, date, name, err)
					continue
				}
				root := map[string]string{"structured": "/data", "base64": "/data_base64"}[name]
				if e.Gallery != nil || e.Rank.Updated.After(arrived) || len(e.LeftOut) != 1 || e.LeftOut[0] != (gallery.Problem{Place: root + "/versioncreated", Reason: reason}) {
					t.Errorf("%s of %s, %s: %+v", kind, date, name, e)
				}
				m.Stored = arrived.Add(time.Second) // what receives it stores it later
				if later, err := desk.Decode(m); err != nil || later.Rank.Updated.After(m.Stored) {
					t.Errorf("%s of %s, %s, a second later: %+v, %v", kind, date, name, later, err)
				}
			}
		}
	}
	m := Message{Stored: arrived, Data: []byte(`{"specversion":"1.0","id":"1","source":"s","type":"article.published","time":"2027-01-01T00:00:00Z","data":{"guid":"g","pubstatus":"canceled"}}`)}
	if e, err := desk.Decode(m); err != nil || !e.Rank.Updated.Equal(arrived) {
		t.Errorf("of a CloudEvent of the future: %+v, %v", e, err)
	}
}

func TestAGalleryWithAStatusIsNoPublicationUnlessItIsUsable(t *testing.T) {
	const mine = `{"id":"a","title":"T","published":"2026-11-20T09:00:00Z",%s}`
	for status, place := range map[string]string{
		`"pubstatus":"usable"`: "", `"pubStatus":null`: "", `"pub_status":"stat:usable"`: "", `"x":{"pubstatus":"canceled"}`: "",
		`"pubstatus":"canceled"`: "/pubstatus", `"pubStatus":"withheld"`: "/pubStatus", `"PUB_STATUS":"canceled"`: "/PUB_STATUS", `"pubstatus":7`: "/pubstatus",
	} {
		data := []byte(fmt.Sprintf(mine, status))
		_, err := desk.Decode(Message{Data: data, Stored: arrived})
		if place == "" != (err == nil) || err != nil && (!strings.HasPrefix(err.Error(), place+": ") || !strings.Contains(err.Error(), "send article.unpublished")) {
			t.Errorf("%s: %v", status, err)
		}
		if _, err := desk.Gallery(data); err != nil {
			t.Errorf("%s, stored by a release that took it: %v", status, err)
		}
		if _, err := desk.Decode(Message{Data: data, Subject: string(Unpublished), Stored: arrived}); err != nil {
			t.Errorf("%s, a take-down: %v", status, err)
		}
	}
}

func TestItemIsRefusedWithPlaceAndReason(t *testing.T) {
	const ahead = " is more than a day after the event arrived (2026-11-20T12:00:00Z) and would outrank every correction until then: " +
		"state when this revision was made"
	tests := []struct {
		name string
		kind Kind
		data string
		want string // with the place in the item
	}{
		{"no picture to show", Published, `{"guid":"g","type":"picture","headline":"h","versioncreated":"2026-11-20T08:00:00Z"}`,
			`/renditions: the item has no rendition with an href to an image besides a thumbnail: there are none`},
		{"no date", Published, `{"guid":"g","type":"text","headline":"h"}`, "/versioncreated: missing: state an instant such as 2026-11-20T09:00:00Z"},
		{"unknown status", Published, `{"guid":"g","pubstatus":"retired"}`, `/pubstatus: "retired" is not known: write usable, withheld or canceled`},
		{"a name twice", Published, `{"guid":"g","type":"text","x":1,"x":2}`, "/x: not valid JSON at "},
		{"a name twice in a take-down", Unpublished, `{"guid":"g","type":"text","x":1,"x":2}`, "/x: not valid JSON at "},
		{"version of the far future", Published, `{"guid":"g","headline":"h","versioncreated":"2026-12-24T00:00:00+0000"}`,
			"/versioncreated: 2026-12-24T00:00:00Z" + ahead + "; an embargoed gallery states both versioncreated and a later embargoed"},
		{"empty id", Unpublished, `{"guid":"","type":"text"}`, "/guid: missing or blank: state an id that never changes"},
		{"id a number", Unpublished, `{"guid":7,"type":"text"}`, "/guid: holds a number where a string belongs"},
	}
	for _, tt := range tests {
		for name, m := range forms(tt.kind, []byte(tt.data)) {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				m.Stored = arrived
				_, err := desk.Decode(m)
				var ps gallery.Problems
				if !errors.As(err, &ps) || len(ps) != 1 {
					t.Fatalf("refused with %v", err)
				}
				root := map[string]string{"structured": "/data", "base64": "/data_base64"}[name]
				if got := ps.Error(); !strings.HasPrefix(got, root+tt.want) {
					t.Errorf("refusal %q, want %q", got, root+tt.want)
				}
			})
		}
	}
}

func TestLeftOutPartsOfAnItemHavePlacesInTheMessage(t *testing.T) {
	data := []byte(`{"guid":"g","headline":"h","versioncreated":"2026-11-20T08:00:00Z","associations":{"a--1":{"type":"picture"},"s":{"type":"audio"}}}`)
	for name, m := range forms(Published, data) {
		m.Stored = arrived
		root := map[string]string{"structured": "/data", "base64": "/data_base64"}[name]
		want := root + `/associations/a--1: the association "a--1" has no rendition with an href to an image besides a thumbnail: there are none; ` +
			root + `/associations/s: the association "s" is of the type "audio", which no slide shows`
		if got := mustRead(t, m).LeftOut.Error(); got != want {
			t.Errorf("%s: left out\n%s\nwant\n%s", name, got, want)
		}
	}
	if got := mustRead(t, Message{Data: item(t)}).LeftOut; got != nil {
		t.Errorf("left out of what is whole: %v", got)
	}
}

func TestAVideoIsNoPicture(t *testing.T) {
	data := []byte(`{"id":"g","title":"t","published":"2026-11-20T08:00:00Z","slides":[
		{"image":{"url":"https://a.example/v.mp4","type":"video/mp4"}},{"image":{"url":"https://a.example/1.jpg","type":"IMAGE/JPG; x=y"}}]}`)
	_, err := desk.Decode(Message{Data: data, Stored: arrived})
	if err == nil || !strings.HasPrefix(err.Error(), `/slides/0/image/type: "video/mp4" is a video, and a slide shows a picture`) {
		t.Errorf("read with %v", err)
	}
	g, err := desk.Gallery(data) // stored by a release that took it
	if err != nil || len(g.Slides) != 1 || g.Slides[0].Image.Type != "image/jpeg" {
		t.Errorf("stored: %+v, %v", g, err)
	}
}

// What is refused today and was stored by a release that took it, costs a picture or
// a thumbnail, not the gallery.
func TestStoredGalleryLosesOnlyItsUnfitPictures(t *testing.T) {
	data := []byte(`{"id":"g","title":"t","published":"2026-11-20T08:00:00Z","url":"https://a.example/g","slides":[
		{"image":{"url":"https://a<b/1.jpg"}},{"image":{"url":"https://a.example:99999/1.jpg"}},
		{"image":{"url":"2.jpg","thumbnail":"https://a.example/t.mp4"}},{"image":{"url":"3.jpg","thumbnail":"t.jpg"}}]}`)
	g, err := desk.Gallery(data)
	if err != nil || len(g.Slides) != 2 {
		t.Fatalf("read %+v, %v", g, err)
	}
	if a, b := g.Slides[0].Image, g.Slides[1].Image; a.URL != "https://a.example/2.jpg" || a.Thumbnail != "" || b.Thumbnail != "https://a.example/t.jpg" {
		t.Errorf("pictures %+v, %+v", a, b)
	}
}

func TestEmbargoedItemIsAccepted(t *testing.T) {
	e := mustRead(t, Message{Data: []byte(
		`{"guid":"g","headline":"h","versioncreated":"2026-11-20T08:00:00+0000","embargoed":"2026-12-24T00:00:00+0000"}`)})
	if shown(e.Gallery, arrived) || !shown(e.Gallery, arrived.AddDate(0, 2, 0)) || !e.Rank.Updated.Equal(arrived.Add(-4*time.Hour)) {
		t.Errorf("published %v, updated %v", e.Gallery.Published, e.Rank.Updated)
	}
}

func TestItemWithoutTimesOfItsOwnIsDatedByItsPublication(t *testing.T) {
	e := mustRead(t, Message{Data: []byte(`{"guid":"g","type":"text","headline":"h","firstcreated":"2026-11-20T08:00:00+0000","version":"4"}`)})
	if r := e.Rank; !r.Updated.Equal(arrived.Add(-4*time.Hour)) || r.Version != 4 {
		t.Errorf("rank %v", r)
	}
}

func TestStoredTakeDownIsNoGallery(t *testing.T) {
	_, err := desk.Gallery(structured(Published, []byte(`{"guid":"g","pubstatus":"canceled"}`)))
	if want := `/data: is no publication: it takes "g" down`; err == nil || err.Error() != want {
		t.Errorf("read with %v, want %s", err, want)
	}
}

func TestZeroReaderHasNoBound(t *testing.T) {
	if _, err := (Reader{}).Decode(Message{Data: item(t), Stored: arrived}); err != nil {
		t.Error(err)
	}
}

func TestStoredPlanIsStillRead(t *testing.T) {
	data := []byte(`{"uri":"u","type":"event","headlines":[{"value":"Press conference"}],"versionCreated":"2026-11-20T08:00:00Z"}`)
	if _, err := desk.Decode(Message{Data: data, Stored: arrived}); err == nil || !strings.HasPrefix(err.Error(), "/type: is an event") {
		t.Errorf("read with %v", err)
	}
	if g, err := desk.Gallery(data); err != nil || g.Title != "Press conference" { // stored by a release that took it
		t.Errorf("stored: %+v, %v", g, err)
	}
}

func TestARefusalNamesTheMembersOf3x(t *testing.T) {
	_, err := desk.Decode(Message{Data: []byte(`{"uri":"u","headline":"h","versionCreated":"2026-12-24T00:00:00Z"}`), Stored: arrived})
	if err == nil || !strings.HasPrefix(err.Error(), "/versionCreated: ") || !strings.HasSuffix(err.Error(), "states both versionCreated and a later embargoedUntil") {
		t.Errorf("refused with %v", err)
	}
}

func TestATakeDownSaysWhatOfItCannotBeRead(t *testing.T) {
	e := mustRead(t, Message{Data: []byte(`{"specversion":"1.0","id":"e","source":"//cms","type":"article.published","data":{"guid":"g","pubstatus":"canceled","versioncreated":"Last Tuesday"}}`)})
	if e.Kind != Unpublished || !e.Rank.Updated.Equal(arrived) || len(e.LeftOut) != 1 || e.LeftOut[0].Place != "/data/versioncreated" {
		t.Errorf("read as %+v", e)
	}
}
