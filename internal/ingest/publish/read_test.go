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
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
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
		{"nothing", "", []string{"in   bad"}},
		{"white space", " \n\t\r\n", []string{"in   bad"}},
		{"one", good("a"), []string{"in #1 a " + published}},
		{"lines", good("a") + "\n" + good("b") + "\r\n\n" + good("c"), []string{"in #1 a " + published, "in #2 b " + published, "in #3 c " + published}},
		{"a list", "[" + good("a") + ",\n " + good("b") + "]\n", []string{"in #1 a " + published, "in #2 b " + published}},
		{"an empty list", "[]", []string{"in   bad"}},
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

// What is broken is one item, and what follows it is read.
func TestReadContinuesAfterABrokenValue(t *testing.T) {
	const cut = "it ends too early"
	lines := strings.ReplaceAll(good("p"), ",", ",\n  ")
	pretty := "{\n  " + lines[1:len(lines)-1] + "\n}\n"
	for _, c := range []struct {
		name, text string
		want       []string // an id, or where it is broken and why
	}{
		{"a word", good("a") + "\nhello\n" + good("b"), []string{"a", "line 2, column 1: ", "b"}},
		{"words", "hello\nworld\n" + good("a"), []string{"line 1, column 1: ", "line 2, column 1: ", "a"}},
		{"a line that is cut off in a text", good("a") + "\n" + good("b")[:20] + "\n" + good("c"), []string{"a", "line 2, column 21: " + cut, "c"}},
		{"a line that is cut off after one", good("a") + "\r\n" + good("b")[:9] + "\r\n" + good("c"), []string{"a", "line 2, column 10: " + cut, "c"}},
		{"a line without its last brace", good("a")[:len(good("a"))-1] + "\n" + good("b") + "\n", []string{"line 1, column 57: " + cut, "b"}},
		{"the last line", good("a") + "\n" + good("b")[:30] + "\n", []string{"a", "line 2, column 31: " + cut}},
		{"a comma too many", `{"id":"a",}` + "\n" + good("b"), []string{"line 1, column 10: ", "b"}},
		{"in an object in it", `{"id":"ä","slides":[{"image":{"url" 7}}]}` + "\n" + good("b"), []string{"line 1, column 37: ", "b"}},
		{"behind an event", good("a") + "}\n" + good("b"), []string{"a", "line 1, column 58: ", "b"}},
		{"an object over several lines", pretty + strings.Replace(pretty, ":", "", 2) + pretty, []string{"p", "line 7, column 7: ", "p"}},
		{"an object without its end", pretty[:len(pretty)-2] + pretty, []string{"line 4, column 37: " + cut, "p"}},
		{"a list on one line", "[" + good("a") + ",{]\n" + good("b") + "\n[" + good("c") + "]", []string{"a", "line 1, column 61: ", "b", "c"}},
		{"an entry of a list", "[" + good("a") + ",\n {\"id\" 1},\n " + good("b") + "]\n" + good("c"), []string{"a", "line 2, column 8: ", "b", "c"}},
		{"the last entry of a list", "[\n " + good("a") + ",\n x\n]\n" + good("b"), []string{"a", "line 3, column 2: ", "b"}},
		{"a comma at the end of a list", "[" + good("a") + ",\n]" + good("b"), []string{"a", "line 2, column 1: nothing follows the comma before this: leave it out", "b"}},
		{"no JSON", "not found\n" + good("b"), []string{"line 1, column 2: invalid character 'o' in literal null (expecting 'u')", "b"}},
		{"a comma too few", "[" + good("a") + "\n" + good("b") + "]" + good("c"), []string{"a", "line 2, column 1: a comma is missing before this element of the list", "b", "c"}},
		{"a list without its end", "[" + good("a") + ",\n" + good("b") + "\n", []string{"a", "b", "line 3, column 1: the list ends too early"}},
		{"objects with commas between", good("a") + ",\n" + good("b"), []string{"a", "line 1, column 58: ", "b"}},
		{"a byte order mark", "\ufeff" + good("a") + "\n" + good("b"), []string{"line 1, column 1: it begins with a byte order mark: leave that out", "b"}},
		{"zeros", strings.Repeat("\x00", 100_000) + "\n" + good("a"), []string{"line 1, column 1: ", "a"}},
	} {
		for name, r := range map[string]io.Reader{"": strings.NewReader(c.text), ", byte by byte": iotest.OneByteReader(strings.NewReader(c.text))} {
			got := []string{}
			for item := range publish.Read("in", r, events) {
				line := item.ID
				if item.Fault != nil {
					line = item.Fault.Error()
				}
				if n := len(got); n < len(c.want) && strings.HasPrefix(c.want[n], "line ") && strings.Contains(line, "not valid JSON at "+c.want[n]) {
					line = c.want[n]
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", c.name, name, diff)
			}
		}
	}
}

// The words are those of the service, and only the line is the file's.
func TestBrokenLineHasTheReasonOfTheService(t *testing.T) {
	for _, line := range []string{
		`hello`, `{"id":"a"`, `{"id":"a","title":"T`, `{"id":"a",}`, `{"id":"a" "title":1}`, `{"id":"a","id":"b"`, "{\"id\":\"\xff\",}", `{"slides":[{"image":nul}]}`, "\ufeff{}", `{"id":"a"]`,
	} {
		_, want := events.Decode(event.Message{Data: []byte(line)})
		for item := range publish.Read("in", strings.NewReader("\n\n"+line+"\n"), events) {
			if got := strings.Replace(item.Fault.Error(), " line 3,", " line 1,", 1); got != want.Error() || item.Broken.Line != 3 {
				t.Errorf("%q at %v: %s, want %s", line, item.Broken, got, want)
			}
		}
	}
}

func TestReadKeepsTheBytes(t *testing.T) {
	text := `{"id":"a", "title" : "T","x":[1, 2],"published":"2026-11-20T09:00:00Z"}`
	for item := range publish.Read("in", strings.NewReader(text+"\n"+good("b")), events) {
		if got := string(item.Data); item.ID == "a" && got != text {
			t.Errorf("read %s", got)
		}
	}
}

func TestReadNamesFaults(t *testing.T) {
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

func TestReadReportsAFailingReader(t *testing.T) {
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
