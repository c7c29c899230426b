package event

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func FuzzDecode(f *testing.F) {
	data := harbour(f)
	taken := []byte(`{"id":"a","updated":"2026-11-20T09:00:00Z","version":2,"reason":"rights"}`)
	for kind, data := range map[Kind][]byte{Published: data, Unpublished: taken} {
		f.Add(string(kind), "", "", data)
		f.Add("x", "", "", structured(kind, data))
		f.Add("x", "", "", encoded(kind, data))
		f.Add("x", string(kind), "2026-11-20T09:00:00Z", data)
	}
	f.Add("", "", "", []byte(least+`,"slides":[{"id":"1","image":{"url":"//h/ a#"}},null],"x":[[{}]],"specversion":null}`))
	f.Add("", "", "", []byte(`{"specversion":"1.0","id":7,"data":{"id":"a"}`))
	f.Add("", "", "", []byte("{\"id\":\"\xff\\ud800\",\"id\":1e400"))
	f.Add("", "", "", []byte(strings.Replace(least, `"t"`, `"\ufeff"`, 1)+`,"url":"\u00a0HTTPS://h/\u3000","language":"pt_BR","version":-0}`))
	f.Add("article.unpublished", "", "", []byte(`{"uri":"g","guid":null,"pubstatus":" Withhold ","versioncreated":"2026-11-20T09:00:00+0000"}`))
	f.Add("", "", "", []byte(`{"id":7,"title":"","published":"soon","slides":[{"image":{"url":[]}},7,{}],"tags":[1,null],"version":""}`))
	f.Add("", "", "", []byte(`{"guid":7,"headline":[],"versioncreated":"soon","type":"text","associations":[{"type":"picture","renditions":{"a":7}},7]}`))
	for _, kind := range []Kind{Published, Unpublished} {
		f.Add(string(kind), "", "", item(f))
		f.Add("x", "", "", structured(kind, item(f)))
	}
	c := newContract(f)
	f.Fuzz(func(t *testing.T, subject, typ, at string, data []byte) {
		m := Message{Subject: subject, Data: data, Stored: arrived}
		if typ != "" {
			m.Header = binary(Kind(typ))
			m.Header["ce-time"] = []string{at}
		}
		Attributes(m)
		Unknown(m)
		e, err := desk.Decode(m)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		checkAccepted(t, e, m)
		if err := c.check(m); err != nil {
			t.Errorf("accepted, and yet %v", err)
		}
	})
}

func checkRefusal(t *testing.T, err error) {
	var ps gallery.Problems
	if !errors.As(err, &ps) || len(ps) == 0 || len(ps) > maxNamed {
		t.Fatalf("refused with %d problems: %v", len(ps), err)
	}
	for _, p := range ps {
		if p.Reason == "" || !utf8.ValidString(p.String()) || len(p.Place) > maxPlace || len(p.Reason) > maxReason {
			t.Errorf("problem %q", p)
		}
	}
}

func checkAccepted(t *testing.T, e *Event, m Message) {
	if r := e.Rank; r.Updated.After(arrived.Add(maxAhead)) || !gallery.Plausible(r.Updated) || r.TakeDown != (e.Kind == Unpublished) {
		t.Errorf("rank %v of %s", r, e.Kind)
	}
	again, err := desk.Decode(m)
	if err != nil {
		t.Fatalf("the second time: %v", err)
	}
	if diff := cmp.Diff(e, again); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
	if e.Kind == Unpublished {
		if ps := gallery.ValidateTakeDown(e.Removed.ID, e.Rank.Updated, e.Removed.Version, e.Removed.Reason); ps != nil {
			t.Errorf("accepted, and yet %v", ps)
		}
		return
	}
	if ps := e.Gallery.Validate(); ps != nil {
		t.Errorf("accepted, and yet %v", ps)
	}
	stored, err := desk.Gallery(m.Data)
	if err != nil {
		t.Fatalf("accepted, and yet it cannot be read back: %v", err)
	}
	if diff := cmp.Diff(e.Gallery, stored); diff != "" {
		t.Errorf("read back (-decoded +stored):\n%s", diff)
	}
	stored.Normalise()
	if diff := cmp.Diff(e.Gallery, stored); diff != "" {
		t.Errorf("normalised again (-once +twice):\n%s", diff)
	}
}
