package receive_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
)

const (
	structured = `{"specversion":"1.0","id":"e1","source":"/blog","type":"com.example.article.published","data":` + bare + `}`
	takenDown  = `{"specversion":"1.0","id":"e2","source":"/blog","type":"article.unpublished","data":{"id":"wp-1","updated":"1999-01-02T00:00:00Z"}}`
	item       = `{"guid":"wp-2","type":"text","headline":"Harbour","versioncreated":"1999-01-01T00:00:00Z","pubstatus":"%s"}`

	cloudEvent = "Content-Type: application/cloudevents+json"
	batch      = "Content-Type: application/cloudevents-batch+json"
)

// ce are the headers of a binary CloudEvent.
func ce(kind string) []string {
	return []string{"Ce-Specversion: 1.0", "Ce-Id: e3", "Ce-Source: /blog", "Ce-Type: " + kind}
}

func TestEveryFormGoesOntoTheStreamAsItCame(t *testing.T) {
	for name, c := range map[string]struct {
		r       *http.Request
		subject string
		header  string // one that is passed on
	}{
		"bare":                  {post("/events", bare), "cms.article.published", ""},
		"bare publication":      {post("/events/article.published", bare), "cms.article.published", ""},
		"bare take-down":        {post("/events/article.unpublished", `{"id":"wp-1"}`), "cms.article.unpublished", ""},
		"structured":            {post("/events", structured, cloudEvent+"; charset=UTF-8"), "cms.article.published", ""},
		"structured take-down":  {post("/events", takenDown, cloudEvent), "cms.article.unpublished", ""},
		"structured as JSON":    {post("/events", takenDown), "cms.article.unpublished", ""},
		"its type goes before":  {post("/events/article.published", takenDown, cloudEvent), "cms.article.unpublished", ""},
		"binary":                {post("/events", bare, ce("article.published")...), "cms.article.published", "Ce-Id"},
		"binary without a type": {post("/events", bare, append(ce("article.published"), "Content-Type: ")...), "cms.article.published", "Ce-Source"},
		"binary take-down":      {post("/events", `{"id":"wp-1"}`, append(ce("article.unpublished"), "Ce-Time: 1999-01-02T00:00:00Z")...), "cms.article.unpublished", "Ce-Time"},
		"ninjs":                 {post("/events", fmt.Sprintf(item, "usable")), "cms.article.published", ""},
		"ninjs of its own type": {post("/events", fmt.Sprintf(item, "usable"), "Content-Type: application/vnd.iptc.ninjs+json"), "cms.article.published", ""},
		"a kill":                {post("/events", fmt.Sprintf(item, "canceled")), "cms.article.unpublished", ""},
		"one line of a batch":   {post("/events", "["+structured+"]", batch), "cms.article.published", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			body := new(bytes.Buffer)
			if _, err := body.ReadFrom(c.r.Body); err != nil {
				t.Fatal(err)
			}
			c.r.Body = http.NoBody
			c.r.Body = readCloser{bytes.NewReader(body.Bytes())}
			got := w.ask(t, c.r)
			if len(got.Events) == 1 {
				got.Stream, got.Sequence = got.Events[0].Stream, got.Events[0].Sequence
			}
			if got.status != http.StatusAccepted || got.Stream != "ARTICLES" || got.Sequence != 1 {
				t.Fatalf("answered %+v", got)
			}
			m := w.stream.published()[0]
			if m.Subject != c.subject {
				t.Errorf("published on %q, want %q", m.Subject, c.subject)
			}
			if want := strings.Trim(body.String(), "[]"); string(m.Data) != want {
				t.Errorf("published %s, want %s", m.Data, want)
			}
			if c.header != "" && m.Header.Get(c.header) != c.r.Header.Get(c.header) {
				t.Errorf("header %s is %q, want %q", c.header, m.Header.Get(c.header), c.r.Header.Get(c.header))
			}
			for name := range m.Header {
				if !strings.HasPrefix(name, "Ce-") {
					t.Errorf("header %s is published", name)
				}
			}
		})
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func TestWhatIsRefusedSaysWhyAndIsNotPublished(t *testing.T) {
	long := strings.Repeat("x", maxEvent)
	many := "[" + strings.Repeat(`{},`, 10_000) + "{}]"
	for name, c := range map[string]struct {
		r      *http.Request
		status int
		says   string
	}{
		"no key":                       {post("/events", bare, "Authorization: "), 401, ""},
		"a wrong key":                  {post("/events", bare, "Authorization: Bearer "+secret+"x"), 401, ""},
		"not JSON":                     {post("/events", "{"), 400, "not valid JSON"},
		"nothing":                      {post("/events", ""), 400, ""},
		"Latin-1":                      {post("/events", strings.Replace(bare, "Harbour", "H\xe9ctor", 1)), 400, "UTF-8"},
		"Latin-1, as it says":          {post("/events", bare, "Content-Type: application/json; charset=iso-8859-1"), 415, "iso-8859-1"},
		"another media type":           {post("/events", bare, "Content-Type: text/plain"), 415, "text/plain"},
		"a form":                       {post("/events", "a=b", "Content-Type: application/x-www-form-urlencoded"), 415, "x-www-form-urlencoded"},
		"CloudEvents as XML":           {post("/events", "<event/>", "Content-Type: application/cloudevents+xml"), 415, "cloudevents+xml"},
		"CloudEvents as Avro":          {post("/events", "x", "Content-Type: application/cloudevents+avro"), 415, "cloudevents+avro"},
		"no media type":                {post("/events", bare, "Content-Type: "), 415, "application/json"},
		"no CloudEvent":                {post("/events", bare, cloudEvent), 400, "/specversion"},
		"no title and no date":         {post("/events", `{"id":"wp-1"}`), 400, "/title"},
		"a take-down without an id":    {post("/events/article.unpublished", `{}`), 400, "/id"},
		"an unknown type":              {post("/events", bare, ce("com.example.other")...), 400, "ce-type"},
		"an id outside the prefix":     {post("/events", strings.Replace(bare, "wp-1", "other-1", 1)), 403, "/id"},
		"a take-down outside it":       {post("/events/article.unpublished", `{"id":"other-1"}`), 403, "/id"},
		"the guid of another gallery":  {post("/events", strings.Replace(bare, "{", `{"guid":"tag:news.example.com,2026:other-1",`, 1)), 403, "/guid"},
		"too large":                    {post("/events", `{"id":"wp-1","title":"`+long+`"}`), 413, "events.max_event"},
		"too large in a batch":         {post("/events", `[`+strings.Replace(structured, "Harbour", long, 1)+`]`, batch), 413, "0 of 1"},
		"a batch of 10,000":            {post("/events", many, batch), 413, "more than 1000 events"},
		"a batch that is none":         {post("/events", structured, batch), 400, "array"},
		"bare content in a batch":      {post("/events", "["+bare+"]", batch), 400, "0 of 1"},
		"attributes without a version": {post("/events", bare, "Ce-Type: article.unpublished"), 400, "ce-specversion"},
		"a batch of null":              {post("/events", "null", batch), 400, "array"},
		"a batch and more":             {post("/events", "[] []", batch), 400, "array"},
		"a batch without an end":       {post("/events", "["+structured, batch), 400, "array"},
		"another address":              {post("/events/", bare), 404, "/events/article.published"},
		"another compression":          {post("/events", bare, "Content-Encoding: br"), 415, "br"},
		"not compressed as it says":    {post("/events", bare, "Content-Encoding: gzip"), 400, "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := w.ask(t, c.r)
			if got.status != c.status || !strings.Contains(fmt.Sprint(got.Detail, got.Problems), c.says) {
				t.Errorf("answered %+v, want %d with %q", got, c.status, c.says)
			}
			if strings.Contains(fmt.Sprint(got), secret) {
				t.Error("the answer has the key")
			}
			if n := len(w.stream.published()); n != 0 {
				t.Errorf("%d events were published", n)
			}
		})
	}
}

