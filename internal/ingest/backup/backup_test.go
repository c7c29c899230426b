package backup_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/backup"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
)

var stored = time.Date(2026, 11, 20, 12, 0, 0, 123456789, time.UTC)

// store returns a catalogue on a server of its own.
func store(t testing.TB) *catalogue.Catalogue {
	t.Helper()
	b := brokertest.Start(t)
	return catalogue.New(catalogue.Options{
		Bucket: bucket.Options{
			JetStream: b.JetStream(),
			Bucket:    b.Name("galleries"),
			Open:      func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, "galleries") },
			Logger:    slog.New(slog.DiscardHandler),
		},
		Decode: event.Reader{}.Gallery,
	})
}

// taken puts an event as intake does.
func taken(t testing.TB, c *catalogue.Catalogue, m event.Message) {
	t.Helper()
	m.Stored = stored
	e, err := event.Reader{}.Decode(m)
	if err != nil {
		t.Fatalf("%s: %v", m.Data, err)
	}
	outcome, err := c.Put(t.Context(), catalogue.Revision{
		ID: e.GalleryID(), Rank: e.Rank, Gallery: e.Gallery, Reason: e.Removed.Reason, Body: m.Data, Event: e.Attributes(m.Subject),
	})
	if err != nil || outcome != catalogue.Stored {
		t.Fatalf("%s: %q, %v", m.Data, outcome, err)
	}
}

func published(data string) event.Message {
	return event.Message{Subject: "article.published", Data: []byte(data)}
}

func unpublished(data string) event.Message {
	return event.Message{Subject: "article.unpublished", Data: []byte(data)}
}

// awkward are events in every form and with everything that a copy may spoil.
func awkward() []event.Message {
	binary := unpublished(`{"id":"binary"}`)
	binary.Header = map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {"e1"}, "ce-source": {"/cms"}, "ce-type": {"article.unpublished"},
		"ce-time": {"2026-11-20T11:00:00.5Z"},
	}
	return []event.Message{
		published(`{"id":"plain","title":"T","published":"2026-11-20T09:00:00Z"}`),
		published("{\n\t\"id\": \"spaced\",\r\n  \"title\": \"T \\n  T\", \"published\" : \"2026-11-20T09:00:00Z\"\n}\n"),
		published(`{"id":"escapes","title":"\u0041\/\u00e9 <b>&amp;</b> \u2028","published":"2026-11-20T09:00:00Z","x":"\ud83d\ude00"}`),
		published(`{"id":"numbers","title":"T","published":"2026-11-20T09:00:00.000Z","x":[1.50,1E400,-0,12345678901234567890]}`),
		published(`{"id":"zone","title":"T","published":"2026-11-20T09:00:00+05:30","version":7}`),
		published(`{"specversion":"1.0","id":"e2","source":"/cms","type":"org.example.article.published",` +
			`"data":{"id":"structured","title":"T","published":"2026-11-20T09:00:00Z"}}`),
		published(`{"guid":"urn:item","type":"text","version":"2","pubstatus":"usable","headline":"H","versioncreated":"2026-11-20T09:00:00+0000"}`),
		published(`{"guid":"urn:canceled","type":"text","version":"2","pubstatus":"canceled","headline":"H","versioncreated":"2026-11-20T09:00:00+0000"}`),
		unpublished(`{"id":"dated","updated":"2026-11-20T11:00:00Z","version":2,"reason":"why"}`),
		unpublished(`{"id":"undated"}`),
		binary,
	}
}

