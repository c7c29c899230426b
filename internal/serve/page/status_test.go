package page_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// statusPage serves a status that a test can change.
type statusPage struct {
	t      testing.TB
	status status.Status
	mux    *http.ServeMux
}

func newStatusPage(t testing.TB, s status.Status) *statusPage {
	d := &statusPage{t: t, status: s, mux: http.NewServeMux()}
	status.Page{
		Title: s.Site, Language: "en", URL: func() string { return s.URL },
		Status: func(context.Context) status.Status { return d.status }, Explain: explain, Logger: quiet(),
	}.Register(d.mux)
	return d
}

// explain explains two galleries.
func explain(_ context.Context, id, audience string) ([]edition.Explanation, error) {
	switch {
	case id == "harbour-lights" && audience == "":
		slides := []edition.SlideExplanation{{Slide: 0, Shown: true, Rule: "default"}, {Slide: 1, ID: "film", Rule: "rights.until", Where: "/slides/1/rights/until"}}
		return []edition.Explanation{
			{Audience: "public", Feed: "galleries/harbour-lights", Shown: true, Rule: "default", Slides: slides},
			{Audience: "public", Feed: "all", Rule: "items", Where: "feeds[0].items (gallerywire.yaml:3)", Slides: slides},
			{Audience: "msn", Feed: "partners/msn", Rule: "delay", Where: "partners[0].delay (gallerywire.yaml:12)", Slides: slides, Next: noon.Add(2 * time.Hour)},
		}, nil
	case strings.HasPrefix(id, "<"):
		x := edition.Explanation{Audience: id, Feed: id, Rule: id, Where: id, Slides: []edition.SlideExplanation{{ID: id, Rule: id, Where: id}}}
		return slices.Repeat([]edition.Explanation{x}, 1000), nil
	case id == "harbour-lights":
		return nil, errors.New("audience is neither public nor the name of a partner")
	}
	return nil, nil
}

func (d *statusPage) request(method, path string) *http.Response {
	w := httptest.NewRecorder()
	d.mux.ServeHTTP(w, httptest.NewRequestWithContext(d.t.Context(), method, path, nil))
	return w.Result()
}

