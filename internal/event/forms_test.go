package event

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// arrived is when the stream stored the events of these tests.
var arrived = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const maxEvent = 1 << 20

// bounded reads messages of a common size, and items only if they state an address.
var bounded = Reader{MaxBytes: maxEvent}

// harbour is a gallery with every field of the contract and some unknown ones.
func harbour(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "harbour.json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func structured(kind Kind, data []byte) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"e-1","source":"//cms.example.com","type":"com.example.%s",
		"time":"2026-11-20T10:31:00Z","datacontenttype":"application/json","data":%s}`, kind, data)
}

func encoded(kind Kind, data []byte) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"e-1","source":"//cms.example.com","type":%q,"data_base64":%q}`,
		kind, base64.StdEncoding.EncodeToString(data))
}

func binary(kind Kind) map[string][]string {
	return map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {"e-1"}, "ce-source": {"//cms.example.com"}, "ce-type": {string(kind)},
		"Content-Type": {"application/json"},
	}
}

func mustDecode(t testing.TB, m Message) *Event {
	t.Helper()
	if m.Stored.IsZero() {
		m.Stored = arrived
	}
	e, err := bounded.Decode(m)
	if err != nil {
		t.Fatalf("decode %.200s: %v", m.Data, err)
	}
	return e
}

// forms returns one revision in all its forms.
func forms(kind Kind, data []byte) map[string]Message {
	subject := string(kind)
	return map[string]Message{
		"bare":       {Subject: subject, Data: data},
		"structured": {Subject: "elsewhere.events", Data: structured(kind, data)},
		"base64":     {Subject: "elsewhere.events", Data: encoded(kind, data)},
		"binary":     {Subject: "elsewhere.events", Header: binary(kind), Data: data},
	}
}

func TestEveryFormOfARevisionIsOneRankAndOneGallery(t *testing.T) {
	data := harbour(t)
	want := mustDecode(t, forms(Published, data)["bare"])
	if want.Gallery == nil || want.Gallery.ID != "harbour-lights" || len(want.Gallery.Slides) != 2 {
		t.Fatalf("the bare gallery is %+v", want.Gallery)
	}
	for name, m := range forms(Published, data) {
		t.Run(name, func(t *testing.T) {
			e := mustDecode(t, m)
			if e.Kind != Published || e.Rank != want.Rank || e.Rank.Compare(want.Rank) != 0 {
				t.Errorf("%s with rank %v, want %v", e.Kind, e.Rank, want.Rank)
			}
			if diff := cmp.Diff(want.Gallery, e.Gallery); diff != "" {
				t.Errorf("gallery (-bare +%s):\n%s", name, diff)
			}
			if name != "bare" && (e.ID != "e-1" || e.Source != "//cms.example.com") {
				t.Errorf("CloudEvent %q of %q", e.ID, e.Source)
			}
			stored, err := bounded.Gallery(m.Data)
			if err != nil {
				t.Fatalf("read back: %v", err)
			}
			if diff := cmp.Diff(want.Gallery, stored); diff != "" {
				t.Errorf("read back (-decoded +stored):\n%s", diff)
			}
		})
	}
}

func TestEveryFormOfATakeDownIsOneRank(t *testing.T) {
	data := []byte(`{"id":"harbour-lights","updated":"2026-11-20T11:00:00+01:00","version":4,"reason":"rights"}`)
	for name, m := range forms(Unpublished, data) {
		t.Run(name, func(t *testing.T) {
			e := mustDecode(t, m)
			want := gallery.Rank{
				Updated: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), Version: 4, TakeDown: true, Hash: gallery.HashOf(data),
			}
			if e.Kind != Unpublished || e.Gallery != nil || e.Rank != want {
				t.Errorf("%s with rank %v, want %v", e.Kind, e.Rank, want)
			}
			if e.GalleryID() != "harbour-lights" || e.Removed.Reason != "rights" {
				t.Errorf("takes down %q because of %q", e.GalleryID(), e.Removed.Reason)
			}
		})
	}
}

func TestWhiteSpaceBetweenTokensDoesNotChangeTheRank(t *testing.T) {
	const tight = `{"id":"a","title":"A  \" b\\","published":"2026-11-20T09:00:00Z","tags":["x","\\\""],"x":[1,{"y":null}]}`
	const loose = "\r\n { \"id\" :\t\"a\" , \"title\":\"A  \\\" b\\\\\",\n\n\"published\" : \"2026-11-20T09:00:00Z\"," +
		"\"tags\" : [ \"x\" , \"\\\\\\\"\" ], \"x\": [ 1 , { \"y\" : null } ] } \n"
	a := mustDecode(t, Message{Data: []byte(tight)})
	b := mustDecode(t, Message{Data: []byte(loose)})
	if a.Rank != b.Rank {
		t.Errorf("ranks %v and %v", a.Rank, b.Rank)
	}
	if a.Rank.Hash != gallery.HashOf([]byte(tight)) {
		t.Errorf("the hash is not that of the content without white space")
	}
	c := mustDecode(t, Message{Data: []byte(strings.Replace(tight, "A  ", "A ", 1))})
	if c.Rank == a.Rank {
		t.Error("white space inside a string was ignored")
	}
}

