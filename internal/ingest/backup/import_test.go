package backup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/backup"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/google/go-cmp/cmp"
)

// memorySite keeps a site's id.
type memorySite struct{ id string }

func (m *memorySite) ID(context.Context) (string, error) { return m.id, nil }

func (m *memorySite) Remember(_ context.Context, id string) error {
	m.id = id
	return nil
}

// take imports text and returns what became of its lines.
func take(t testing.TB, text string, o backup.Options) ([]backup.Result, error) {
	t.Helper()
	var results []backup.Result
	o.Done = func(r backup.Result) { results = append(results, r) }
	if o.Site == nil {
		o.Site = &memorySite{}
	}
	err := backup.Import(t.Context(), strings.NewReader(text), o)
	return results, err
}

// memoryStore keeps records in memory; fails injects errors.
type memoryStore struct {
	fails func(id string) error // may be nil

	mu   sync.Mutex
	kept map[string]catalogue.Revision
}

func (s *memoryStore) Put(_ context.Context, r catalogue.Revision) (catalogue.Outcome, error) {
	if s.fails != nil {
		if err := s.fails(r.ID); err != nil {
			return "", err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]catalogue.Revision{}
	}
	s.kept[r.ID] = r
	return catalogue.Stored, nil
}

const (
	first = `{"format":1,"site":"news.example.com"}` + "\n"
	good  = `{"format":1,"id":"a","rank":{"updated":"2026-11-20T09:00:00Z","version":0,"take_down":false,"hash":"8ffcd73c0c9e5e5e24cb316cd6efa4c6"},` +
		`"event":{"id":"a","title":"<T>","published":"2026-11-20T09:00:00Z"},"attributes":{"kind":"article.published"},"past":{"left":[]}}` + "\n"
)

func last(n int) string { return fmt.Sprintf(`{"format":1,"galleries":%d}`+"\n", n) }

func TestDamagedLineIsRefusedAlone(t *testing.T) {
	t.Parallel()
	swap := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in the line", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	const changed = "the event is not the one that the rank was made of"
	for _, c := range []struct{ name, line, reason string }{
		{"event", swap("<T>", "<S>"), changed},
		{"id", swap(`1,"id":"a"`, `1,"id":"b"`), changed},
		{"updated", swap("09:00:00Z", "09:00:01Z"), changed},
		{"version", swap(`"version":0`, `"version":1`), changed},
		{"take-down", swap("false", "true"), changed},
		{"hash", swap("8ffc", "8ffd"), changed},
		{"short hash", swap("8ffc", ""), "is no hash"},
		{"hash of letters", swap("8ffc", "gggg"), "is no hash"},
		{"no rank", `{"format":1,"id":"a","event":{"id":"a"}}` + "\n", "there is no rank"},
		{"no event", swap(`"event"`, `"other"`), "not valid JSON"},
		{"event is refused", swap(`"title":"<T>",`, ``), "/title: missing"},
		{"cut off", good[:40] + "\n", "the line is damaged"},
		{"no JSON", "hello\n", "the line is damaged"},
		{"newer", swap(`"format":1`, `"format":2`), "format 2 was written by a newer release"},
		{"no format", swap(`"format":1,`, ``), "it has no format"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &memoryStore{}
			results, err := take(t, first+c.line+"\n"+good+last(2), backup.Options{Store: s})
			if err != nil || len(results) != 2 {
				t.Fatalf("%v, %v", results, err)
			}
			if r := results[0]; r.Err == nil || !strings.Contains(r.Err.Error(), c.reason) || r.Line != 2 {
				t.Errorf("refused with %+v, want %q", r, c.reason)
			}
			if r := results[1]; r.Err != nil || r.Line != 4 || len(s.kept) != 1 || s.kept["a"].ID != "a" {
				t.Errorf("the good line: %+v, kept %v", r, s.kept)
			}
		})
	}
}

func TestIncompleteExportIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, reason string
		stored             int
	}{
		{"empty", "", "there is nothing in it", 0},
		{"without its beginning", good + last(1), "line 1: this is no export of gallerywire", 0},
		{"something else", "hello", "line 1: the line is damaged, or not from an export", 0},
		{"of a newer release", strings.Replace(first, "1", "2", 1), "line 1: format 2", 0},
		{"without its end", first + good, "it ends after line 2, without its last one", 1},
		{"without a line", first + good + last(2), "it had 2 galleries and has 1", 1},
		{"two of them", first + good + last(1) + first + good + last(1), "line 4: the export ended before it", 1},
	} {
		s := &memoryStore{}
		_, err := take(t, c.text, backup.Options{Store: s})
		if err == nil || !strings.Contains(err.Error(), c.reason) || len(s.kept) != c.stored {
			t.Errorf("%s: %v, %d stored, want %q and %d", c.name, err, len(s.kept), c.reason, c.stored)
		}
	}
}

func TestImportReportsAFailingReader(t *testing.T) {
	t.Parallel()
	fire := errors.New("disk on fire")
	err := backup.Import(t.Context(), iotest.ErrReader(fire), backup.Options{Store: &memoryStore{}, Site: &memorySite{}})
	if !errors.Is(err, fire) {
		t.Errorf("error %v", err)
	}
}