func (d *statusPage) open() dom {
	d.t.Helper()
	res := d.request(http.MethodGet, "/status")
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		d.t.Fatalf("%s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	return parse(d.t, body(d.t, res))
}

// rows returns the cells of the tables in the section with that id.
func (d dom) rows(t testing.TB, section string) [][]string {
	t.Helper()
	var rows [][]string
	for _, tr := range d.one(t, "section", "aria-labelledby="+section).all("tr") {
		if len(tr.all("td")) == 0 {
			continue // a heading
		}
		var cells []string
		for c := range tr.ChildNodes() {
			if is(c, "td")+is(c, "th") > 0 {
				cells = append(cells, dom{c}.text())
			}
		}
		rows = append(rows, cells)
	}
	return rows
}

// quietDay is a status in which all is well and most is empty.
func quietDay() status.Status {
	return status.Status{Site: "Gallery & Wire", URL: baseURL, At: noon, Started: noon.Add(-time.Hour)}
}

// busyDay is a status that has some of everything.
func busyDay() status.Status {
	s := quietDay()
	s.Galleries = 1042
	s.Warnings = []string{"nobody chose the site's id"}
	s.Partial = status.Partial{Total: 2, Newest: []status.Event{{At: noon.Add(-time.Second), Gallery: "harbour-lights", Reason: "left out: /associations/film: no still"}}}
	s.Events = []status.Event{
		{At: noon.Add(-time.Second), Kind: "article.published", Gallery: "harbour-lights", Title: "Harbour lights", Outcome: "stored"},
		{At: noon.Add(-4 * time.Minute), Kind: "article.published", Gallery: "dusk", Outcome: "rejected", Reason: "/title: missing or blank"},
		{At: noon.Add(-9 * time.Minute), Kind: "article.unpublished", Gallery: "old-bridge", Outcome: "stored", Reason: "a mistake"},
		{At: noon.Add(-20 * time.Minute), Kind: "article.published", Gallery: "market", Title: "السوق القديم قبل شروق الشمس", Outcome: "superseded"},
		{At: noon.Add(-26 * time.Hour), Kind: "article.published", Gallery: "clock", Title: "Inside the town hall clock", Outcome: "retried"},
		{At: noon.Add(-400 * 24 * time.Hour), Outcome: "rejected", Reason: "is not JSON: invalid character 'p' at the beginning"},
	}
	s.Senders = []status.Sender{
		{Name: "wordpress", Kind: "bearer", IDPrefix: "wp-", Used: noon.Add(-time.Second)},
		{Name: "desk", Kind: "superdesk", Problem: `"desk.secret" has no secret: write one`},
	}
	s.Rejects = status.Rejects{Kept: 31, Newest: []status.Reject{
		{Number: 31, Stored: noon.Add(-4 * time.Minute), Subject: "article.published", Gallery: "dusk", Reason: "/title: missing or blank"},
		{Number: 17, Stored: noon.Add(-72 * time.Hour), Subject: "article.published", Reason: "is not JSON: invalid character 'p' at the beginning"},
	}}
	s.Feeds = []status.Feed{
		{Name: "all", Title: "All galleries", Galleries: 1042, Changed: noon.Add(-time.Second), State: status.Fresh, LeftOut: 1},
		{Name: "sport", Title: "Sport", State: status.Fresh},
		{Name: "travel", Title: "Travel", Galleries: 88, Changed: noon.Add(-50 * time.Hour), State: status.Due},
		{Name: "culture", Title: "Culture", Galleries: 12, Changed: noon.Add(-3 * time.Hour), State: status.Cut, Reason: "read gallery opera-house: nats: timeout"},
	}
	s.Partners = []status.Partner{
		{
			Name: "msn", Title: "Example News for MSN", Groups: []string{"aggregators", "us"}, Delay: "2h", Feed: status.Feed{Name: "partners/msn", State: status.Fresh, Galleries: 30, LeftOut: 1},
			Keys: []partner.KeyState{
				{Name: "2026-a", State: partner.Good, Until: noon.Add(9 * 24 * time.Hour), Used: noon.Add(-5 * time.Minute)},
				{Name: "2026-b", State: partner.NotYet, From: noon.Add(time.Hour)},
				{Name: "2025", State: partner.Ended, Until: noon.Add(-time.Hour)},
			},
			PollEvery: "15m", Polled: noon.Add(-5 * time.Minute),
		},
		{
			Name: "agency", Title: "agency", Feed: status.Feed{Name: "partners/agency", State: status.Due},
			Keys:      []partner.KeyState{{Name: "a", State: partner.Unreadable, Problem: `"agency.key" cannot be read (no such file or directory): write the key into it, or remove its entry`}},
			PollEvery: "5m", Silence: "59m12s",
		},
		{Name: "wire", Title: "Wire", Feed: status.Feed{Name: "partners/wire", State: status.Failing, Reason: "read gallery opera-house: nats: timeout"}, Keys: []partner.KeyState{}, Polled: noon.Add(-time.Second)},
	}
	s.LeftOut = status.LeftOuts{Total: 1, First: []status.LeftOut{{Feed: "all", Gallery: "parade", Reason: "the item is 3120445 bytes long, at most 1048576 are allowed"}}}
	s.Jobs = []status.Job{
		{Name: "republish", Spec: "@every 5m", Last: noon.Add(-2 * time.Minute), Seconds: 0.0121, Outcome: "done", Next: noon.Add(3 * time.Minute)},
		{Name: "notices", Spec: "@every 1m", Last: noon.Add(-time.Minute), Seconds: 5.02, Outcome: "failed", Reason: `announce feed "culture": feed not available yet`, Next: noon},
	}
	s.Notices = &status.Notices{
		Channels: []status.Channel{{Name: "webhook", Pending: 2}, {Name: "websub", Pending: 0}},
		Retries: status.Deliveries{Total: 2, First: []status.Delivery{
			{Channel: "webhook", About: "all", Target: "https://partner.example.org/hooks/galleries", Attempts: 3, Last: noon.Add(-time.Minute), Due: noon.Add(90 * time.Second), Reason: "answered 503 Service Unavailable"},
		}},
		DeadLetters: status.Deliveries{Total: 1, First: []status.Delivery{
			{Channel: "digest", About: "morning", Target: "mail desk@example.com", Attempts: 8, Last: noon.Add(-20 * time.Hour), Reason: "550 no such mailbox"},
		}},
	}
	s.Hub = &status.Hub{Subscriptions: 213, More: 4, Feeds: []status.HubCount{{Feed: "all", Subscriptions: 188}, {Feed: "sections/travel", Subscriptions: 21}}}
	s.Digests = []status.Digest{{Name: "morning", Last: noon.Add(-5 * time.Hour), Next: noon.Add(19 * time.Hour)}, {Name: "friday"}}
	s.Readers = status.Subscribers{Total: 65, Services: []status.Service{
		{Name: "Feedly", Feed: "all", Subscribers: 48, At: noon.Add(-17 * time.Minute)},
		{Name: "NewsBlur", Feed: "sections/travel", Subscribers: 17, At: noon.Add(-30 * time.Hour)},
	}}
	return s
}

func TestStatusPageOfAQuietDay(t *testing.T) {
	t.Parallel()
	d := newStatusPage(t, quietDay()).open()
	if got := d.one(t, "h2", "id=attention").text(); got != "All is well" {
		t.Errorf("it says %q", got)
	}
	if got := len(d.all("table")); got != 0 {
		t.Errorf("%d tables of nothing", got)
	}
	for _, id := range []string{"schedule", "notices", "websub", "digests", "partners"} {
		if len(d.all("h2", "id="+id)) != 0 {
			t.Errorf("there is a section %s, though there is no such room", id)
		}
	}
	wellIdentified(t, d)
	wellHeaded(t, d)
}

func TestStatusPageOfABusyDay(t *testing.T) {
	t.Parallel()
	d := newStatusPage(t, busyDay()).open()
	wellIdentified(t, d)
	wellHeaded(t, d)
	if got := d.one(t, "html").attr("lang"); got != "en" {
		t.Errorf("language %q", got)
	}
	attention := texts(d.one(t, "section", "aria-labelledby=attention").all("li"))
	if diff := cmp.Diff(busyDay().Troubles(), attention); diff != "" {
		t.Errorf("troubles (-want +got):\n%s", diff)
	}
	figures := []string{"1042 galleries", "31 rejects kept", "1 left out", "3 partners", "2 taken in part", "2 pending notices", "2 waiting for a retry", "1 given up", "213 WebSub subscriptions", "65 service subscribers"}
	if diff := cmp.Diff(figures, texts(d.one(t, "ul", "class=figures").all("li"))); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	for section, want := range map[string][][]string{
		"feeds": {
			{"culture Culture", "cut read gallery opera-house: nats: timeout", "12", "09:00:00"},
			{"all All galleries", "fresh 1 left out", "1042", "11:59:59"},
			{"sport Sport", "fresh", "0", "never"},
			{"travel Travel", "due", "88", "21 Nov, 10:00"},
		},
		"partners": {
			{"msn Example News for MSN in aggregators, us", "fresh delayed by 2h 1 left out", "30", "2026-a good until 2 Dec, 12:00 2026-b not yet from 13:00:00 2025 ended until 11:00:00", "11:55:00 expected every 15m"},
			{"agency", "due", "0", `a unreadable "agency.key" cannot be read (no such file or directory): write the key into it, or remove its entry`, "none expected every 5m none for 59m12s"},
			{"wire Wire", "failing read gallery opera-house: nats: timeout", "0", "none", "11:59:59"},
		},
		"events": {
			{"11:59:59", "Publish", "harbour-lights Harbour lights", "stored"},
			{"11:56:00", "Publish", "dusk", "rejected /title: missing or blank"},
			{"11:51:00", "Take down", "old-bridge", "stored a mistake"},
			{"11:40:00", "Publish", "market السوق القديم قبل شروق الشمس", "superseded"},
			{"22 Nov, 10:00", "Publish", "clock Inside the town hall clock", "retried"},
			{"19 Oct 2025", "Unreadable", "", "rejected is not JSON: invalid character 'p' at the beginning"},
		},
		"rejects": {
			{"31", "11:56:00", "dusk", "/title: missing or blank"},
			{"17", "20 Nov, 12:00", "not known", "is not JSON: invalid character 'p' at the beginning"},
		},
		"partial":  {{"11:59:59", "harbour-lights", "left out: /associations/film: no still"}},
		"left-out": {{"parade", "all", "the item is 3120445 bytes long, at most 1048576 are allowed"}},
		"schedule": {
			{"republish @every 5m", "11:58:00", "done 12 ms", "12:03:00"},
			{"notices @every 1m", "11:59:00", `failed 5s announce feed "culture": feed not available yet`, "12:00:00"},
		},
		"websub":  {{"all", "188"}, {"sections/travel", "21"}},
		"digests": {{"morning", "07:00:00", "24 Nov, 07:00"}, {"friday", "not yet", "never"}},
		"readers": {{"Feedly", "all", "48", "11:43:00"}, {"NewsBlur", "sections/travel", "17", "22 Nov, 06:00"}},
	} {
		if diff := cmp.Diff(want, d.rows(t, section)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", section, diff)
		}
	}
	want := `Keys over HTTP: wordpress last used 11:59:59 desk not used "desk.secret" has no secret: write one`
	if got := d.one(t, "section", "aria-labelledby=events").text(); !strings.Contains(got, want) {
		t.Errorf("no %q in %q", want, got)
	}
	pending := d.one(t, "section", "aria-labelledby=notices").text()
	for _, want := range []string{"2 pending for webhook, 0 pending for websub.", "https://partner.example.org/hooks/galleries webhook", "after 3 attempts", "mail desk@example.com digest", "550 no such mailbox", "gallerywire notices retry KEY retries one"} {
		if !strings.Contains(pending, want) {
			t.Errorf("no %q in %q", want, pending)
		}
	}
	if got := attrs(d.one(t, "section", "aria-labelledby=events").all("a"), "href"); !cmp.Equal(got, []string{
		baseURL + "/galleries/harbour-lights", baseURL + "/galleries/market",
	}) {
		t.Errorf("events lead to %q", got)
	}
}

func TestStatusPageExplainsAGallery(t *testing.T) {
	t.Parallel()
	d := newStatusPage(t, busyDay())
	ask := func(query string) dom {
		t.Helper()
		return parse(t, body(t, d.request(http.MethodGet, "/status?"+query)))
	}
	asked := ask("id=+harbour-lights&audience=")
	want := [][]string{
		{"galleries/harbour-lights", "in", "default", "", "none"},
		{"all", "out", "items", "feeds[0].items (gallerywire.yaml:3)", "none"},
		{"partners/msn", "out", "delay", "partners[0].delay (gallerywire.yaml:12)", "14:00:00"},
		{"2 film", "public", "rights.until", "/slides/1/rights/until"},
		{"2 film", "msn", "rights.until", "/slides/1/rights/until"},
	}
	if diff := cmp.Diff(want, asked.rows(t, "explain")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wellIdentified(t, asked)
	wellHeaded(t, asked)
	for query, want := range map[string]string{
		"id=harbour-lights&audience=nobody": "There is no answer: audience is neither public nor the name of a partner",
		"id=elsewhere&audience=msn":         "This node knows no event of that gallery.",
	} {
		if got := ask(query).one(t, "section", "aria-labelledby=explain").text(); !strings.Contains(got, want) {
			t.Errorf("%s: %q", query, got)
		}
	}
	if got := texts(ask("id=x&audience=msn").all("option")); !cmp.Equal(got, []string{"all", "public", "msn", "agency", "wire"}) {
		t.Errorf("the audiences are %q", got)
	}
	if got := d.request(http.MethodGet, "/status").Header.Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self'") {
		t.Errorf("the form may not be sent: %s", got)
	}
	hostile := body(t, d.request(http.MethodGet, "/status?id="+url.QueryEscape(`<script>"'`+strings.Repeat("x", 500))))
	if strings.Contains(hostile, "<script") || len(hostile) > 50_000 {
		t.Errorf("%d bytes:\n%.3000s", len(hostile), hostile)
	}
}

func TestStatusPageIsNotKept(t *testing.T) {
	t.Parallel()
	d := newStatusPage(t, busyDay())
	for _, path := range []string{"/status", "/status.json"} {
		get, head := d.request(http.MethodGet, path), d.request(http.MethodHead, path)
		if body(t, get) == "" || body(t, head) != "" || head.StatusCode != 200 {
			t.Errorf("HEAD %s: %s", path, head.Status)
		}
		h := get.Header
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(h.Get("Content-Security-Policy"), "script-src") {
			t.Errorf("%s: %v", path, h)
		}
	}
	if got := d.request(http.MethodGet, "/status").Header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("Referrer-Policy %q", got)
	}
	if res := d.request(http.MethodGet, "/"); res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/status" {
		t.Errorf("the root: %s to %q", res.Status, res.Header.Get("Location"))
	}
	if res := d.request(http.MethodPost, "/status"); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", res.Status)
	}
}

