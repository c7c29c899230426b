package app

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	gocmp "github.com/google/go-cmp/cmp"
)

// A leak test is a random day of galleries, slides and partners. Every text has a token
// that says what it is of, so that each byte of an answer can be judged by somebody else
// than who rendered it: see [leaks.may].
//
//	zqg7x    the gallery of the revision 7
//	zqs7n2x  its slide 2
//	zqi3x    the id of gallery 3
//	zqk3n2x  the id of a slide in it
//	zqr7x    the reason of a take-down
//	zqu7x    the guid of the revision 7
//	zqp1x    a partner
var leakToken = regexp.MustCompile(`zq([a-z])(\d+)(?:n(\d+))?x`)

const (
	leakSeeds = 2
	leakLooks = 9                // at one day
	leakApart = 11 * time.Minute // from events to what begins and ends: the clocks of nodes may differ by [index.Skew]
	leakSite  = "https://news.example.com"

	leakBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

var leakDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestNoByteHasWhatItsAudienceMayNotSee(t *testing.T) {
	t.Parallel()
	first, count := uint64(1), uint64(leakSeeds)
	if text := os.Getenv("GALLERYWIRE_TEST_SEED"); text != "" {
		var err error
		if first, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	for seed := first; seed < first+count; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("GALLERYWIRE_TEST_SEED=%d begins with this day", seed)
			newLeaks(t, seed).day()
		})
	}
}

// leakReader is an audience, as the configuration has it.
type leakReader struct {
	name, group     string // empty: the public
	delay, maxAge   time.Duration
	strict          bool     // unstated_rights: deny
	section, tag    string   // of match, of exclude; empty: none
	credit, source  string   // of exclude
	more, key, base string   // of the configuration; the key, and the path of addresses
	feeds           []string // their names in notices
	byHeader        bool

	etags map[string]http.Header // of what was read
	pages map[string]bool        // addresses that were found
	since map[string]notice.Since
	list  string // the cursor of the change list
}

// leakRevision is a gallery from one event until the next one about it.
type leakRevision struct {
	number, id int
	at, until  time.Time
	gallery    *gallery.Gallery // nil: taken down
	revision   catalogue.Revision
}

type leaks struct {
	*rand.Rand
	t         *testing.T
	config    config.Config
	clock     storetest.Clock
	readers   []*leakReader
	ids       []string
	revisions []*leakRevision
	passed    int // revisions that have happened
	node      *leakNode
	twins     map[*leakReader]*leakNode // have nothing of galleries that the reader never sees
}

func newLeaks(t *testing.T, seed uint64) *leaks {
	l := &leaks{Rand: rand.New(rand.NewPCG(seed, 13)), t: t, twins: map[*leakReader]*leakNode{}}
	l.clock.Set(leakDay)
	l.readers = []*leakReader{
		{base: "/", feeds: []string{"all", "newest"}},
		{name: "zqp1x"},
		{name: "zqp2x", group: "zqp9x", byHeader: true, more: "order: updated, "},
		{name: "zqp3x", delay: time.Duration(1+l.IntN(8)) * 30 * time.Minute, maxAge: 10 * time.Hour, more: "content: summary, "},
		{name: "zqp4x", group: "zqp9x", strict: true, byHeader: true},
		{name: "zqp5x", section: "Travel", tag: "day", credit: "Staff", source: "Wire", more: `link_query: "utm_source=zqp5x", `},
	}
	for _, r := range l.readers {
		r.etags, r.pages, r.since = map[string]http.Header{}, map[string]bool{}, map[string]notice.Since{}
		if r.name == "" {
			continue
		}
		r.key, r.base, r.feeds = r.name+"-0123456789abcdefghijk", "/partners/"+r.name+"/", []string{"partners/" + r.name}
		if !r.byHeader {
			r.base += "~" + r.key + "/"
		}
	}
	l.config = l.configuration()
	for i := range 12 {
		l.ids = append(l.ids, fmt.Sprintf([]string{"zqi%dx", "zqi%dx", "zqi%dx", "a/zqi%dx b"}[l.IntN(4)], i))
	}
	l.events()
	return l
}

