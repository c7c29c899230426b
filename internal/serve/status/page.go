package status

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	_ "embed"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/page"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var (
	//go:embed status.css
	stylesheet []byte
	//go:embed status.html
	source string
)

var pageTemplate = template.Must(template.New("status").Funcs(template.FuncMap{"count": page.Count, "instant": page.Instant, "verdict": verdict}).Parse(source))

// Page is the operators' page: what came in, what went out, and what needs attention.
type Page struct {
	Title    string                       // of the site
	Language string                       // of its title
	URL      func() string                // the site's address, without a slash at the end
	Status   func(context.Context) Status // may wait a moment for storage
	// Explain says for the feeds of an audience, of all where it is empty, whether they have
	// the gallery with that id now. Its errors are for the operator.
	Explain func(ctx context.Context, id, audience string) ([]edition.Explanation, error)
	Logger  *slog.Logger
}

// Register adds /status, its form for programs /status.json, and what the page needs.
// The root leads to it. Nothing is kept, and no token is asked for: mux belongs on a
// listener that asks for one. The page is whole without the readers' pages, which may
// not be there yet.
func (p Page) Register(mux *http.ServeMux) {
	page.RegisterFiles(mux, "private, no-cache", stylesheet)
	mux.Handle("GET /{$}", http.RedirectHandler("status", http.StatusSeeOther))
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		body, err := p.html(p.Status(r.Context()), p.question(r))
		w.Header().Set("Referrer-Policy", "no-referrer") // where operators work is nobody's business
		p.answer(w, r, "text/html; charset=utf-8", body, err)
	})
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, r *http.Request) {
		body, err := json.Marshal(p.Status(r.Context()), jsontext.AllowInvalidUTF8(true))
		p.answer(w, r, "application/json", append(body, '\n'), err)
	})
}