func TestStatusPageForPrograms(t *testing.T) {
	t.Parallel()
	res := newStatusPage(t, busyDay()).request(http.MethodGet, "/status.json")
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	text := body(t, res)
	var got status.Status
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	want := busyDay()
	want.NotReady = []string{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	quiet := body(t, newStatusPage(t, quietDay()).request(http.MethodGet, "/status.json"))
	for _, absent := range []string{"null", `"websub"`, `"notices"`, `"digests"`, `"partners"`, `"senders"`} {
		if strings.Contains(quiet, absent) {
			t.Errorf("%s in %s", absent, quiet)
		}
	}
}

// overflow is a status that is full, of texts as long as they can be.
func overflow(text string) status.Status {
	s := quietDay()
	text = gallery.Clip(strings.Repeat(text, 300), 300)
	s.Site = text
	for range 50 {
		s.NotReady = first(append(s.NotReady, text), 3)
		s.Events = append(s.Events, status.Event{At: noon, Kind: "article.published", Gallery: text, Title: text, Outcome: "rejected", Reason: text})
		s.Rejects.Newest = append(s.Rejects.Newest, status.Reject{Stored: noon, Gallery: text, Reason: text})
		s.LeftOut.First = append(s.LeftOut.First, status.LeftOut{Feed: "all", Gallery: text, Reason: text})
		s.Readers.Services = append(s.Readers.Services, status.Service{Name: "Feedly", Feed: text, At: noon})
	}
	for i := range 200 {
		s.Feeds = append(s.Feeds, status.Feed{Name: fmt.Sprint("feed-", i), Title: text, State: status.Cut, Changed: noon, Reason: text})
	}
	late := status.Deliveries{Total: 10_000}
	for range 50 {
		late.First = append(late.First, status.Delivery{Channel: "webhook", About: text, Target: text, Last: noon, Due: noon, Reason: text})
	}
	s.Notices = &status.Notices{Retries: late, DeadLetters: late}
	for i := range 100 {
		s.Partners = append(s.Partners, status.Partner{
			Name: fmt.Sprint("partner-", i), Title: text, Groups: []string{text}, Feed: status.Feed{State: status.Failing, Reason: text},
			Keys: []partner.KeyState{{Name: "a", State: partner.Unreadable, Problem: text}}, Silence: "1h",
		})
	}
	for i := range 100 {
		s.Senders = append(s.Senders, status.Sender{Name: fmt.Sprint("sender-", i), Kind: "bearer", IDPrefix: text, Problem: text})
	}
	s.Jobs = []status.Job{{Name: "republish", Spec: "@every 5m", Last: noon, Outcome: "failed", Reason: text}}
	s.Hub = &status.Hub{}
	for range 50 {
		s.Hub.Feeds = append(s.Hub.Feeds, status.HubCount{Feed: text})
	}
	return s
}

func first[T any](list []T, n int) []T { return list[:min(len(list), n)] }

func TestStatusPageIsSmall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status status.Status
		most   int
	}{
		"quiet": {quietDay(), 5_000},
		"busy":  {busyDay(), 15_000},
		"full":  {overflow("word "), 50_000},
		// Each character takes five bytes.
		"full of what must be escaped": {overflow(`"`), 50_000},
	} {
		text := body(t, newStatusPage(t, c.status).request(http.MethodGet, "/status"))
		t.Logf("%s: %d bytes", name, len(text))
		if len(text) > c.most {
			t.Errorf("%s: %d bytes, want at most %d", name, len(text), c.most)
		}
	}
	if got := len(body(t, newStatusPage(t, quietDay()).request(http.MethodGet, "/style.css"))); got > 16_000 {
		t.Errorf("the stylesheet: %d bytes", got)
	}
}

func TestStatusPageIsHarmless(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`<script>window.pwned=1</script>`, `"><img src=x onerror="window.pwned=1">`, "\u202Eturned \u2066round", "\x00\x1b[31m\xff", `</td></tr></table></main>`,
	} {
		s := overflow(text)
		d := newStatusPage(t, s).open()
		if n := len(d.all("script")) + len(d.all("img")) + len(d.all("style")); n != 0 {
			t.Errorf("%q: %d elements that are none of ours", text, n)
		}
		if got := len(d.rows(t, "events")); got < 5 {
			t.Errorf("%q: %d events", text, got)
		}
		shown := d.one(t, "main").text() + d.one(t, "header", "class=bar").text() + d.one(t, "title").text()
		if strings.ContainsAny(shown, "\u202E\u2066\x00\x1b") {
			t.Errorf("%q turns or steers what is shown", text)
		}
		var got status.Status
		if err := json.Unmarshal([]byte(body(t, newStatusPage(t, s).request(http.MethodGet, "/status.json"))), &got); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