func (l *leaks) configuration() config.Config {
	var partners []string
	for _, r := range l.readers[1:] {
		file := filepath.Join(l.t.TempDir(), r.name)
		if err := os.WriteFile(file, []byte(r.key), 0o600); err != nil {
			l.t.Fatal(err)
		}
		rights := map[bool]string{false: "allow", true: "deny"}[r.strict]
		partners = append(partners, fmt.Sprintf(`{name: %s, title: For %[1]s, groups: [%s], delay: %s, max_age: %s, unstated_rights: %s, items: %d, match: {sections: [%s]}, exclude: {tags: [%s], credits: [%q], sources: [%q]}, %saccess: {path_keys: true, keys: [{name: a, secret_file: %q}]}}`,
			r.name, r.group, r.delay, r.maxAge, rights, 2+l.IntN(5), r.section, r.tag, cmp.Or(r.credit, "none")+"*", cmp.Or(r.source, "none")+"*", r.more, file))
	}
	file := filepath.Join(l.t.TempDir(), "config.yaml")
	text := fmt.Sprintf(`
site: {id: news.example.com, title: News, base_url: %q}
feeds: [{name: all, items: 3}, {name: newest, items: 6, order: updated, content: summary}]
archive: {page: 10}
tombstones: {stub: %t, keep: 5h}
rights:
  rules:
    - {credits: ["Hushed*"], deny: [public, zqp9x]}
    - {sources: ["Agency*"], allow: [zqp1x, zqp9x]}
partners: [%s]
`, leakSite, l.IntN(2) == 0, strings.Join(partners, ", "))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	c, err := LoadConfig(file, nil)
	if err != nil {
		l.t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// events makes the revisions of the day.
func (l *leaks) events() {
	last := map[int]*leakRevision{}
	for n := range 40 {
		r := &leakRevision{number: n, id: l.IntN(len(l.ids)), until: leakDay.AddDate(9, 0, 0)}
		r.at = leakDay.Add(time.Duration(n)*30*time.Minute + time.Duration(l.IntN(1e9)))
		if before := last[r.id]; before != nil {
			before.until = r.at
		}
		id := l.ids[r.id]
		if before := last[r.id]; before != nil && before.gallery != nil && l.IntN(4) == 0 { // two take-downs count as the later one
			r.revision = storetest.TakeDown(id, r.at)
			r.revision.Reason = fmt.Sprintf("zqr%dx", n)
		} else {
			r.gallery = l.gallery(r)
			r.revision = storetest.Publication(l.t, r.gallery)
		}
		last[r.id] = r
		l.revisions = append(l.revisions, r)
	}
}

func (l *leaks) gallery(r *leakRevision) *gallery.Gallery {
	token := fmt.Sprintf("zqg%dx", r.number)
	g := &gallery.Gallery{
		ID: l.ids[r.id], Title: "Title " + token, Summary: token, Language: "en",
		Section: l.pick("Travel", "Sport", "Hidden "+token), Tags: []string{l.pick("night", "day"), token},
		Authors: []gallery.Author{{Name: l.pick("A. Writer", "Mr "+token), URL: "https://people.example.com/" + token}},
		Sources: []string{l.pick("Staff", "Agency ", "Wire ") + token}, Copyright: token,
		Published: r.at.Add(time.Duration(l.IntN(10)-7)*time.Hour + leakApart), Updated: r.at, Expires: l.instant(r.at), Rights: l.rights(r.at),
	}
	if l.IntN(2) == 0 {
		g.URL = "https://paper.example.com/" + token
	}
	if l.IntN(3) == 0 {
		g.GUID = fmt.Sprintf("https://old.example.com/?p=zqu%dx", r.number)
	}
	for i := range l.IntN(4) {
		token, id := fmt.Sprintf("zqs%dn%dx", r.number, i), ""
		if l.IntN(2) == 0 {
			id = fmt.Sprintf("zqk%dn%dx", r.id, i)
		}
		s := gallery.Slide{
			ID: id, Title: token, Caption: "<p>" + token + "</p>", Credit: l.pick("Staff", "Hushed ", "Wire ") + token,
			Image: gallery.Image{URL: "https://img.example.com/" + token + ".jpg", Type: "image/jpeg", Alt: token, Width: 160, Height: 90, Thumbnail: "https://img.example.com/" + token + "-s.jpg"},
		}
		if l.IntN(2) == 0 {
			s.Rights = l.rights(r.at)
		}
		g.Slides = append(g.Slides, s)
		g.Body += fmt.Sprintf(`<p>zqg%dx</p><p><img src="https://img.example.com/%s.jpg" alt="%[2]s"></p>`, r.number, token)
	}
	return g
}

func (l *leaks) pick(of ...string) string { return of[l.IntN(len(of))] }

// instant is none in most cases.
func (l *leaks) instant(near time.Time) time.Time {
	if l.IntN(4) > 0 {
		return time.Time{}
	}
	return near.Add(time.Duration(l.IntN(24)-6)*30*time.Minute + leakApart)
}

func (l *leaks) rights(at time.Time) (r gallery.Rights) {
	r.From, r.Until = l.instant(at), l.instant(at)
	for range l.IntN(3) {
		name := l.pick("public", "zqp1x", "ZQP2x", "zqp3x", "zqp4x", "zqp5x", "zqp9x", "nobody")
		if l.IntN(3) == 0 {
			r.Deny = append(r.Deny, name)
		} else {
			r.Allow = append(r.Allow, name, l.pick("public", "zqp1x", "zqp4x", "zqp5x"))
		}
	}
	if l.IntN(12) == 0 {
		r.Syndicate = new(bool)
	}
	return r
}

// is reports whether a name in a list of rights is this reader.
func (r *leakReader) is(name string) bool {
	return strings.EqualFold(name, cmp.Or(r.name, "public")) || r.group != "" && strings.EqualFold(name, r.group)
}

// leakWindow is the time in which a reader sees something: never, unless from is before
// until.
type leakWindow struct{ from, until time.Time }

var leakAlways = leakWindow{leakDay.AddDate(-9, 0, 0), leakDay.AddDate(9, 0, 0)}

func (w leakWindow) within(from, until time.Time) leakWindow {
	if from.After(w.from) {
		w.from = from
	}
	if !until.IsZero() && until.Before(w.until) {
		w.until = until
	}
	return w
}

func (w leakWindow) is(t time.Time) bool     { return !t.Before(w.from) && t.Before(w.until) }
func (w leakWindow) before(t time.Time) bool { return w.within(time.Time{}, t.Add(1)).ever() }
func (w leakWindow) ever() bool              { return w.from.Before(w.until) }

// permitted is the window by rights, and whether they are granted by name.
func (r *leakReader) permitted(rights gallery.Rights, allowedByRule, deniedByRule []string) (w leakWindow, granted bool) {
	denied := rights.Syndicate != nil && !*rights.Syndicate || slices.ContainsFunc(append(slices.Clone(rights.Deny), deniedByRule...), r.is)
	for _, list := range [][]string{rights.Allow, allowedByRule} {
		if len(list) > 0 {
			named := slices.ContainsFunc(list, r.is)
			granted, denied = granted || named, denied || !named
		}
	}
	if denied {
		return leakWindow{}, false
	}
	return leakAlways.within(rights.From, rights.Until), granted
}

// window is when the reader sees the gallery of the revision, or would have seen it if the
// revision had come earlier.
func (r *leakReader) window(rev *leakRevision) leakWindow {
	g := rev.gallery
	if g == nil {
		return leakWindow{}
	}
	var allowed []string
	if strings.HasPrefix(g.Sources[0], "Agency") {
		allowed = []string{"zqp1x", "zqp9x"}
	}
	w, granted := r.permitted(g.Rights, allowed, nil)
	w = w.within(g.Published.Add(r.delay), g.Expires)
	if r.maxAge > 0 {
		w = w.within(time.Time{}, g.Published.Add(r.maxAge))
	}
	if r.strict && !granted || r.section != "" && g.Section != r.section || r.tag != "" && slices.Contains(g.Tags, r.tag) || r.source != "" && strings.HasPrefix(g.Sources[0], r.source) {
		return leakWindow{}
	}
	return w.within(time.Time{}, rev.until)
}

// slide is when the reader sees the slide of the gallery with that index.
func (r *leakReader) slide(rev *leakRevision, i int) leakWindow {
	s := rev.gallery.Slides[i]
	var denied []string
	if strings.HasPrefix(s.Credit, "Hushed") {
		denied = []string{"public", "zqp9x"}
	}
	w, _ := r.permitted(s.Rights, nil, denied)
	if r.credit != "" && strings.HasPrefix(s.Credit, r.credit) {
		return leakWindow{}
	}
	all := r.window(rev)
	return w.within(all.from, all.until)
}

// may reports whether the reader may be told of a token at t.
func (l *leaks) may(r *leakReader, kind string, number, slide int, t time.Time) bool {
	any := func(is func(*leakRevision) bool) bool { return slices.ContainsFunc(l.revisions[:l.passed], is) }
	saw := func(rev *leakRevision) bool { return rev.id == number && r.window(rev).before(t) }
	switch kind {
	case "g":
		return r.window(l.revisions[number]).is(t)
	case "s":
		return r.slide(l.revisions[number], slide).is(t)
	case "r": // who saw the gallery is told why it is gone
		number = l.revisions[number].id
		return any(saw)
	case "u":
		return r.window(l.revisions[number]).before(t)
	case "i":
		return any(saw)
	case "k":
		return any(func(rev *leakRevision) bool {
			return saw(rev) && slide < len(rev.gallery.Slides) && r.slide(rev, slide).before(t)
		})
	}
	return r.name == fmt.Sprintf("zqp%dx", number)
}

// leakNode is all of a node that shows galleries or tells of them, over records in memory.
type leakNode struct {
	app      *App
	index    *index.Index
	records  map[string]leakRecord
	bodies   map[gallery.Hash][]byte
	handler  http.Handler
	partners *partners
	topics   topics
	digests  digestSource
}

// leakRecord is a record as the bucket has it.
type leakRecord struct {
	line     []byte
	revision uint64
	stored   time.Time
}

func (n *leakNode) Index() *index.Index { return n.index }

func (n *leakNode) Wait(context.Context, uint64) error { return nil }

func (n *leakNode) Load(_ context.Context, e *index.Entry) (*gallery.Gallery, error) {
	return storetest.Decode(n.bodies[e.Rank.Hash])
}

// start is a node on the records that another one left; nil: on none.
func (l *leaks) start(before *leakNode) *leakNode {
	a := idle(l.config, nil, slog.New(slog.DiscardHandler))
	a.now, a.baseURL, a.access = l.clock.Now, l.config.Site.BaseURL, a.newAccess()
	a.divideMemory(allow(l.config.HTTP, 0))
	n := &leakNode{app: a, index: index.New(a.indexOptions(nil)), records: map[string]leakRecord{}, bodies: map[gallery.Hash][]byte{}}
	entries, last := map[string]*index.Entry{}, uint64(0)
	if before != nil {
		n.records, n.bodies = before.records, before.bodies
	}
	for key, r := range n.records {
		e, err := index.ParseLine(string(r.line), r.revision, r.stored)
		if err != nil {
			l.t.Fatal(err)
		}
		entries[key], last = e, max(last, r.revision)
	}
	n.index.Fill(entries, leakDay, last, l.clock.Now())
	public := a.editions(n, "news.example.com")
	n.partners = a.partnerSets(public)
	n.handler = a.publicHandler(n, n.partners, nil, http.NotFoundHandler())
	n.topics = topics{n.partners, n, a.access.Admit, a.now}
	n.digests = digestSource{n.partners, n.index, n.Load, a.baseURL, a.now}
	return n
}

func (l *leaks) put(n *leakNode, r *leakRevision) {
	rev, key := r.revision, gallery.Key(r.revision.ID)
	n.bodies[rev.Rank.Hash] = rev.Body
	n.index.Add(index.Revision{ID: rev.ID, Rank: rev.Rank, Gallery: rev.Gallery, Reason: rev.Reason}, l.clock.Now())
	e := n.index.Record(key)
	line, err := e.Line()
	if err != nil {
		l.t.Fatal(err)
	}
	n.records[key] = leakRecord{line, e.Revision, e.Stored()}
}

// day lets all happen, and looks at random instants and at those at which something begins
// or ends.
func (l *leaks) day() {
	var instants []time.Time
	for _, r := range l.readers {
		for _, rev := range l.revisions {
			windows := []leakWindow{r.window(rev)}
			if rev.gallery != nil {
				for i := range rev.gallery.Slides {
					windows = append(windows, r.slide(rev, i))
				}
			}
			for _, w := range windows {
				if w.ever() {
					instants = append(instants, w.from, w.from.Add(-1), w.until, w.until.Add(-1))
				}
			}
		}
	}
	looks := []time.Time{leakDay.Add(23 * time.Hour), leakDay.Add(40 * time.Hour)}
	for len(looks) < leakLooks {
		if at := instants[l.IntN(len(instants))]; at.After(leakDay.Add(time.Hour)) && at.Before(leakDay.Add(30*time.Hour)) {
			looks = append(looks, at)
		}
	}
	slices.SortFunc(looks, time.Time.Compare)
	l.node = l.start(nil)
	for _, r := range []*leakReader{l.readers[0], l.readers[1+l.IntN(5)]} {
		l.twins[r] = l.start(nil)
	}
	for _, at := range looks {
		for ; l.passed < len(l.revisions) && !l.revisions[l.passed].at.After(at); l.passed++ {
			l.happen(l.revisions[l.passed])
		}
		l.clock.Set(at)
		if l.IntN(4) == 0 {
			l.node = l.start(l.node)
			for r, twin := range l.twins {
				l.twins[r] = l.start(twin)
			}
		}
		for _, r := range l.readers {
			l.look(r)
		}
		if l.t.Failed() {
			l.describe()
			return
		}
	}
}

// describe logs what has happened.
func (l *leaks) describe() {
	for _, r := range l.revisions[:l.passed] {
		text := fmt.Sprintf("taken down: %s", r.revision.Reason)
		if g := r.gallery; g != nil {
			rights, _ := json.Marshal(g.Rights)
			text = fmt.Sprintf("published %s, expires %s, rights %s, section %q, tags %q, source %q", g.Published.Format(time.RFC3339), g.Expires.Format(time.RFC3339), rights, g.Section, g.Tags, g.Sources)
		}
		l.t.Logf("%s %s zqg%dx %s", r.at.Format("15:04:05"), l.ids[r.id], r.number, text)
	}
}

func (l *leaks) happen(rev *leakRevision) {
	l.clock.Set(rev.at)
	l.put(l.node, rev)
	for r, twin := range l.twins {
		if slices.ContainsFunc(l.revisions, func(other *leakRevision) bool { return other.id == rev.id && r.window(other).ever() }) {
			l.put(twin, rev)
		}
	}
}

// look reads all that the reader can find.
func (l *leaks) look(r *leakReader) {
	formats := []string{".rss", ".atom", ".json"}
	var todo []string
	every := func(path string) {
		todo = append(todo, path)
		for _, format := range formats {
			todo = append(todo, path+format)
		}
	}
	for _, id := range l.ids {
		every(r.base + "galleries/" + gallery.Key(id))
	}
	if r.name == "" {
		todo = append(todo, "/", "/feeds.opml", "/sitemap.xml", "/robots.txt", "/galleries")
		every("/feeds/all")
		every("/feeds/newest")
		for _, rev := range l.revisions[:l.passed] {
			if g := rev.gallery; g != nil {
				every("/sections/" + gallery.Slug(g.Section))
				every("/authors/" + gallery.Slug(g.Authors[0].Name))
				every("/tags/" + gallery.Slug(g.Tags[1]))
			}
		}
	} else {
		todo = append(todo, r.base)
		every(r.base + "feed")
		l.follow(r)
	}
	todo = append(todo, slices.Sorted(maps.Keys(r.pages))...)
	seen := map[string]bool{}
	for len(todo) > 0 && len(seen) < 1500 {
		path := todo[0]
		todo = todo[1:]
		if !seen[path] {
			seen[path] = true
			todo = append(todo, l.read(r, path)...)
		}
	}
	l.others(r)
	l.told(r)
}

var leakLink = regexp.MustCompile(`https://news\.example\.com(/[^"'<>\s\\]*)|(?:href|src)="(/[^"]*)"`)

// read reads one address in several ways, and returns the addresses that it leads to.
func (l *leaks) read(r *leakReader, path string) (links []string) {
	headers := http.Header{}
	if r.byHeader {
		headers.Set("Authorization", "Bearer "+r.key)
	}
	a := l.get(r, path, headers)
	if before := r.etags[path]; before != nil && l.IntN(3) == 0 {
		again := headers.Clone()
		again.Set("If-None-Match", before.Get("Etag"))
		again.Set("A-Im", "feed")
		l.get(r, path, again)
		if modified := before.Get("Last-Modified"); modified != "" {
			again = headers.Clone()
			again.Set("If-Modified-Since", modified)
			l.get(r, path, again)
		}
	}
	if a.Code == http.StatusOK && a.Header().Get("Etag") != "" {
		r.etags[path] = a.Header()
	}
	if l.IntN(4) == 0 {
		headers.Set("Sec-Fetch-Dest", "document")
		l.get(r, path, headers)
	}
	if m := leakToken.FindStringSubmatch(path[strings.LastIndexByte(path, '/'):]); m != nil && m[1] != "p" {
		l.likeNever(r, path, headers, m)
	}
	for _, m := range leakLink.FindAllStringSubmatch(a.Body.String(), -1) {
		found, _, _ := strings.Cut(html.UnescapeString(m[1]+m[2]), "#")
		if strings.HasPrefix(found, r.base) && !strings.Contains(found, "/after-") {
			links = append(links, found)
			if strings.Contains(found, "/archive/") {
				r.pages[found] = true
			}
		}
	}
	return links
}

// get answers a request of the reader. Its bytes are judged, and a node on which there is
// nothing that the reader never sees gives the same.
func (l *leaks) get(r *leakReader, path string, headers http.Header) *httptest.ResponseRecorder {
	a := l.ask(l.node, path, headers)
	l.judge(r, path, a.Body.String()+fmt.Sprint(a.Header()), path)
	if twin := l.twins[r]; twin != nil {
		b := l.ask(twin, path, headers)
		if x, y := leakLines(a), leakLines(b); !slices.Equal(x, y) {
			l.t.Errorf("%s: what %q never sees makes a difference to %s (%v) (-with it +without):\n%.3000s", l.clock.Now().Format(time.RFC3339Nano), r.name, path, headers, gocmp.Diff(x, y))
		}
	}
	return a
}

func (l *leaks) ask(n *leakNode, path string, headers http.Header) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, leakSite+path, nil)
	maps.Copy(request.Header, headers)
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, request)
	w.Header().Del("Date")
	w.Header().Del("X-Request-Id")
	return w
}