func TestTypeSaysTheKindElseTheSubject(t *testing.T) {
	taken := []byte(`{"id":"a","updated":"2026-11-20T09:00:00Z"}`)
	shown := []byte(`{"id":"a","title":"t","published":"2026-11-20T09:00:00Z"}`)
	tests := []struct {
		name, subject, typ string
		want               Kind
	}{
		{"type without prefix", "x", "article.unpublished", Unpublished},
		{"type with a reverse-DNS prefix", "x", "com.example.cms.article.unpublished", Unpublished},
		{"published with a prefix", "x", "com.example.article.published", Published},
		{"type against subject", "article.published", "article.unpublished", Unpublished},
		{"subject against type", "article.unpublished", "article.published", Published},
		{"subject only", "article.unpublished", "", Unpublished},
		{"subject with a prefix", "cms.eu.article.unpublished", "", Unpublished},
		{"subject of one token", "unpublished", "", Unpublished},
		{"published by subject", "article.published", "", Published},
		{"subject that only ends alike", "article.re-unpublished", "", Published},
		{"subject that says nothing", "cms.events", "", Published},
		{"no subject", "", "", Published},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := shown
			if tt.want == Unpublished {
				data = taken
			}
			m := Message{Subject: tt.subject, Data: data}
			if tt.typ != "" {
				m.Header = binary(Kind(tt.typ))
			}
			if e := mustDecode(t, m); e.Kind != tt.want {
				t.Errorf("kind %s, want %s", e.Kind, tt.want)
			}
		})
	}
}

func TestHeaderNamesAreReadInAnyCase(t *testing.T) {
	for _, spell := range []func(string) string{strings.ToLower, strings.ToUpper, func(s string) string {
		return "Ce-" + strings.ToUpper(s[3:4]) + s[4:]
	}} {
		h := map[string][]string{}
		for name, values := range binary(Unpublished) {
			h[spell(name)] = values
		}
		e := mustDecode(t, Message{Subject: "article.published", Header: h, Data: []byte(`{"id":"a"}`)})
		if e.Kind != Unpublished || e.ID != "e-1" || e.Source != "//cms.example.com" {
			t.Errorf("headers %v are %s, id %q, source %q", h, e.Kind, e.ID, e.Source)
		}
	}
}

func TestHeaderInTwoSpellingsIsReadTheSameOnEveryNode(t *testing.T) {
	h := binary(Published)
	h["CE-ID"], h["Ce-Id"] = []string{"first"}, []string{"second"}
	for range 50 {
		if ce, _ := attributes(h); ce["id"] != "first" {
			t.Fatalf("ce-id = %q", ce["id"])
		}
	}
}

// CloudEvents, NATS binding §3.1.3.2: first the quotes of RFC 9110 §5.6.4, then one
// round of percent-decoding.
func TestHeaderValuesAreDecoded(t *testing.T) {
	for sent, want := range map[string]string{
		"plain":                           "plain",
		"Euro%20%E2%82%AC%20%F0%9F%98%80": "Euro \u20ac \U0001f600",
		"caf%c3%a9":                       "café",
		"café €":                          "café €", // NATS carries it
		"%2525":                           "%25",    // one round
		"100% ours":                       "100% ours",
		"100%%20":                         "100% ",
		"%":                               "%",
		"%4":                              "%4",
		"%zz%41":                          "%zzA",
		"a+b":                             "a+b",
		`"quoted"`:                        "quoted",
		`"a b"`:                           "a b",
		`"a\"b\\c\d"`:                     `a"b\cd`,
		`"caf%C3%A9 1"`:                   "café 1",
		`"%22"`:                           `"`,
		`"a%5C%22b"`:                      `a\"b`,
		" \t\"padded\" ":                  "padded",
		`""quoted twice""`:                `""quoted twice""`,
		`%22quoted%22`:                    `"quoted"`,
		`"open`:                           `"open`,
		`"open\"`:                         `"open\"`,
		`"`:                               `"`,
		`a"b"`:                            `a"b"`,
	} {
		h := binary(Published)
		h["ce-id"], h["ce-source"] = []string{sent}, []string{sent}
		m := Message{Header: h, Data: harbour(t)}
		e := mustDecode(t, m)
		id, source, _ := Attributes(m)
		if e.ID != want || e.Source != want || id != want || source != want {
			t.Errorf("%s is read as %q and %q, and named %q and %q, want %q", sent, e.ID, e.Source, id, source, want)
		}
	}
}

