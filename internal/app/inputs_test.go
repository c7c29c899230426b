package app

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/serve/page"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	gocmp "github.com/google/go-cmp/cmp"
)

// input is one row of a table in testdata/inputs: what a newsroom may send, and
// what readers must see of it. Each file is a list of them, for one kind of input.
//
// What is expected is the right value of what is named, or, under a name that ends in
// " has" or " lacks", a string, or a list of them, that stands in it or does not. All
// readers that know the value must see it so. They know of the first item of the feed:
//
//	title, summary, link, id, language, section, direction   strings
//	published, updated                                       instants, as 2026-01-02T03:04:05Z
//	tags, authors (names), emails, author urls, licenses     lists
//	slides (addresses), thumbnails, types, captions (text), slide titles, credits, alts
//	html                                                     its content
//	text, links, images, image alts                          of the content, as a parser of HTML sees it
//	items                                                    how many there are in the feed
//	document, page                                           the feed's and the gallery page's source
//
// "left out" is a list of what an accepted input has and its gallery has not, each
// with its place. "refused" is a list of what the reasons for a refusal say, each with its place
// ("/url: is relative"); without it the input must be accepted.
type input struct {
	Name    string            // unique in its file, and the id of Gallery
	Source  string            // a public bug report, or a section of a specification
	Subject string            // article.published unless stated
	Headers map[string]string // of the message
	Event   json.RawMessage   // the message, or else
	Gallery map[string]any    // fields of a gallery in addition to the required ones
	Expect  map[string]any
}

// inputsAt is when the inputs arrive and feeds are read.
var inputsAt = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func TestInputsOfNewsrooms(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/inputs/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no inputs", err)
	}
	config := filepath.Join(t.TempDir(), "gallerywire.yaml")
	if err := os.WriteFile(config, []byte(`site: {id: news.example.com, base_url: "https://feeds.example.com"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	b := bench{options: PreviewOptions{Feed: "all", At: inputsAt}, folder: t.TempDir()}
	if b.options.Config, err = LoadConfig(config, nil); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var inputs []input
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(&inputs); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, in := range inputs {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+"/"+in.Name, func(t *testing.T) { b.try(t, in) })
		}
	}
	t.Run("feedparser", b.feedparser)
	t.Run("xmllint", b.xmllint)
}

// bench sends inputs through a node that has no server. What other programs read
// back, all at once, lies in its folder.
type bench struct {
	options PreviewOptions
	folder  string
	kept    []kept
}

// kept is a document of the feed, in a file, and what is expected of it.
type kept struct {
	file, test string
	expect     map[string]any
}

func (b *bench) try(t *testing.T, in input) {
	m := event.Message{Subject: cmp.Or(in.Subject, string(event.Published)), Header: map[string][]string{}, Data: in.Event, Stored: inputsAt}
	for name, value := range in.Headers {
		m.Header[name] = []string{value}
	}
	if in.Gallery != nil {
		least := map[string]any{"id": in.Name, "url": "https://news.example.com/g", "title": "T", "published": "2026-01-02T03:04:05Z"}
		maps.Copy(least, in.Gallery)
		m.Data, _ = json.Marshal(least)
	}
	e, err := EventReader(b.options.Config).Decode(m)
	reasons, refused := in.Expect["refused"]
	if refused != (err != nil) {
		t.Fatalf("refused: %v", err)
	}
	if refused {
		check(t, "decoder", map[string]any{"refused": err.Error()}, map[string]any{"refused has": reasons})
		return
	}
	items := slices.Values([]publish.Item{{Kind: e.Kind, Data: m.Data, Event: e}})
	options := previewed(b.options, items)
	editions := edition.New(options)
	shown, err := editions.Current(t.Context(), b.options.Feed)
	if err != nil || len(shown.LeftOut) > 0 {
		t.Fatal(err, shown.LeftOut)
	}
	leftOut := []string{}
	for _, p := range e.LeftOut {
		leftOut = append(leftOut, p.String())
	}
	check(t, "decoder", map[string]any{"left out": leftOut}, in.Expect)
	known := map[string]bool{"left out": true}
	for _, f := range feed.Formats() {
		document := shown.Document(f).Bytes()
		values := read(t, f, document)
		check(t, f.String(), values, in.Expect)
		checkAddresses(t, f.String(), values)
		for name := range values {
			known[name] = true
		}
		if f != feed.JSON {
			b.keep(t, f, document, in.Expect)
		}
	}
	if e.Gallery != nil {
		check(t, "mail", map[string]any{"summary": mailSummary(e.Gallery)}, in.Expect)
	}
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/galleries/x", nil)
	request.SetPathValue("key", gallery.Key(e.GalleryID()))
	page.New(page.Options{Editions: editions, Index: options.Index, Load: options.Load, Now: func() time.Time { return inputsAt }}).Gallery(answer, request)
	check(t, "page", map[string]any{"page": answer.Body.String()}, in.Expect)
	for name := range in.Expect {
		if name = strings.TrimSuffix(strings.TrimSuffix(name, " has"), " lacks"); !known[name] && name != "page" {
			t.Errorf("nobody knows %q", name)
		}
	}
}

// check compares the values that one reader saw with those of them that are expected.
func check(t *testing.T, reader string, values, expect map[string]any) {
	t.Helper()
	for name, want := range expect {
		value, ok := values[strings.TrimSuffix(strings.TrimSuffix(name, " has"), " lacks")]
		if !ok {
			continue
		}
		if value == nil {
			value = []string{}
		}
		has := strings.HasSuffix(name, " has")
		if !has && !strings.HasSuffix(name, " lacks") {
			if diff := gocmp.Diff(plain(want), plain(value)); diff != "" {
				t.Errorf("%s by %s (-want +got):\n%s", name, reader, diff)
			}
			continue
		}
		list, isList := want.([]any)
		if !isList {
			list = []any{want}
		}
		if lines, ok := value.([]string); ok {
			value = strings.Join(lines, "\n")
		}
		for _, part := range list {
			if strings.Contains(fmt.Sprint(value), part.(string)) != has {
				t.Errorf("%s %q by %s:\n%s", name, part, reader, value)
			}
		}
	}
}

// plain is v as JSON has it.
func plain(v any) (out any) {
	data, _ := json.Marshal(v)
	json.Unmarshal(data, &out)
	return out
}

// mailSummary is the summary of g in a digest.
func mailSummary(g *gallery.Gallery) string {
	v := g.View(new(gallery.Audience), inputsAt)
	return cmp.Or(v.Summary, gallery.Line(gallery.PlainText(v.Body())))
}