func export(t testing.TB, c *catalogue.Catalogue, site string) string {
	t.Helper()
	var text strings.Builder
	err := backup.Export(&text, site, c.Export(t.Context()), func(err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestImportOfAnExportExportsTheSame(t *testing.T) {
	t.Parallel()
	from, to := store(t), store(t)
	for _, m := range awkward() {
		taken(t, from, m)
	}
	first := export(t, from, "news.example.com")
	site := &memorySite{}
	for _, want := range []catalogue.Outcome{catalogue.Stored, catalogue.Unchanged} {
		results, err := take(t, first, backup.Options{Store: to, Site: site})
		if err != nil || len(results) != len(awkward()) {
			t.Fatalf("%d results, %v", len(results), err)
		}
		for i, r := range results {
			if r.Err != nil || r.Outcome != want || r.Line != i+2 {
				t.Errorf("%+v, want %q in line %d", r, want, i+2)
			}
		}
	}
	if site.id != "news.example.com" {
		t.Errorf("site %q", site.id)
	}
	second := export(t, to, site.id)
	same := cmp.Transformer("lines", func(s string) map[string]int { // they are stored at once, in any order
		lines := map[string]int{}
		for line := range strings.Lines(s) {
			lines[line]++
		}
		return lines
	})
	if diff := cmp.Diff(first, second, same); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

func TestExportHasALineForEachGallery(t *testing.T) {
	t.Parallel()
	c := store(t)
	taken(t, c, published("{ \"id\":\"a\", \"title\":\"<T>\",\n\"published\":\"2026-11-20T09:00:00Z\"}"))
	taken(t, c, unpublished(`{"id":"b","reason":"why"}`))
	want := `{"format":1,"site":"news.example.com"}
{"format":1,"id":"a","rank":{"updated":"2026-11-20T09:00:00Z","version":0,"take_down":false,"hash":"8ffcd73c0c9e5e5e24cb316cd6efa4c6"},` +
		`"event":{"id":"a","title":"<T>","published":"2026-11-20T09:00:00Z"},"attributes":{"subject":"article.published","kind":"article.published"}}
{"format":1,"id":"b","rank":{"updated":"2026-11-20T12:00:00.123456789Z","version":0,"take_down":true,"hash":"62c134a6a3c7e6e7550543784dc72c4c"},` +
		`"event":{"id":"b","reason":"why"},"attributes":{"subject":"article.unpublished","kind":"article.unpublished"}}
{"format":1,"galleries":2}
`
	if diff := cmp.Diff(want, export(t, c, "news.example.com")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExportOfAnEventThatIsNoJSON(t *testing.T) {
	t.Parallel()
	records := func(yield func(catalogue.Revision, error) bool) {
		yield(catalogue.Revision{ID: "a", Body: []byte("\xff<no>")}, nil)
	}
	var text strings.Builder
	if err := backup.Export(&text, "", records, func(error) {}); err != nil {
		t.Fatal(err)
	}
	if want := `"event_base64":"/zxubz4="`; !strings.Contains(text.String(), want) {
		t.Errorf("no %s in\n%s", want, text.String())
	}
}

// broken yields a record that cannot be read, a good one, and an error at the
// end, if there is one.
func broken(end error) iter.Seq2[catalogue.Revision, error] {
	return func(yield func(catalogue.Revision, error) bool) {
		if !yield(catalogue.Revision{}, fmt.Errorf("record a: %w", catalogue.ErrUnreadable)) {
			return
		}
		good := catalogue.Revision{ID: "b", Body: []byte("{}")}
		if yield(good, nil) && end != nil {
			yield(catalogue.Revision{}, end)
		}
	}
}

func TestExportLeavesOutUnreadableRecords(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	var reported []error
	if err := backup.Export(&text, "", broken(nil), func(err error) { reported = append(reported, err) }); err != nil {
		t.Fatal(err)
	}
	if len(reported) != 2 || !errors.Is(reported[0], catalogue.ErrUnreadable) || reported[1] != nil {
		t.Errorf("reported %v", reported)
	}
	if !strings.HasSuffix(text.String(), "{\"format\":1,\"galleries\":1}\n") {
		t.Errorf("exported\n%s", text.String())
	}
}

func TestFailedExportIsNotComplete(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	away := errors.New("the server is away")
	if err := backup.Export(&text, "", broken(away), func(error) {}); !errors.Is(err, away) {
		t.Errorf("error %v", err)
	}
	if strings.Contains(text.String(), "galleries") {
		t.Errorf("exported\n%s", text.String())
	}
}