func leakLines(w *httptest.ResponseRecorder) []string {
	lines := []string{fmt.Sprint(w.Code)}
	for _, name := range slices.Sorted(maps.Keys(w.Header())) {
		lines = append(lines, name+": "+fmt.Sprint(w.Header()[name]))
	}
	return append(lines, strings.SplitAfter(w.Body.String(), ">")...)
}

// judge asserts that no token is in the text that the reader may not see now; asked is what
// the reader has sent.
func (l *leaks) judge(r *leakReader, where, text, asked string) {
	now := l.clock.Now()
	judged := map[string]bool{}
	text = leakDecoded(text)
	for _, m := range leakToken.FindAllStringSubmatch(strings.ToLower(text), -1) {
		if judged[m[0]] || strings.Contains(asked, m[0]) {
			continue
		}
		judged[m[0]] = true
		number, _ := strconv.Atoi(m[2])
		slide, _ := strconv.Atoi(m[3])
		if l.may(r, m[1], number, slide, now) {
			continue
		}
		i := strings.Index(strings.ToLower(text), m[0])
		l.t.Errorf("%s: %q may not see %s, but %s has it: …%s…", now.Format(time.RFC3339Nano), r.name, m[0], where, text[max(0, i-200):min(len(text), i+100)])
	}
	for i, id := range l.ids {
		if key := gallery.Key(id); key != id && strings.Contains(text, key) && !strings.Contains(asked, key) && !l.may(r, "i", i, 0, now) {
			l.t.Errorf("%s: %q may not see %s, but %s has its key", now.Format(time.RFC3339Nano), r.name, id, where)
		}
	}
}

