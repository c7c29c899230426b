package webhook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/google/go-cmp/cmp"
)

// inWords is an update in words: "+a ~b -c".
func inWords(u event.Update) string {
	var words []string
	for sign, ids := range map[string][]string{"+": u.Added, "~": u.Edited, "-": u.Removed} {
		for _, id := range ids {
			words = append(words, sign+id)
		}
	}
	slices.SortFunc(words, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
	return strings.Join(words, " ")
}

// fromWords is the update in those words.
func fromWords(words string) event.Update {
	u := event.Update{Added: []string{}, Edited: []string{}, Removed: []string{}}
	for _, word := range strings.Fields(words) {
		switch id := word[1:]; word[0] {
		case '+':
			u.Added = append(u.Added, id)
		case '~':
			u.Edited = append(u.Edited, id)
		default:
			u.Removed = append(u.Removed, id)
		}
	}
	return u
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ old, newer, want string }{
		{"", "", ""},
		{"+a", "", "+a"},
		{"~a", "", "~a"},
		{"-a", "", "-a"},
		{"", "+a ~b -c", "+a ~b -c"},
		{"+a", "+b", "+a +b"},
		{"+a", "+a", "+a"}, // it was pushed off the end meanwhile
		{"+a", "~a", "+a"},
		{"+a", "-a", "-a"}, // the answer to +a may have been lost
		{"~a", "+a", "+a"},
		{"~a", "~a", "~a"},
		{"~a", "-a", "-a"},
		{"-a", "+a", "+a"},
		{"+a ~b -c +d", "~a -b +c", "+a -b +c +d"},
	} {
		if got := inWords(merge(fromWords(c.old), fromWords(c.newer))); got != c.want {
			t.Errorf("%q and then %q: %q, want %q", c.old, c.newer, got, c.want)
		}
	}
}

func TestMergePutsNewestFirst(t *testing.T) {
	got := merge(fromWords("+c +b ~y -q"), fromWords("+e +d ~c ~z -r"))
	want := fromWords("+e +d +c +b ~z ~y -r -q")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}

func TestMergeBounded(t *testing.T) {
	var u event.Update
	for i := range 2000 {
		one := event.Update{Removed: []string{fmt.Sprintf("r%0255d", i)}, Added: []string{fmt.Sprintf("a%0255d", i)}}
		u = merge(u, one)
		if u.Removed[0] != one.Removed[0] || u.Added[0] != one.Added[0] {
			t.Fatalf("the newest of %d are missing", i)
		}
	}
	data, err := encodeUpdate(u)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > maxMerged*5/4 || len(u.Removed) < 1000 {
		t.Errorf("%d bytes, %d removals", len(data), len(u.Removed))
	}
}

// feed is the version of each gallery of a feed.
type feed map[string]int

// change makes the version of an id, 0 to remove it, and returns the update.
func (f feed) change(id byte, version int) event.Update {
	name := string('a' + rune(id%4))
	_, was := f[name]
	switch {
	case version == 0 && !was:
		return fromWords("")
	case version == 0:
		delete(f, name)
		return fromWords("-" + name)
	}
	f[name] = version
	if was {
		return fromWords("~" + name)
	}
	return fromWords("+" + name)
}

// apply makes what a receiver knows of the feed what the update names; it fetches
// what was added and changed.
func (f feed) apply(known map[string]int, u event.Update) {
	for _, id := range u.Removed {
		delete(known, id)
	}
	for _, id := range slices.Concat(u.Added, u.Edited) {
		known[id] = f[id]
	}
}

// A receiver that fails now and then ends as the feed does, and also one that got what it
// seemed to have failed at.
func FuzzMerge(f *testing.F) {
	f.Add([]byte("aabbA1cc"))
	f.Add([]byte{0, 1, 4, 1, 0, 0, 129, 1, 0, 130})
	f.Fuzz(func(t *testing.T, moves []byte) {
		content := feed{}
		failing, unanswered := map[string]int{}, map[string]int{}
		waiting := fromWords("")
		for i, move := range moves {
			version := i + 1
			if move&4 != 0 {
				version = 0
			}
			u := content.change(move, version)
			content.apply(unanswered, u) // and its answer is lost
			waiting = merge(waiting, u)
			if move&8 != 0 {
				content.apply(failing, waiting)
				content.apply(unanswered, waiting)
				waiting = fromWords("")
			}
		}
		content.apply(failing, waiting)
		content.apply(unanswered, waiting)
		if !maps.Equal(failing, content) || !maps.Equal(unanswered, content) {
			t.Errorf("the feed holds %v, receivers know %v and %v", content, failing, unanswered)
		}
	})
}