func TestWhatDecidesIsThereOnce(t *testing.T) {
	for _, name := range []string{"Ce-Id", "Authorization", "Content-Type", "Content-Encoding", "Webhook-Id", "X-Superdesk-Signature"} {
		r := post("/events", bare, append(ce("article.published"), "Webhook-Id: a")...)
		r.Header.Add(name, "another")
		r.Header.Add(name, "and another")
		if got := newWorld(t).ask(t, r); got.status != http.StatusBadRequest || !strings.Contains(got.Detail, name) {
			t.Errorf("%s: answered %+v", name, got)
		}
	}
}

func TestOtherMethodsAndNoKeys(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		r := post("/events", bare)
		r.Method = method
		if got := newWorld(t).ask(t, r); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "OPTIONS, POST" {
			t.Errorf("%s: %+v", method, got)
		}
	}
	w := &world{Receiver: receive.New(receive.Options{})}
	if got := w.ask(t, post("/events", bare)); got.status != http.StatusNotFound {
		t.Errorf("without keys: %+v", got)
	}
}

func TestASenderAsksWhetherItMaySend(t *testing.T) {
	for _, c := range []struct{ origin, rate, wantOrigin, wantRate string }{
		{"cms.example.com", "", "cms.example.com", ""},
		{"cms.example.com", "120", "cms.example.com", "600"},
		{"", "120", "", ""},
	} {
		r := httptest.NewRequest(http.MethodOptions, "/events", nil)
		r.Header.Set("WebHook-Request-Origin", c.origin)
		r.Header.Set("WebHook-Request-Rate", c.rate)
		rec := httptest.NewRecorder()
		newWorld(t).ServeHTTP(rec, r)
		h := rec.Header()
		if rec.Code != http.StatusOK || h.Get("WebHook-Allowed-Origin") != c.wantOrigin || h.Get("WebHook-Allowed-Rate") != c.wantRate || h.Get("Allow") == "" {
			t.Errorf("%+v: %d %v", c, rec.Code, h)
		}
	}
}