// leakDecoded is the text without escapes, and after it what is in it in base64.
func leakDecoded(text string) string {
	for encoded := range strings.FieldsFuncSeq(text, func(r rune) bool { return !strings.ContainsRune(leakBase64, r) }) {
		if plain, err := base64.RawURLEncoding.DecodeString(encoded); err == nil && len(encoded) >= 30 {
			text += " " + string(plain)
		}
	}
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	return html.UnescapeString(text)
}

// likeNever asserts that what the reader has never seen answers as what there never was.
func (l *leaks) likeNever(r *leakReader, path string, headers http.Header, m []string) {
	number, _ := strconv.Atoi(m[2])
	seen := m[1] == "i" && l.may(r, "i", number, 0, l.clock.Now()) || m[1] == "g" && r.window(l.revisions[number]).before(l.clock.Now())
	if seen {
		return
	}
	never := strings.Repeat("y", len(m[0]))
	a, b := l.ask(l.node, path, headers), l.ask(l.node, strings.ReplaceAll(path, m[0], never), headers)
	lines := leakLines(a)
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], m[0], never)
	}
	if other := leakLines(b); !slices.Equal(lines, other) {
		l.t.Errorf("%s: %s, which %q has never seen, answers not like what there never was (-answer +never):\n%s", l.clock.Now().Format(time.RFC3339Nano), path, r.name, gocmp.Diff(lines, other))
	}
}

