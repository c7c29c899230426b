package page

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	_ "embed"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed desk.css
var deskStylesheet []byte

// DeskOptions make a Desk.
type DeskOptions struct {
	Title    string                              // of the site
	Language string                              // of its title
	URL      func() string                       // the site's address, without a slash at the end
	Status   func(context.Context) status.Status // may wait a moment for storage
	Logger   *slog.Logger                        // nil: discards
}

// Desk is the page of editors and operators: what came in, what went out, and
// what needs somebody. It keeps no page for itself and asks for no token, so it
// belongs on a listener that does. It is whole without the site's own pages:
// these may not be there yet.
type Desk struct {
	opts      DeskOptions
	templates templates
	style     *document
	icon      *document
}

// NewDesk returns the page of whatever Status says.
func NewDesk(o DeskOptions) *Desk {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Desk{
		opts:      o,
		templates: parseTemplates(site{Site: edition.Site{Language: "en"}}),
		style:     newFile("text/css; charset=utf-8", slices.Concat(stylesheet, []byte("\n"), deskStylesheet)),
		icon:      newDocument("image/png", icon),
	}
}

// Register adds /status, its form for programs /status.json, and what the page
// needs. The root leads there.
func (d *Desk) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /status", d.page)
	mux.HandleFunc("GET /status.json", d.data)
	mux.HandleFunc("GET /style.css", d.file(d.style))
	mux.HandleFunc("GET "+IconPath, d.file(d.icon))
	mux.Handle("GET /{$}", http.RedirectHandler("status", http.StatusSeeOther))
}

func (d *Desk) file(doc *document) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { serve(w, r, doc, "private, no-cache") }
}

// data answers with the status as JSON.
func (d *Desk) data(w http.ResponseWriter, r *http.Request) {
	body, err := json.Marshal(d.opts.Status(r.Context()), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		d.fail(w, err)
		return
	}
	serveOnce(w, r, http.StatusOK, newDocument("application/json", append(body, '\n')))
}

// page answers with the status for people.
func (d *Desk) page(w http.ResponseWriter, r *http.Request) {
	s := d.opts.Status(r.Context())
	doc, err := fit(maxPage, func(part int) (*document, error) { return d.render(s, part) })
	if err != nil {
		d.fail(w, err)
		return
	}
	w.Header().Set("Referrer-Policy", "no-referrer") // where operators work is nobody's business
	serveOnce(w, r, http.StatusOK, doc)
}

// render shows that part of s, as of fit.
func (d *Desk) render(s status.Status, part int) (*document, error) {
	return render(d.templates.status, view{
		Site:    site{Site: edition.Site{Title: inline(d.opts.Title, maxHeadline/part), BaseURL: d.opts.URL(), Language: "en"}},
		Title:   "Status",
		Content: newDeskPage(s, d.opts.Language, part),
	})
}

func (d *Desk) fail(w http.ResponseWriter, err error) {
	d.opts.Logger.Error("the status can not be shown: please report this", "err", err)
	http.Error(w, "the status can not be shown", http.StatusInternalServerError)
}

// How many of each the page names, and how many characters of texts: it is to be
// read, and small. Where texts are long even that is too much.
const (
	maxEventRows = 20
	maxFeedRows  = 30
	maxRows      = 10 // of anything else
	maxBrief     = 80
	maxReason    = 160
)

// deskPage is the content of the page.
type deskPage struct {
	status.Status
	SiteLanguage string
	Attention    []string
	Figures      []figure
	MoreFeeds    int  // that are not named
	Due          bool // whether one of those that are is
	part         int  // as of fit
}

// figure is a number that leads to what it counts.
type figure struct {
	N       int
	Name    string
	Section string // its id
}

