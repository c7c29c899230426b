package publish_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/publish"
	"github.com/google/go-cmp/cmp"
)

const maxEvent = 4096

// events reads as the service does.
var events = event.Reader{MaxBytes: maxEvent}

// good returns an event that would be accepted.
func good(id string) string {
	return `{"id":"` + id + `","title":"T","published":"2026-11-20T09:00:00Z"}`
}

// read collects what is in the text: a line for each item.
func read(r io.Reader) []string {
	got := []string{}
	for item := range publish.Read("in", r, events) {
		state := "good"
		if item.Fault != nil {
			state = "bad"
		}
		got = append(got, strings.Join([]string{item.Name, item.ID, string(item.Kind), state}, " "))
	}
	return got
}

func TestRead(t *testing.T) {
	const published, structured = "article.published good", `{"specversion":"1.0","id":"e","source":"/cms","type":"com.example.article.unpublished","data":{"id":"b"}}`
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{}},
		{"white space", " \n\t\r\n", []string{}},
		{"one", good("a"), []string{"in #1 a " + published}},
		{"lines", good("a") + "\n" + good("b") + "\r\n\n" + good("c"), []string{"in #1 a " + published, "in #2 b " + published, "in #3 c " + published}},
		{"a list", "[" + good("a") + ",\n " + good("b") + "]\n", []string{"in #1 a " + published, "in #2 b " + published}},
		{"an empty list", "[]", []string{}},
		{"lists and lines", "[" + good("a") + "]" + good("b") + "[" + good("c") + "]", []string{"in #1 a " + published, "in #2 b " + published, "in #3 c " + published}},
		{"over several lines", strings.ReplaceAll(good("a"), ",", ",\n"), []string{"in #1 a " + published}},
		{"a take-down", structured, []string{"in #1 b article.unpublished good"}},
		{"what would be refused", `{"id":"a"}` + good("b"), []string{"in #1 a article.published bad", "in #2 b " + published}},
		{"a number", `7 ` + good("b"), []string{"in #1  article.published bad", "in #2 b " + published}},
		{"a list in a list", "[[" + good("a") + "]," + good("b") + "]", []string{"in #1  article.published bad", "in #2 b " + published}},
		{"too large", `{"id":"a","body":"` + strings.Repeat("x", maxEvent) + `"}` + good("b"), []string{"in #1 a article.published bad", "in #2 b " + published}},
		{"invalid UTF-8", `{"id":"a","title":"` + "\xff" + `"}` + good("b"), []string{"in #1 a article.published bad", "in #2 b " + published}},
		{"garbage", "hello", []string{"in #1   bad"}},
		{"garbage after an event", good("a") + "}" + good("b"), []string{"in #1 a " + published, "in #2   bad"}},
		{"a cut off event", good("a")[:20], []string{"in #1   bad"}},
		{"a list that does not end", "[" + good("a"), []string{"in #1 a " + published, "in #2   bad"}},
		{"a list that does not begin", good("a") + "]" + good("b"), []string{"in #1 a " + published, "in #2   bad"}},
		{"a list with a hole", "[" + good("a") + ",,]", []string{"in #1 a " + published, "in #2   bad"}},
		{"only the end of a list", "]", []string{"in #1   bad"}},
	} {
		if diff := cmp.Diff(c.want, read(strings.NewReader(c.text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.want, read(iotest.OneByteReader(strings.NewReader(c.text)))); diff != "" {
			t.Errorf("%s, byte by byte (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestWhatIsReadIsSentAsItIs(t *testing.T) {
	text := `{"id":"a", "title" : "T","x":[1, 2],"published":"2026-11-20T09:00:00Z"}`
	for item := range publish.Read("in", strings.NewReader(text+"\n"+good("b")), events) {
		if got := string(item.Data); item.ID == "a" && got != text {
			t.Errorf("read %s", got)
		}
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	for item := range publish.Read("in", strings.NewReader(`{"id":"a","title":"T","published":"soon"}`), events) {
		var problems gallery.Problems
		if !errors.As(item.Fault, &problems) || problems[0].Place != "/published" {
			t.Errorf("fault %v", item.Fault)
		}
	}
}

func TestReadStopsWhenAsked(t *testing.T) {
	n := 0
	for range publish.Read("in", strings.NewReader(strings.Repeat(good("a"), 5)), events) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d items", n)
	}
}

func TestReadReportsAReaderThatFails(t *testing.T) {
	r := io.MultiReader(strings.NewReader(good("a")), iotest.ErrReader(errors.New("disk on fire")))
	if diff := cmp.Diff([]string{"in #1 a article.published good", "in #2   bad"}, read(r)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

func TestTakeDown(t *testing.T) {
	at := time.Date(2026, 11, 23, 13, 0, 0, 0, time.FixedZone("", 3600))
	item, err := publish.TakeDown("a", "wrong pictures", 3, at)
	if err != nil || item.Fault != nil {
		t.Fatal(err, item.Fault)
	}
	want := `{"id":"a","updated":"2026-11-23T12:00:00Z","version":3,"reason":"wrong pictures"}`
	if string(item.Data) != want || item.Kind != event.Unpublished || item.ID != "a" || item.Name != "a" {
		t.Errorf("%+v: %s", item, item.Data)
	}
	e, err := events.Decode(event.Message{Subject: "article.unpublished", Data: item.Data, Stored: at})
	if err != nil || !e.Rank.TakeDown || e.Rank.Version != 3 || !e.Rank.Updated.Equal(at) {
		t.Errorf("decoded %+v: %v", e, err)
	}
	for _, id := range []string{"", strings.Repeat("x", 300)} {
		if item, err := publish.TakeDown(id, "", 0, at); err != nil || item.Fault == nil {
			t.Errorf("an id of %d bytes: %v, %v", len(id), err, item.Fault)
		}
	}
}

// Whatever is read, it ends, and only well-formed JSON is sent.
func FuzzRead(f *testing.F) {
	for _, text := range []string{good("a"), "[" + good("a") + "]", "]", "[[", "7 8", "{}}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for item := range publish.Read("in", strings.NewReader(text), events) {
			if n++; n > len(text)+1 {
				t.Fatal("more items than bytes")
			}
			if item.Data == nil && item.Fault == nil {
				t.Error("nothing to send and no fault")
			}
		}
	})
}