func (p Page) answer(w http.ResponseWriter, r *http.Request, mediaType string, body []byte, err error) {
	if err != nil {
		p.Logger.Error("the status cannot be shown: please report this", "err", err)
		http.Error(w, "the status cannot be shown", http.StatusInternalServerError)
		return
	}
	page.SecureForm(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	web.NewDocument(mediaType, body).Send(w, r, http.StatusOK)
}

// How many of each the page names, how many characters of texts, and how many bytes it
// has: it is to be read, and small. Texts and rows are cut down to a half, a quarter
// and an eighth until it is.
const (
	maxPage      = 50_000
	maxCut       = 8
	maxEventRows = 20
	maxFeedRows  = 30
	maxPartners  = 30
	maxExplained = 60 // feeds, and slides
	maxRows      = 10 // of anything else
	maxTitle     = 160
	maxAttention = 400
	maxBrief     = 80
	maxReason    = 160
)

func (p Page) html(s Status, q question) ([]byte, error) {
	var b bytes.Buffer
	for cut := 1; cut == 1 || b.Len() > maxPage && cut <= maxCut; cut *= 2 {
		b.Reset()
		if err := pageTemplate.Execute(&b, p.content(s, q, cut)); err != nil {
			return nil, fmt.Errorf("render status: %w", err)
		}
	}
	return b.Bytes(), nil
}

// content is what the page shows of a status.
type content struct {
	Status
	SiteLanguage string
	Attention    []string
	Figures      []figure
	MoreFeeds    int  // that are not named
	Due          bool // whether one of those that are is
	MorePartners int  // that are not named
	MoreSenders  int  // likewise
	Audiences    []string
	Question     question
	cut          int // texts and rows are cut down to this part
}

// figure is a number with a link to what it counts.
type figure struct {
	N       int
	Name    string
	Section string // its id
}

// content cuts s to what the page shows. Feeds in trouble come first.
func (p Page) content(s Status, q question, cut int) content {
	c := content{Status: s, SiteLanguage: p.Language, Attention: s.Troubles(), Figures: figures(s), Question: q.first(maxExplained / cut), cut: cut}
	c.Audiences = append(c.Audiences, gallery.Public)
	for _, partner := range s.Partners {
		c.Audiences = append(c.Audiences, partner.Name)
	}
	c.MorePartners = max(0, len(s.Partners)-maxPartners/cut)
	c.Partners = first(s.Partners, maxPartners/cut)
	c.Site, c.URL = page.Inline(p.Title, maxTitle/cut), p.URL()
	for i := range c.Attention {
		c.Attention[i] = page.Inline(c.Attention[i], maxAttention)
	}
	maxRows := maxRows / cut
	c.Feeds = slices.Clone(s.Feeds)
	slices.SortStableFunc(c.Feeds, func(a, b Feed) int { return urgency(b) - urgency(a) })
	c.MoreFeeds = max(0, len(c.Feeds)-maxFeedRows/cut)
	c.Feeds = first(c.Feeds, maxFeedRows/cut)
	c.Due = slices.ContainsFunc(c.Feeds, func(f Feed) bool { return f.State == Due })
	c.MoreSenders = max(0, len(s.Senders)-maxRows)
	c.Senders = first(s.Senders, maxRows)
	c.Events = first(c.Events, maxEventRows/cut)
	c.Partial.Newest = first(c.Partial.Newest, maxRows)
	c.Rejects.Newest = first(c.Rejects.Newest, maxRows)
	c.LeftOut.First = first(c.LeftOut.First, maxRows)
	c.Readers.More += max(0, len(c.Readers.Services)-maxRows)
	c.Readers.Services = first(c.Readers.Services, maxRows)
	if s.Notices != nil {
		n := *s.Notices
		n.Retries.First, n.DeadLetters.First = first(n.Retries.First, maxRows), first(n.DeadLetters.First, maxRows)
		c.Notices = &n
	}
	if s.Hub != nil {
		h := *s.Hub
		h.More += max(0, len(h.Feeds)-maxRows)
		h.Feeds = first(h.Feeds, maxRows)
		c.Hub = &h
	}
	return c
}

func urgency(f Feed) int {
	switch {
	case f.State == Failing:
		return 3
	case f.State == Cut:
		return 2
	case f.LeftOut > 0:
		return 1
	}
	return 0
}

// figures are the numbers at the top of the page.
func figures(s Status) []figure {
	list := []figure{
		{s.Galleries, "galleries", "feeds"},
		{int(s.Rejects.Kept), "rejects kept", "rejects"},
		{s.LeftOut.Total, "left out", "left-out"},
	}
	if len(s.Partners) > 0 {
		list = append(list, figure{len(s.Partners), "partners", "partners"})
	}
	if s.Partial.Total > 0 {
		list = append(list, figure{s.Partial.Total, "taken in part", "partial"})
	}
	if s.Notices != nil {
		pending := 0
		for _, c := range s.Notices.Channels {
			pending += c.Pending
		}
		list = append(list,
			figure{pending, "pending notices", "notices"},
			figure{s.Notices.Retries.Total, "waiting for a retry", "notices"},
			figure{s.Notices.DeadLetters.Total, "given up", "notices"})
	}
	if s.Hub != nil {
		list = append(list, figure{s.Hub.Subscriptions, "WebSub subscriptions", "websub"})
	}
	return append(list, figure{s.Readers.Total, "service subscribers", "readers"})
}

// Brief is text of others, as a cell of a table shows it.
func (c content) Brief(s string) string { return page.Inline(s, maxBrief/c.cut) }

// Reason is why something failed, as a cell of a table shows it.
func (c content) Reason(s string) string { return page.Inline(s, maxReason/c.cut) }

// When is the time of something near the time of the page.
func (c content) When(t time.Time) string {
	t, now := t.UTC(), c.At.UTC()
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("2 Jan, 15:04")
	}
	return t.Format("2 Jan 2006")
}

// GalleryLink is the page of a gallery whose event was stored.
func (c content) GalleryLink(e Event) string {
	if e.Kind != "article.published" || e.Gallery == "" || e.Outcome == "rejected" || e.Outcome == "retried" {
		return ""
	}
	return c.URL + "/galleries/" + gallery.Key(e.Gallery)
}

// Took is how long a run took.
func (content) Took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Millisecond:
		return "less than 1 ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return d.Round(100 * time.Millisecond).String()
}

// verdict is whether a gallery is in a feed.
func verdict(shown bool) string {
	if shown {
		return "in"
	}
	return "out"
}

// Action names the kind of an event.
func (content) Action(kind string) string {
	switch kind {
	case "article.published":
		return "Publish"
	case "article.unpublished":
		return "Take down"
	}
	return "Unreadable"
}