// newDeskPage cuts s to what the page shows. Feeds in trouble come first.
func newDeskPage(s status.Status, language string, part int) deskPage {
	p := deskPage{Status: s, SiteLanguage: language, Attention: s.Troubles(), Figures: figures(s), part: part}
	for i := range p.Attention {
		p.Attention[i] = inline(p.Attention[i], maxQuoted)
	}
	maxRows := maxRows / part
	p.Feeds = slices.Clone(s.Feeds)
	slices.SortStableFunc(p.Feeds, func(a, b status.Feed) int { return urgency(b) - urgency(a) })
	p.MoreFeeds = max(0, len(p.Feeds)-maxFeedRows/part)
	p.Feeds = first(p.Feeds, maxFeedRows/part)
	p.Due = slices.ContainsFunc(p.Feeds, func(f status.Feed) bool { return f.State == status.Due })
	p.Events = first(p.Events, maxEventRows/part)
	p.Partial.Newest = first(p.Partial.Newest, maxRows)
	p.Rejects.Newest = first(p.Rejects.Newest, maxRows)
	p.LeftOut.First = first(p.LeftOut.First, maxRows)
	p.Readers.More += max(0, len(p.Readers.Services)-maxRows)
	p.Readers.Services = first(p.Readers.Services, maxRows)
	if s.Notices != nil {
		n := *s.Notices
		n.Late.First, n.Dead.First = first(n.Late.First, maxRows), first(n.Dead.First, maxRows)
		p.Notices = &n
	}
	if s.Hub != nil {
		h := *s.Hub
		h.More += max(0, len(h.Feeds)-maxRows)
		h.Feeds = first(h.Feeds, maxRows)
		p.Hub = &h
	}
	return p
}

func first[T any](list []T, n int) []T { return list[:min(len(list), n)] }

func urgency(f status.Feed) int {
	switch {
	case f.State == status.Failing:
		return 3
	case f.State == status.Cut:
		return 2
	case f.LeftOut > 0:
		return 1
	}
	return 0
}

// figures are the numbers at the top of the page.
func figures(s status.Status) []figure {
	list := []figure{
		{s.Galleries, "galleries", "feeds"},
		{int(s.Rejects.Kept), "rejects kept", "rejects"},
		{s.LeftOut.Total, "left out", "left-out"},
	}
	if s.Partial.Total > 0 {
		list = append(list, figure{s.Partial.Total, "taken in part", "partial"})
	}
	if s.Notices != nil {
		owed := 0
		for _, c := range s.Notices.Channels {
			owed += c.Owed
		}
		list = append(list,
			figure{owed, "notices owed", "notices"},
			figure{s.Notices.Late.Total, "late", "notices"},
			figure{s.Notices.Dead.Total, "given up", "notices"})
	}
	if s.Hub != nil {
		list = append(list, figure{s.Hub.Subscriptions, "WebSub subscriptions", "websub"})
	}
	return append(list, figure{s.Readers.Total, "service subscribers", "readers"})
}

// Brief is text of others, as a cell of a table shows it.
func (p deskPage) Brief(s string) string { return inline(s, maxBrief/p.part) }

// Reason is why something failed, as a cell of a table shows it.
func (p deskPage) Reason(s string) string { return inline(s, maxReason/p.part) }

// inline is at most n characters of s on one line, which turn no text around.
func inline(s string, n int) string { return clip(settled(gallery.Line(s)), n) }

// When is the time of something near the time of the page.
func (p deskPage) When(t time.Time) string {
	t, now := t.UTC(), p.At.UTC()
	switch {
	case t.Format(time.DateOnly) == now.Format(time.DateOnly):
		return t.Format("15:04:05")
	case t.Year() == now.Year():
		return t.Format("2 Jan, 15:04")
	}
	return t.Format("2 Jan 2006")
}

// GalleryLink is the page of a gallery whose event was taken.
func (p deskPage) GalleryLink(e status.Event) string {
	if e.Kind != "article.published" || e.Gallery == "" || e.Outcome == "rejected" || e.Outcome == "retried" {
		return ""
	}
	return p.URL + "/galleries/" + gallery.Key(e.Gallery)
}

// Took is how long a run took.
func (deskPage) Took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Millisecond:
		return "less than 1 ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return d.Round(100 * time.Millisecond).String()
}

// Action is what an event asked for.
func (deskPage) Action(kind string) string {
	switch kind {
	case "article.published":
		return "Publish"
	case "article.unpublished":
		return "Take down"
	}
	return "Unreadable"
}