func TestEveryHeaderMayBeQuoted(t *testing.T) {
	at := `"2026-11-20t11%3A00:00+01:00"`
	h := map[string][]string{
		"Ce-Specversion": {`"1.0"`}, "ce-id": {`"e-1"`}, "ce-source": {`"//cms.example.com"`}, "ce-type": {`"com.example.article.unpublished"`}, "ce-time": {at},
	}
	e := mustDecode(t, Message{Subject: "article.published", Header: h, Data: []byte(`{"id":"a"}`)})
	if want := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC); e.Kind != Unpublished || e.ID != "e-1" || e.Source != "//cms.example.com" || !e.Rank.Updated.Equal(want) {
		t.Errorf("%s of %q by %q at %s", e.Kind, e.ID, e.Source, e.Rank.Updated)
	}
}

// The same spellings everywhere, and the same instants.
func TestInstantsAreReadTheSameInEveryForm(t *testing.T) {
	for sent, want := range map[string]time.Time{
		"2026-11-20t09:00:00z":            time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
		"2026-11-20T09:00:00-00:00":       time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
		"2026-11-20T09:00:00+0000":        time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
		"2026-11-20 09:00:00+00:00":       time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
		"2026-11-20T09:00:00.1234567891Z": time.Date(2026, 11, 20, 9, 0, 0, 123456789, time.UTC),
		"2016-12-31T23:59:60Z":            time.Date(2016, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"2016-12-31T15:59:60-08:00":       time.Date(2016, 12, 31, 23, 59, 59, 999999999, time.UTC),
	} {
		g := mustDecode(t, Message{Data: fmt.Appendf(nil, `{"id":"a","title":"t","published":%[1]q,"updated":%[1]q,"expires":%[1]q,"rights":{"until":%[1]q},
			"slides":[{"rights":{"until":%[1]q},"image":{"url":"https://a.example/1.jpg"}}]}`, sent)}).Gallery
		got := map[string]time.Time{"published": g.Published, "updated": g.Updated, "expires": g.Expires, "until": g.Rights.Until, "a slide's until": g.Slides[0].Rights.Until}
		h := binary(Unpublished)
		h["ce-time"] = []string{sent}
		got["ce-time"] = mustDecode(t, Message{Header: h, Data: []byte(`{"id":"a"}`)}).Rank.Updated
		got["updated of a take-down"] = mustDecode(t, Message{Subject: "article.unpublished", Data: fmt.Appendf(nil, `{"id":"a","updated":%q}`, sent)}).Rank.Updated
		got["time"] = mustDecode(t, Message{Data: fmt.Appendf(nil, `{"specversion":"1.0","id":"e","source":"//a","type":"article.unpublished","time":%q,"data":{"id":"a"}}`, sent)}).Rank.Updated
		got["versioncreated"] = mustRead(t, Message{Data: fmt.Appendf(nil, `{"guid":"g","type":"text","headline":"H","slugline":"s","versioncreated":%q}`, sent)}).Rank.Updated
		for place, at := range got {
			if !at.Equal(want) {
				t.Errorf("%s as %s is %s, want %s", sent, place, at, want)
			}
		}
	}
}

func TestLanguageTagsAreCanonical(t *testing.T) {
	for sent, want := range map[string]string{
		"pt_BR": "pt-BR", "x-klingon": "x-klingon", "i-default": "i-default", "iw": "he", "zh-min-nan": "nan", "EN-us": "en-US", "en-a-bbb": "en-a-bbb", "xx": "xx",
	} {
		own := mustDecode(t, Message{Data: []byte(least + `,"language":"` + sent + `"}`)})
		item := mustRead(t, Message{Data: []byte(`{"guid":"g","type":"text","headline":"H","slugline":"s","versioncreated":"2026-11-20T09:00:00Z","language":"` + sent + `"}`)})
		if own.Gallery.Language != want || item.Gallery.Language != want {
			t.Errorf("%s is %q, in an item %q, want %q", sent, own.Gallery.Language, item.Gallery.Language, want)
		}
	}
}

// Earlier releases took them.
func TestStoredGalleryMayHaveALanguageThatIsRefusedToday(t *testing.T) {
	data := []byte(least + `,"language":"de-419-DE"}`)
	ps := refusal(t, Message{Data: data})
	if want := `/language: "de-419-DE" is no language tag: its parts do not stand in the order of RFC 5646, write it like en or pt-BR`; ps.Error() != want {
		t.Errorf("refusal %q, want %q", ps, want)
	}
	if g, err := bounded.Gallery(data); err != nil || g.Language != "de-419-DE" {
		t.Errorf("stored: %+v, %v", g, err)
	}
}

func TestHeadersOfNATSItselfAreIgnored(t *testing.T) {
	m := Message{Subject: "article.published", Data: harbour(t)}
	want := mustDecode(t, m)
	m.Header = map[string][]string{
		"Nats-Msg-Id": {"1"}, "Nats-Expected-Stream": {"OTHER"}, "Nats-Expected-Last-Sequence": {"7"},
		"Nats-Expected-Last-Subject-Sequence": {"7"}, "Nats-Rollup": {"all"}, "Nats-TTL": {"1s"}, "KV-Operation": {"PURGE"}, "": {}, "ce-": nil,
	}
	if diff := cmp.Diff(want, mustDecode(t, m)); diff != "" {
		t.Errorf("with headers (-without +with):\n%s", diff)
	}
}

// Relays copy headers, and a bare gallery may speak of CloudEvents.
func TestContentTellsTheFormsApart(t *testing.T) {
	data := harbour(t)
	want := mustDecode(t, Message{Subject: "article.published", Data: data}).Rank
	m := Message{Subject: "article.published", Data: structured(Published, data), Header: binary(Unpublished)}
	m.Header["ce-specversion"] = []string{"0.3"}
	if got := mustDecode(t, m); got.Rank != want || got.Kind != Published {
		t.Errorf("a structured event with copied headers is %s %v", got.Kind, got.Rank)
	}
	const talk = `{"id":"a","title":"t","published":"2026-11-20T09:00:00Z","x":{"specversion":"0.3"},"type":7,"data":[],` +
		`"slides":[{"caption":"say \"specversion\" first","image":{"url":"https://img.example.com/1.jpg"}}]}`
	e := mustDecode(t, Message{Subject: "article.published", Data: []byte(talk)})
	if e.Gallery.ID != "a" || e.Gallery.Slides[0].Caption != `say "specversion" first` {
		t.Errorf("a gallery about CloudEvents is %+v", e.Gallery)
	}
}

func TestNullCountsAsMissing(t *testing.T) {
	with := mustDecode(t, Message{Data: []byte(`{"id":"a","url":null,"guid":null,"title":"t","summary":null,"body":null,
		"language":null,"section":null,"tags":null,"authors":null,"published":"2026-11-20T09:00:00Z","updated":null,
		"expires":null,"version":null,"sources":null,"copyright":null,"license":null,"rights":null,
		"slides":[{"id":null,"title":null,"caption":null,"credit":null,"rights":{"syndicate":null,"until":null},
		"image":{"url":"https://img.example.com/1.jpg","type":null,"width":null,"height":null,"bytes":null,"alt":null,"thumbnail":null}}]}`)})
	without := mustDecode(t, Message{Data: []byte(`{"id":"a","title":"t","published":"2026-11-20T09:00:00Z",
		"slides":[{"image":{"url":"https://img.example.com/1.jpg"}}]}`)})
	if diff := cmp.Diff(without.Gallery, with.Gallery); diff != "" {
		t.Errorf("gallery (-without +with nulls):\n%s", diff)
	}
}

// shown reports whether the public sees g at that instant.
func shown(g *gallery.Gallery, at time.Time) bool {
	return new(gallery.Audience).Gallery(g.Terms(), at).Shown
}

func TestGalleryMayEndInTheYear9999(t *testing.T) {
	e := mustDecode(t, Message{Data: []byte(`{"id":"a","title":"t","published":"2026-11-20T09:00:00Z",
		"expires":"9999-12-31T23:59:59Z","rights":{"until":"9999-12-31T23:59:59Z"}}`)})
	if !shown(e.Gallery, arrived.AddDate(150, 0, 0)) {
		t.Error("it is not visible in 150 years")
	}
}

func TestTextIsKeptAsItWasWritten(t *testing.T) {
	want := "a\x01b\u200f ]]> <script>\ufffe"
	quoted, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	e := mustDecode(t, Message{Data: fmt.Appendf(nil, `{"id":"a","title":%[1]s,"body":%[1]s,"published":"2026-11-20T09:00:00Z"}`, quoted)})
	if e.Gallery.Title != want || e.Gallery.Body != want {
		t.Errorf("title %q, body %q", e.Gallery.Title, e.Gallery.Body)
	}
}

func TestDecodeKeepsNothingOfTheMessage(t *testing.T) {
	data := harbour(t)
	m := Message{Subject: "article.published", Data: structured(Published, data)}
	e := mustDecode(t, m)
	want := mustDecode(t, m)
	clear(m.Data)
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("after the message's memory was used again:\n%s", diff)
	}
}
