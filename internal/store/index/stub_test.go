package index

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newStubWorld(t *testing.T, page uint32) *world {
	w := newWorld(t, page)
	w.opts.Stubs = true
	return w
}

// A take-down that an earlier release recorded has a stub too. Where it stood is
// not known, but when the revision was that it ended.
func TestStubOfAnOlderRecord(t *testing.T) {
	t.Parallel()
	const hash = `"h":"0123456789abcdef0123456789abcdef"`
	text := `{"id":"a","u":1767225600000000000,"d":true,` + hash + `,"g":"number 9","left":[` +
		`{"f":["sTravel","lde-AT"],"d":true,"of":{"u":1767222000000000000,` + hash + `}}]}`
	w := newStubWorld(t, 100)
	e, err := ParseLine(text, 1, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.Apply("a", e, w.now)
	stubs := w.Select(Match{Sections: []string{"travel"}}, ByPublished).View(9, w.now).Stubs
	if len(stubs) != 1 || stubs[0].ID != "a" || stubs[0].Language() != "de-AT" || !stubs[0].Published().Equal(dawn.Add(-time.Hour)) {
		t.Fatalf("stubs: %+v", stubs)
	}
	// A later take-down knows no more.
	w.pass(time.Hour)
	w.takeDown("a")
	if stubs := w.Select(Match{}, ByPublished).View(9, w.now).Stubs; len(stubs) != 1 || stubs[0].GUID() != "number 9" {
		t.Errorf("stubs after another take-down: %+v", stubs)
	}
}

// Stubs are above the last entry of a view if there is more below it, and the
// latest withdrawals count where there are too many.
func TestStubsOfAView(t *testing.T) {
	t.Parallel()
	w := newStubWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	minute := func(n int) time.Time { return dawn.Add(time.Duration(n) * time.Minute) }
	w.now = minute(30)
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		w.publish(id, at(minute(i)))
	}
	for _, id := range []string{"e", "a", "c"} { // in the order of their withdrawal
		w.pass(time.Minute)
		w.takeDown(id)
	}
	for n, want := range map[int][]string{0: nil, 1: nil, 2: {"e"}, 3: {"e", "c", "a"}, 9: {"e", "c", "a"}} {
		var got []string
		for _, b := range s.View(n, w.now).Stubs {
			got = append(got, b.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of %d entries (-want +got):\n%s", n, diff)
		}
	}
	w.takeDown("b")
	w.takeDown("d")
	w.takeDown("f")
	var got []string
	for _, b := range s.View(2, w.now).Stubs {
		got = append(got, b.ID)
	}
	if !cmp.Equal(got, []string{"f", "d"}) {
		t.Errorf("of none %v", got)
	}
	if without := newWorld(t, 100); len(without.Select(Match{}, ByPublished).View(9, w.now).Stubs) != 0 {
		t.Error("there are some where none were asked for")
	}
}