func TestABatchSaysWhatBecameOfEach(t *testing.T) {
	w := newWorld(t)
	got := w.ask(t, post("/events", "["+structured+",\n"+strings.ReplaceAll(structured, "wp-1", "x-1")+","+bare+","+takenDown+"]", batch))
	var statuses []int
	for _, e := range got.Events {
		statuses = append(statuses, e.Status)
	}
	if got.status != http.StatusForbidden || fmt.Sprint(statuses) != "[202 403 400 202]" || len(w.stream.published()) != 2 {
		t.Errorf("answered %d with %v, published %d", got.status, statuses, len(w.stream.published()))
	}
	if got := w.ask(t, post("/events", "[]", batch)); got.status != http.StatusAccepted {
		t.Errorf("an empty batch: %+v", got)
	}
}

func TestWhatIsCompressedIsBounded(t *testing.T) {
	pack := func(body string) string {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = z.Write([]byte(body))
		_ = z.Close()
		return out.String()
	}
	w := newWorld(t)
	if got := w.ask(t, post("/events", pack(bare), "Content-Encoding: gzip")); got.status != http.StatusAccepted {
		t.Errorf("%+v", got)
	}
	if m := w.stream.published(); len(m) != 1 || string(m[0].Data) != bare {
		t.Errorf("published %v", m)
	}
	bomb := pack(strings.Repeat(" ", 100*maxEvent))
	if got := w.ask(t, post("/events", bomb, "Content-Encoding: gzip")); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a bomb of %d bytes: %+v", len(bomb), got)
	}
	if got := w.ask(t, post("/events", pack(pack(bare)), "Content-Encoding: gzip, gzip")); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("compressed twice: %+v", got)
	}
}

func TestWhatMayPassIsToBeSentAgain(t *testing.T) {
	for name, s := range map[string]*stream{
		"away":   {away: errors.New("no server")},
		"full":   {broken: errors.New("maximum bytes exceeded")},
		"silent": {silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.stream.away, w.stream.broken, w.stream.silent = s.away, s.broken, s.silent
				began := time.Now()
				if got := w.ask(t, post("/events", bare)); got.status != http.StatusServiceUnavailable {
					t.Errorf("%+v", got)
				}
				if took := time.Since(began); took > receive.AckTimeout(1) {
					t.Errorf("answered after %s", took)
				}
				if got := w.ask(t, post("/events", "["+structured+"]", batch)); got.status != http.StatusServiceUnavailable || len(got.Events) != 1 {
					t.Errorf("a batch: %+v", got)
				}
			})
		})
	}
}

// What is remembered of a publication is that very message, and it is remembered once.
func TestAnEventIsDecodedOnce(t *testing.T) {
	w := newWorld(t)
	w.ask(t, post("/events", bare, ce("article.published")...))
	w.ask(t, post("/events/article.unpublished", `{"id":"wp-1"}`))
	published, takenDown := w.stream.published()[0], w.stream.published()[1]
	as := func(change func(*event.Message)) *event.Event {
		m := event.Message{Subject: published.Subject, Header: maps.Clone(published.Header), Data: bytes.Clone(published.Data)}
		change(&m)
		return w.Decoded(m)
	}
	for name, change := range map[string]func(*event.Message){
		"another subject":   func(m *event.Message) { m.Subject = "cms.article.unpublished" },
		"another type":      func(m *event.Message) { m.Header["Ce-Type"] = []string{"article.unpublished"} },
		"another attribute": func(m *event.Message) { m.Header["Ce-Time"] = []string{"1999-01-01T00:00:00Z"} },
		"another body":      func(m *event.Message) { m.Data[len(m.Data)-2]++ },
		"a take-down":       func(m *event.Message) { m.Subject, m.Header, m.Data = takenDown.Subject, nil, takenDown.Data },
	} {
		if e := as(change); e != nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
	ours := func(m *event.Message) { m.Header["Nats-Msg-Id"] = []string{"added by the stream"} }
	if e := as(ours); e == nil || e.Gallery.ID != "wp-1" || e.ID != "e3" {
		t.Errorf("the same message: %+v", e)
	}
	if e := as(ours); e != nil {
		t.Errorf("the same message again: %+v", e)
	}
}

// Intake reads a backlog in its order. Of large events only the last are remembered.
func TestEventsOfABacklogAreDecodedOnce(t *testing.T) {
	for size, all := range map[int]bool{200: true, maxEvent: false} {
		w := newWorld(t)
		for i := range 500 {
			w.ask(t, post("/events", fmt.Sprintf(`{"id":"wp-%d"%s%s`, i, bare[len(`{"id":"wp-1"`):], strings.Repeat(" ", size-len(bare)-2))))
		}
		published := w.stream.published()
		remembered := 0
		for _, m := range published {
			if w.Decoded(event.Message{Subject: m.Subject, Data: m.Data}) != nil {
				remembered++
			}
		}
		if len(published) != 500 || remembered == 0 || (remembered == 500) != all {
			t.Errorf("%d of %d events of %d bytes are remembered", remembered, len(published), size)
		}
	}
}