// others asserts that the reader gets nothing at the addresses of partners that it is not.
func (l *leaks) others(r *leakReader) {
	for _, other := range l.readers[1:] {
		if other == r {
			continue
		}
		for _, path := range []string{"/partners/" + other.name + "/feed.json", "/partners/" + other.name + "/", "/partners/" + other.name + "/~" + r.key + "/feed.rss"} {
			a := l.ask(l.node, path, http.Header{"Authorization": {"Bearer " + r.key}})
			l.judge(r, path, a.Body.String()+fmt.Sprint(a.Header()), path)
			if !slices.Contains([]int{http.StatusNotFound, http.StatusUnauthorized, http.StatusTooManyRequests}, a.Code) {
				l.t.Errorf("%q gets %d at %s", r.name, a.Code, path)
			}
		}
	}
}

// follow reads the change list to its end, from where it was read before.
func (l *leaks) follow(r *leakReader) {
	for more := true; more; {
		list, err := l.node.partners.partner(r.name).Changes(r.list)
		if err != nil {
			l.t.Fatal(err)
		}
		text, err := json.Marshal(list)
		if err != nil {
			l.t.Fatal(err)
		}
		l.judge(r, "the change list", string(text), "")
		r.list, more = list.Cursor, list.More
	}
}

// told judges what is told of feeds: by notices, pings and webhooks, by digests, and to
// subscribers at the hub.
func (l *leaks) told(r *leakReader) {
	feeds := slices.Clone(r.feeds)
	for _, id := range l.ids {
		own := "galleries/" + gallery.Key(id)
		if r.name != "" {
			own = r.feeds[0] + "/" + own
		}
		feeds = append(feeds, own)
	}
	source := noticeSource{l.node.partners}
	for i, name := range feeds {
		now := l.clock.Now().Format(time.RFC3339Nano)
		snap, err := source.Snapshot(name, r.since[name])
		if errors.Is(err, edition.ErrUnknown) {
			continue
		}
		if err != nil {
			l.t.Fatalf("%s: %s: %v", now, name, err)
		}
		r.since[name] = notice.Since{Position: snap.Position, Changed: snap.Changed}
		documents, _ := source.Documents(l.t.Context(), name)
		asked := ""
		if i >= len(r.feeds) { // who names the gallery knows of it
			asked = l.ids[i-len(r.feeds)] + " " + gallery.Key(l.ids[i-len(r.feeds)])
		}
		l.judge(r, "a notice of "+name, fmt.Sprint(snap.Steps, snap.Members, documents), asked)
		topic := websub.Topic{Feed: name, Document: feed.Formats()[l.IntN(len(feed.Formats()))].String()}
		if !r.byHeader {
			topic.Key = r.key
		}
		if content, err := l.node.topics.Content(l.t.Context(), topic, outbox.Order{}); err == nil {
			l.judge(r, "a delivery of "+name, string(content.Body)+content.Version+content.State, asked)
		}
		shown, err := l.node.digests.Shown(l.t.Context(), name, leakDay.AddDate(0, 0, -2), 50)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, s := range shown {
			if v, found, err := l.node.digests.View(l.t.Context(), []string{name}, s.Key); err != nil || found {
				text, _ := json.Marshal(v)
				l.judge(r, "a digest of "+name, fmt.Sprintf("%s %v", text, err), "")
			}
		}
	}
}
