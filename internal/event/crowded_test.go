package event_test

import (
	"encoding/base64"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// TestWhatDecodingTakesFollowsTheSize decodes events that are small and would become large,
// in all forms.
func TestWhatDecodingTakesFollowsTheSize(t *testing.T) {
	const size = 1 << 20
	full := func(begin, element, end string) string {
		return begin + strings.Repeat(element+",", (size-len(begin)-len(end))/(len(element)+1)-1) + element + end
	}
	own, item := `{"id":"a","title":"b","published":"2026-01-01T00:00:00Z",`, `{"guid":"a","headline":"b","versioncreated":"2026-01-01T00:00:00Z",`
	slides := full(own+`"slides":[`, "{}", "]}")
	for name, data := range map[string]string{
		"slides":           slides,
		"slides with room": full(own+`"slides":[`, "{ }", "]}"),
		"nulls":            full(own+`"slides":[`, "null", "]}"),
		"nulls, apart":     full(own+`"slides":[ `, "null ", "]}"),
		"authors":          full(own+`"authors":[`, "{}", "]}"),
		"names":            full(own+`"authors":[`, `{"name":""}`, "]}"),
		"tags":             full(own+`"tags":[`, `""`, "]}"),
		"numbers":          full(own+`"slides":[`, `1`, "]}"),
		"lists":            full(own+`"slides":[`, `[]`, "]}"),
		"associations":     full(item+`"associations":[`, "{}", "]}"),
		"named ones":       full(item+`"associations":{"a":{}`, `"a":null`, "}}"),
		"renditions":       full(item+`"renditions":[`, "{}", "]}"),
		"subjects":         full(item+`"subject":[`, "{}", "]}"),
		"structured":       `{"specversion":"1.0","id":"e","source":"/s","type":"article.published","data":` + slides + `}`,
		"base64":           `{"specversion":"1.0","id":"e","source":"/s","type":"article.published","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(slides)) + `"}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := event.Reader{}.Decode(event.Message{Subject: "article.published", Data: []byte(data), Stored: time.Now()})
		runtime.ReadMemStats(&after)
		if problems, refused := errors.AsType[gallery.Problems](err); !refused || len(problems) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 32*size {
			t.Errorf("%s: allocated %d MB", name, took>>20)
		}
	}
}

// Braces in texts are no objects.
func TestTextsMayHaveBraces(t *testing.T) {
	braces := strings.Repeat(`{null,\"{[null,\\`, 1000)
	for _, data := range []string{
		`{"id":"a","title":"b","published":"2026-01-01T00:00:00Z","summary":"` + braces + `"}`,
		`{"id":"a","title":"b","published":"2026-01-01T00:00:00Z","more":{"` + braces + `":null,"other":null}}`,
	} {
		if _, err := (event.Reader{}).Decode(event.Message{Subject: "article.published", Data: []byte(data), Stored: time.Now()}); err != nil {
			t.Error(err)
		}
	}
}
