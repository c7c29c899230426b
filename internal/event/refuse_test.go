package event

import (
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// least is a gallery with all that is required, open at its end.
const least = `{"id":"a","title":"t","published":"2026-11-20T09:00:00Z"`

func refusal(t *testing.T, m Message) gallery.Problems {
	t.Helper()
	if m.Stored.IsZero() {
		m.Stored = arrived
	}
	e, err := bounded.Decode(m)
	var ps gallery.Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("decode %.200s: event %v, error %v", m.Data, e, err)
	}
	return ps
}

func TestBareGalleryIsRefusedWithPlaceAndReason(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"nothing", "", "not valid JSON at line 1, column 1: it is empty"},
		{"white space", " \n", "not valid JSON at line 2, column 1: it is empty"},
		{"HTML", "<html>", "not valid JSON at line 1, column 1: invalid character '<' at start of value"},
		{"byte order mark", "\ufeff" + least + "}", "not valid JSON at line 1, column 1: it begins with a byte order mark: leave that out"},
		{"cut off", least, "not valid JSON at line 1, column 57: it ends too early"},
		{"cut off in a string", least + `,"x":"é`, "/x: not valid JSON at line 1, column 64: it ends too early"},
		{"wrong on the third line", "{\n\"id\": \"a\",\n  word: 1}", "not valid JSON at line 3, column 3: invalid character 'w' at start of value"},
		{"something after the end", least + "} {", "not valid JSON at line 1, column 59: invalid character '{' after top-level value"},
		{"comma at the end", least + ",}", "not valid JSON at line 1, column 57: nothing follows this comma: leave it out"},
		{"duplicate name", least + `,"title":"u"}`, "/title: not valid JSON at line 1, column 58: the object has this name twice"},
		{"duplicate name in an unknown field", least + `,"x":[{"y":1,"y":2}]}`, "/x/0/y: not valid JSON at line 1, column 70: the object has this name twice"},
		{"invalid UTF-8", least + ",\"summary\":\"\xff\"}", "/summary: not valid JSON at line 1, column 69: invalid UTF-8"},
		{"half a surrogate pair", least + `,"x":"\ud800"}`, "/x: not valid JSON at line 1, column 63: invalid surrogate pair `\\ud800\"}` in string"},
		{"raw control character", least + ",\"x\":\"a\x01\"}", `/x: not valid JSON at line 1, column 64: invalid character '\x01' in string (expecting non-control character)`},
		{"number that is none", least + `,"x":NaN}`, "/x: not valid JSON at line 1, column 62: invalid character 'N' at start of value"},
		{"null", "null", "holds null where an object belongs"},
		{"a word that begins as null", "not found", "not valid JSON at line 1, column 2: invalid character 'o' in literal null (expecting 'u')"},
		{"list", "[" + least + "}]", "holds an array where an object belongs"},
		{"string", `"{}"`, "holds a string where an object belongs"},
		{"number for a string", least + `,"section":7}`, "/section: holds a number where a string belongs"},
		{"object for a string", least + `,"section":{"name":"Travel"}}`, "/section: holds an object where a string belongs"},
		{"number as a string", least + `,"version":"3"}`, "/version: holds a string where a whole number belongs"},
		{"fraction", least + `,"version":3.5}`, "/version: 3.5 is no whole number that fits here: write it without point and exponent"},
		{"number too large", least + `,"version":9223372036854775808}`, "/version: 9223372036854775808 is too large"},
		{"string for a list", least + `,"tags":"a, b"}`, "/tags: holds a string where an array belongs"},
		{"object for a list", least + `,"slides":{}}`, "/slides: holds an object where an array belongs"},
		{"number in a list", least + `,"tags":["a",2]}`, "/tags/1: holds a number where a string belongs"},
		{"string for an object", least + `,"slides":[{"image":"https://img.example.com/1.jpg"}]}`, "/slides/0/image: holds a string where an object belongs"},
		{"truth for an object", least + `,"rights":false}`, "/rights: holds false where an object belongs"},
		{"string for truth", least + `,"rights":{"syndicate":"no"}}`, "/rights/syndicate: holds a string where true or false belongs"},
		{"impossible date", least + `,"updated":"2026-02-30T09:00:00Z"}`, `/updated: "2026-02-30T09:00:00Z" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"second 60 at noon", least + `,"updated":"2026-11-20T12:00:60Z"}`, `/updated: "2026-11-20T12:00:60Z" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"comma in an instant", least + `,"updated":"2026-11-20T12:00:00,5Z"}`, `/updated: "2026-11-20T12:00:00,5Z" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"date without time", least + `,"expires":"2026-11-20"}`, `/expires: "2026-11-20" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"time without zone", least + `,"expires":"2026-11-20T09:00:00"}`, `/expires: "2026-11-20T09:00:00" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"empty instant", least + `,"expires":""}`, `/expires: "" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"seconds of Unix", least + `,"expires":1700000000}`, `/expires: holds a number where an instant such as "2026-11-20T09:00:00Z" belongs`},
		{"no fields", "{}", "/id: missing or blank: state an id that never changes; /title: missing or blank; " +
			"/published: missing: state an instant such as 2026-11-20T09:00:00Z"},
		{"null for what is required", `{"id":"a","title":null,"published":"2026-11-20T09:00:00Z"}`, "/title: missing or blank"},
		{"names in capitals", `{"id":"a","Title":"t","published":"2026-11-20T09:00:00Z"}`, "/title: missing or blank"},
		{"300-byte id", `{"id":"` + strings.Repeat("x", 300) + `","title":"t","published":"2026-11-20T09:00:00Z"}`,
			"/id: is 300 bytes long, at most 256 are allowed"},
		{"null among the slides", least + `,"slides":[null]}`, "/slides/0/image/url: missing: a slide has a picture"},
		{"script address", least + `,"url":"javascript:alert(1)"}`, `/url: begins with "javascript:": only http and https addresses are allowed`},
		{"updated in the far future", least + `,"updated":"2026-11-21T12:00:01Z"}`,
			"/updated: 2026-11-21T12:00:01Z is more than a day after the event arrived (2026-11-20T12:00:00Z) and would outrank every correction until then: " +
				"state when this revision was made; an embargoed gallery states both updated and a later published"},
		{"embargo without updated", `{"id":"a","title":"t","published":"2026-12-24T09:00:00Z"}`,
			"/updated: 2026-12-24T09:00:00Z is more than a day after the event arrived (2026-11-20T12:00:00Z) and would outrank every correction until then: " +
				"state when this revision was made; an embargoed gallery states both updated and a later published"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ps := refusal(t, Message{Subject: "article.published", Data: []byte(tt.data)})
			if diff := cmp.Diff(tt.want, ps.Error()); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMisfitHidesNoOtherProblem(t *testing.T) {
	const noInstant = `"2026-11-20" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`
	tests := []struct{ name, subject, data, want string }{
		{"a date and much else", "article.published",
			`{"id":"","title":"","published":"2026-11-20","slides":[{"image":{"url":"ftp://x"}},{"image":{}}],"version":-1}`,
			"/published: " + noInstant + "; /id: missing or blank: state an id that never changes; /title: missing or blank; /version: is negative; " +
				`/slides/0/image/url: begins with "ftp:": only http and https addresses are allowed; /slides/1/image/url: missing: a slide has a picture`},
		{"several that do not fit", "article.published",
			`{"id":7,"title":"t","published":"2026-11-20T09:00:00Z","version":-1,"tags":["a",2],"expires":"2026-11-20","slides":[{"image":{"url":"https://a.example/1","width":"9"}},7]}`,
			"/id: holds a number where a string belongs; /tags/1: holds a number where a string belongs; /expires: " + noInstant +
				"; /slides/0/image/width: holds a string where a whole number belongs; /slides/1: holds a number where an object belongs; /version: is negative"},
		{"what follows from one that does not fit", "article.published",
			`{"id":"a","title":"t","published":"2026-11-20T09:00:00Z","url":["https://a.example"],"slides":[{"image":{"url":"1.jpg"}}]}`,
			"/url: holds an array where a string belongs"},
		{"something broken after it", "article.published", `{"id":7,"title":}`,
			"/id: holds a number where a string belongs; /title: not valid JSON at line 1, column 17: missing value after object name"},
		{"a take-down", "article.unpublished", `{"id":"","updated":"2026-11-20","version":-1}`,
			"/updated: " + noInstant + "; /id: missing or blank: state an id that never changes; /version: is negative"},
		{"in a CloudEvent", "x", string(structured(Published, []byte(`{"id":"a","title":"","published":"2026-11-20","version":"1"}`))),
			"/data/published: " + noInstant + "; /data/version: holds a string where a whole number belongs; /data/title: missing or blank"},
		{"a long address", "article.published", `{"id":"a","title":"","published":"2026-11-20T09:00:00Z","url":"https://a.example/` + strings.Repeat("x", 2048) + `"}`,
			"/url: is 2066 bytes long, at most 2048 are allowed; /title: missing or blank"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ps := refusal(t, Message{Subject: tt.subject, Data: []byte(tt.data)})
			if diff := cmp.Diff(tt.want, ps.Error()); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
	many := least + `,"tags":[` + strings.Repeat("1,", 100) + `1],"slides":[` + strings.Repeat("{},", 100) + "{}]}"
	if ps := refusal(t, Message{Data: []byte(many)}); len(ps) != 20 {
		t.Errorf("%d problems, want 20", len(ps))
	}
}

func TestCloudEventIsRefusedWithPlaceAndReason(t *testing.T) {
	const good = `"specversion":"1.0","id":"e-1","source":"//cms","type":"article.published"`
	tests := []struct{ name, data, want string }{
		{"old version", `{"specversion":"0.3"}`, `/specversion: "0.3" is not understood: CloudEvents are sent as "1.0"`},
		{"version null", `{"specversion":null}`, `/specversion: "" is not understood: CloudEvents are sent as "1.0"`},
		{"version a number", `{"specversion":1.0}`, "/specversion: holds a number where a string belongs"},
		{"no id", `{"specversion":"1.0","source":"//cms","type":"article.published","data":{}}`, "/id: missing: a CloudEvent has an id"},
		{"no source", `{"specversion":"1.0","id":"e-1","type":"article.published","data":{}}`, "/source: missing: a CloudEvent has a source"},
		{"no type", `{"specversion":"1.0","id":"e-1","source":"//cms","data":{}}`,
			"/type: missing: a CloudEvent has a type, here article.published or article.unpublished"},
		{"type a list", `{"specversion":"1.0","type":["article.published"]}`, "/type: holds an array where a string belongs"},
		{"foreign type", `{"specversion":"1.0","id":"e-1","source":"//cms","type":"com.example.video.published","data":{}}`,
			`/type: "com.example.video.published" is neither article.published nor article.unpublished, with or without a prefix such as com.example.`},
		{"type that only ends alike", `{"specversion":"1.0","id":"e-1","source":"//cms","type":"particle.published","data":{}}`,
			`/type: "particle.published" is neither article.published nor article.unpublished, with or without a prefix such as com.example.`},
		{"time that is none", `{` + good + `,"time":"yesterday","data":{}}`,
			`/time: "yesterday" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"time in 9999", `{` + good + `,"time":"9999-01-01T00:00:00Z","data":{}}`, "/time: the year 9999 is not between 1800 and 2200"},
		{"no data", `{` + good + `}`, "/data: missing: the gallery belongs here"},
		{"data null", `{` + good + `,"data":null}`, "/data: missing: the gallery belongs here"},
		{"data empty", `{` + good + `,"data_base64":""}`, "/data: missing: the gallery belongs here"},
		{"data a string", `{` + good + `,"data":"{}"}`, "/data: holds a string where an object belongs"},
		{"field in data", `{` + good + `,"data":` + least + `,"tags":"a"}}`, "/data/tags: holds a string where an array belongs"},
		{"fields missing in data", `{` + good + `,"data":{"title":"t","published":"2026-11-20T09:00:00Z"}}`,
			"/data/id: missing or blank: state an id that never changes"},
		{"data broken", `{` + good + `,"data":{"id":}}`, "/data/id: not valid JSON at line 1, column 90: missing value after object name"},
		{"data twice", `{` + good + `,"data":{},"data_base64":"e30="}`, "/data_base64: stands beside data: only one of them may hold the gallery"},
		{"data not base64", `{` + good + `,"data_base64":"{}"}`,
			"/data_base64: is not base64: use the standard alphabet and padding (RFC 4648 section 4)"},
		{"data a number in base64", `{` + good + `,"data_base64":7}`, "/data_base64: holds a number where a string belongs"},
		{"JSON broken in base64", `{` + good + `,"data_base64":"ew=="}`, "/data_base64: not valid JSON at line 1, column 2: it ends too early"},
		{"field in base64", `{` + good + `,"data_base64":"` + base64.StdEncoding.EncodeToString([]byte(least+`,"tags":[1]}`)) + `"}`,
			"/data_base64/tags/0: holds a number where a string belongs"},
		{"updated in the far future", `{` + good + `,"data":` + least + `,"updated":"2027-01-01T00:00:00Z"}}`,
			"/data/updated: 2027-01-01T00:00:00Z is more than a day after the event arrived (2026-11-20T12:00:00Z) and would outrank every correction until then: " +
				"state when this revision was made; an embargoed gallery states both updated and a later published"},
		{"several in one message", `[{` + good + `,"data":` + least + `}}]`, "holds an array where an object belongs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ps := refusal(t, Message{Subject: "article.published", Data: []byte(tt.data)})
			if diff := cmp.Diff(tt.want, ps.Error()); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBinaryEventIsRefusedWithTheNameOfTheHeader(t *testing.T) {
	tests := []struct{ name, header, value, data, want string }{
		{"old version", "ce-specversion", "0.3", least + "}", `header ce-specversion: "0.3" is not understood: CloudEvents are sent as "1.0"`},
		{"no id", "ce-id", "", least + "}", "header ce-id: missing: a CloudEvent has an id"},
		{"no source", "ce-source", "", least + "}", "header ce-source: missing: a CloudEvent has a source"},
		{"no type", "ce-type", "", least + "}", "header ce-type: missing: a CloudEvent has a type, here article.published or article.unpublished"},
		{"foreign type", "ce-type", "video.published", least + "}",
			`header ce-type: "video.published" is neither article.published nor article.unpublished, with or without a prefix such as com.example.`},
		{"time that is none", "ce-time", "yesterday", least + "}",
			`header ce-time: "yesterday" is no instant: write it as 2026-11-20T09:00:00Z (RFC 3339)`},
		{"time in 1066", "ce-time", "1066-10-14T09:00:00Z", least + "}", "header ce-time: the year 1066 is not between 1800 and 2200"},
		{"source in no UTF-8", "ce-source", "/a%C0%A0b", least + "}", `header ce-source: "/a\xc0\xa0b" is not UTF-8 once it is decoded`},
		{"id with half a surrogate", "Ce-ID", `"%ED%A0%80"`, least + "}", `header ce-id: "\xed\xa0\x80" is not UTF-8 once it is decoded`},
		{"bytes in no UTF-8", "ce-type", "article\xff.published", least + "}", `header ce-type: "article\xff.published" is not UTF-8 once it is decoded`},
		{"version in no UTF-8", "ce-specversion", "1.0%FF", least + "}", `header ce-specversion: "1.0\xff" is not UTF-8 once it is decoded`},
		{"extension in no UTF-8", "ce-traceparent", "%80", least + "}", `header ce-traceparent: "\x80" is not UTF-8 once it is decoded`},
		{"no body", "x", "", " ", "missing: the gallery belongs here"},
		{"null as body", "x", "", " null\n", "missing: the gallery belongs here"},
		{"a word as body", "x", "", "none", "not valid JSON at line 1, column 2: invalid character 'o' in literal null (expecting 'u')"},
		{"field in the body", "x", "", least + `,"tags":"a"}`, "/tags: holds a string where an array belongs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := binary(Published)
			h[tt.header] = []string{tt.value}
			ps := refusal(t, Message{Subject: "article.published", Header: h, Data: []byte(tt.data)})
			if diff := cmp.Diff(tt.want, ps.Error()); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageOverTheLimitIsRefusedUnread(t *testing.T) {
	data := []byte(least + "}")
	m, size := Message{Data: data, Stored: arrived}, int64(len(data))
	_, err := Reader{MaxBytes: size}.Decode(m)
	if err != nil {
		t.Errorf("at the limit: %v", err)
	}
	_, err = Reader{MaxBytes: size - 1}.Decode(m)
	if want := "57 bytes, at most 56 are allowed (events.max_event)"; err == nil || err.Error() != want {
		t.Errorf("over the limit: %v, want %s", err, want)
	}
}

func TestTenThousandSlidesAreRefused(t *testing.T) {
	slides := strings.Repeat(`{"image":{"url":"https://img.example.com/1.jpg"}},`, 10_000)
	ps := refusal(t, Message{Data: []byte(least + `,"slides":[` + strings.TrimSuffix(slides, ",") + "]}")})
	if want := "/slides: has 10000 entries, at most 1000 are allowed"; ps.Error() != want {
		t.Errorf("refusal %q, want %q", ps.Error(), want)
	}
}

// A bad value may be as long as the event; its message may not.
func TestRefusalIsBounded(t *testing.T) {
	long := strings.Repeat("é", 200_000)
	for name, data := range map[string]string{
		"lists 100,000 deep":       least + `,"x":` + strings.Repeat("[", 100_000),
		"objects 100,000 deep":     least + `,"x":` + strings.Repeat(`{"y":`, 100_000),
		"closed lists":             least + `,"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
		"long name twice":          least + fmt.Sprintf(`,%[1]q:1,%[1]q:2}`, long),
		"long string for a number": least + fmt.Sprintf(`,"version":%q}`, long),
		"long number":              least + `,"version":1` + strings.Repeat("0", 200_000) + `}`,
		"long instant":             least + fmt.Sprintf(`,"updated":%q}`, long),
		"long address":             least + fmt.Sprintf(`,"url":%q}`, long),
		"long scheme":              least + `,"url":"` + strings.Repeat("x", 2000) + `:"}`,
		"long language":            least + fmt.Sprintf(`,"language":%q}`, long),
		"long type":                fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"1","type":%q,"data":{}}`, long),
		"long specversion":         fmt.Sprintf(`{"specversion":%q}`, long),
		"many wrong slides":        least + `,"slides":[{}` + strings.Repeat(",{}", 100_000) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			words := refusal(t, Message{Data: []byte(data)}).Error()
			if len(words) > 2000 || !utf8.ValidString(words) {
				t.Errorf("%d bytes: %.300q", len(words), words)
			}
		})
	}
}

func TestTakeDownIsDatedByUpdatedElseByTheCloudEventElseByTheStream(t *testing.T) {
	const plain, dated = `{"id":"a"}`, `{"id":"a","updated":"2026-11-20T08:00:00Z"}`
	headers := func(at string) map[string][]string {
		h := binary(Unpublished)
		if at != "" {
			h["ce-time"] = []string{at}
		}
		return h
	}
	tests := []struct {
		name string
		m    Message
		want time.Time
	}{
		{"updated in a bare one", Message{Data: []byte(dated)}, arrived.Add(-4 * time.Hour)},
		{"updated in a structured one", Message{Data: structured(Unpublished, []byte(dated))}, arrived.Add(-4 * time.Hour)},
		{"updated in a binary one", Message{Header: headers("2026-11-20T10:00:00Z"), Data: []byte(dated)}, arrived.Add(-4 * time.Hour)},
		{"time of a structured one", Message{Data: structured(Unpublished, []byte(plain))}, arrived.Add(-89 * time.Minute)},
		{"time of a binary one", Message{Header: headers("2026-11-20T10:00:00+01:00"), Data: []byte(plain)}, arrived.Add(-3 * time.Hour)},
		{"binary one without time", Message{Header: headers(""), Data: []byte(plain)}, arrived},
		{"bare one", Message{Data: []byte(plain)}, arrived},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.m.Subject = "article.unpublished"
			if got := mustDecode(t, tt.m).Rank.Updated; !got.Equal(tt.want) || got.Location() != time.UTC {
				t.Errorf("dated %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTakeDownIsRefusedWithPlaceAndReason(t *testing.T) {
	const ahead = " is more than a day after the event arrived (2026-11-20T12:00:00Z) and would outrank every correction until then: " +
		"state when this revision was made"
	late := binary(Unpublished)
	late["ce-time"] = []string{"2026-12-24T00:00:00Z"}
	tests := []struct {
		name string
		m    Message
		want string
	}{
		{"no id", Message{Data: []byte(`{}`)}, "/id: missing or blank: state an id that never changes"},
		{"a list of ids", Message{Data: []byte(`["a"]`)}, "holds an array where an object belongs"},
		{"id a number", Message{Data: []byte(`{"id":17}`)}, "/id: holds a number where a string belongs"},
		{"wrong in a structured one", Message{Data: structured(Unpublished, []byte(`{"id":"a","version":-1}`))}, "/data/version: is negative"},
		{"updated in the far future", Message{Data: []byte(`{"id":"a","updated":"2026-12-24T00:00:00Z"}`)},
			"/updated: 2026-12-24T00:00:00Z" + ahead},
		{"updated in the year 9999", Message{Data: []byte(`{"id":"a","updated":"9999-12-24T00:00:00Z"}`)},
			"/updated: the year 9999 is not between 1800 and 2200"},
		{"time of the header in the far future", Message{Header: late, Data: []byte(`{"id":"a"}`)}, "header ce-time: 2026-12-24T00:00:00Z" + ahead},
		{"time of the event in the far future", Message{Data: []byte(strings.Replace(
			string(structured(Unpublished, []byte(`{"id":"a"}`))), "2026-11-20", "2026-12-24", 1))}, "/time: 2026-12-24T10:31:00Z" + ahead},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.m.Subject = "article.unpublished"
			if diff := cmp.Diff(tt.want, refusal(t, tt.m).Error()); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdatedMayBeADayAhead(t *testing.T) {
	for kind, data := range map[Kind]string{
		Published: least + `,"updated":"2026-11-21T12:00:00Z"}`, Unpublished: `{"id":"a","updated":"2026-11-21T12:00:00Z"}`,
	} {
		if got := mustDecode(t, Message{Subject: string(kind), Data: []byte(data)}).Rank.Updated; !got.Equal(arrived.Add(maxAhead)) {
			t.Errorf("%s: updated %v", kind, got)
		}
	}
}

func TestEmbargoWithUpdatedIsAccepted(t *testing.T) {
	e := mustDecode(t, Message{Data: []byte(`{"id":"a","title":"t","published":"2026-12-24T09:00:00Z","updated":"2026-11-20T11:00:00Z"}`)})
	if shown(e.Gallery, arrived) || !shown(e.Gallery, arrived.AddDate(0, 2, 0)) {
		t.Errorf("published %v", e.Gallery.Published)
	}
}

// What an event that is refused costs grows with its size, however long its names
// are and however many values stand beneath them.
func TestLongNamesDoNotMakeARefusalExpensive(t *testing.T) {
	name, value := strings.Repeat("x", 200_000), `{"value":""},`
	bodies := strings.TrimSuffix(strings.Repeat(value, 10_000), ",")
	for form, data := range map[string]string{
		"ninjs": `{"uri":"tag:example.com,2026:1","pubstatus":"usable","source":1,"associations":{"` + name + `":{"bodies":[` + bodies + `]}}}`,
		"ours":  least + `,"version":"","` + name + `":[` + bodies + `]}`,
	} {
		t.Run(form, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := desk.Decode(Message{Subject: string(Published), Data: []byte(data), Stored: arrived})
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("accepted")
			}
			if cost := (after.TotalAlloc - before.TotalAlloc) >> 20; cost > 64 {
				t.Errorf("%d MB were needed to refuse %d KB: %.200s", cost, len(data)>>10, err)
			}
		})
	}
}