func TestImportTakesTheSitesID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, export, here string
		keep               bool
		want               string
		refused            bool
	}{
		{"to nothing", "a.example", "", false, "a.example", false},
		{"to the same", "a.example", "a.example", false, "a.example", false},
		{"to another", "a.example", "b.example", false, "b.example", true},
		{"to another that is kept", "a.example", "b.example", true, "b.example", false},
		{"kept where there is none", "a.example", "", true, "", false},
		{"of none", "", "b.example", false, "b.example", false},
	} {
		site, s := &memorySite{c.here}, &memoryStore{}
		text := strings.Replace(first, "news.example.com", c.export, 1) + good + last(1)
		_, err := take(t, text, backup.Options{Store: s, Site: site, KeepSite: c.keep})
		if (err != nil) != c.refused || site.id != c.want || (len(s.kept) == 0) != c.refused {
			t.Errorf("%s: site %q, %d stored, %v", c.name, site.id, len(s.kept), err)
		}
	}
}

// many is an export of that many galleries.
func many(t *testing.T, n int) string {
	t.Helper()
	c := store(t)
	for i := range n {
		taken(t, c, published(fmt.Sprintf(`{"id":"g%d","title":"T","published":"2026-11-20T09:00:00Z"}`, i)))
	}
	return export(t, c, "news.example.com")
}

func TestImportEndsAtAStorageError(t *testing.T) {
	t.Parallel()
	away := errors.New("no server")
	s := &memoryStore{fails: func(id string) error {
		if id == "g50" {
			return away
		}
		return nil
	}}
	results, err := take(t, many(t, 100), backup.Options{Store: s})
	if !errors.Is(err, away) || !strings.HasPrefix(err.Error(), "line 52: ") {
		t.Errorf("error %v", err)
	}
	if len(results) != 50 {
		t.Errorf("%d results before it", len(results))
	}
	s.fails = nil
	if results, err = take(t, many(t, 100), backup.Options{Store: s}); err != nil || len(results) != 100 || len(s.kept) != 100 {
		t.Errorf("again: %d results, %d stored, %v", len(results), len(s.kept), err)
	}
}

func TestImportContinuesAfterARefusedRecord(t *testing.T) {
	t.Parallel()
	s := &memoryStore{fails: func(id string) error {
		switch id {
		case "g3":
			return fmt.Errorf("g3: %w", catalogue.ErrNewerFormat)
		case "g7":
			return fmt.Errorf("g7: %w", catalogue.ErrUnreadable)
		}
		return nil
	}}
	results, err := take(t, many(t, 20), backup.Options{Store: s})
	if err != nil || len(results) != 20 || len(s.kept) != 18 {
		t.Fatalf("%d results, %d stored, %v", len(results), len(s.kept), err)
	}
	if !errors.Is(results[3].Err, catalogue.ErrNewerFormat) || !errors.Is(results[7].Err, catalogue.ErrUnreadable) {
		t.Errorf("%+v, %+v", results[3], results[7])
	}
}

func TestImportEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	done := func(r backup.Result) {
		if r.Line == 10 {
			cancel()
		}
	}
	err := backup.Import(ctx, strings.NewReader(many(t, 100)), backup.Options{Store: store(t), Site: &memorySite{}, Done: done})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestImportTakesAnEventInBase64(t *testing.T) {
	const inline = `"event":{"id":"a","title":"<T>","published":"2026-11-20T09:00:00Z"}`
	text := strings.Replace(good, inline, `"event_base64":"eyJpZCI6ImEiLCJ0aXRsZSI6IjxUPiIsInB1Ymxpc2hlZCI6IjIwMjYtMTEtMjBUMDk6MDA6MDBaIn0="`, 1)
	s := &memoryStore{}
	results, err := take(t, first+text+last(1), backup.Options{Store: s})
	if err != nil || len(results) != 1 || results[0].Err != nil {
		t.Fatalf("%+v, %v", results, err)
	}
	if diff := cmp.Diff(`{"id":"a","title":"<T>","published":"2026-11-20T09:00:00Z"}`, string(s.kept["a"].Body)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever is imported, it ends, and what is stored has the rank that its event
// says.
func FuzzImport(f *testing.F) {
	f.Add(first + good + last(1))
	f.Add(first + strings.Replace(good, "<T>", "<S>", 1))
	f.Add(first + `{"format":1,"id":"b","rank":{"updated":"2026-11-20T09:00:00Z","take_down":true,"hash":""},"event":{"id":"b"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s := &memoryStore{}
		_, _ = take(t, text, backup.Options{Store: s}) // most of it is refused
		for _, r := range s.kept {
			m := event.Message{Subject: "article.published", Data: r.Body, Stored: r.Rank.Updated}
			if r.Rank.TakeDown {
				m.Subject = "article.unpublished"
			}
			e, err := event.Reader{}.Decode(m)
			if err != nil || e.Rank.Compare(r.Rank) != 0 || e.GalleryID() != r.ID {
				t.Errorf("stored %+v, its event is %+v, %v", r, e, err)
			}
			if strings.ContainsAny(string(r.Event)+string(r.Past), "\r\n") {
				t.Errorf("stored with a line feed: %q, %q", r.Event, r.Past)
			}
		}
	})
}
