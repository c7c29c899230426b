package web_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"

	gocmp "github.com/google/go-cmp/cmp"
)

// day is a site whose clock the test sets, over HTTP, and what is true of it.
type day struct {
	*live
	t         *testing.T
	url       string
	random    *rand.Rand
	galleries map[string]*gallery.Gallery // as last published
}

func newDay(t *testing.T, seed uint64) *day {
	d := &day{t: t, random: rand.New(rand.NewPCG(seed, 1)), galleries: map[string]*gallery.Gallery{}}
	server := httptest.NewUnstartedServer(nil)
	d.url = "http://" + server.Listener.Addr().String()
	d.live = newLiveWorld(t)
	d.Clock.Set(time.Now().UTC())
	d.editions = edition.New(edition.Options{
		Index: d.Index(), Load: d.Load,
		Renderer: feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: d.url}),
		Site:     edition.Site{Title: "Wire", BaseURL: d.url, Language: "en"},
		Feeds:    []edition.Definition{{Name: "all", Items: 4}, {Name: "latest", Items: 12, Order: index.ByUpdated}},
		Dynamic:  edition.Dynamic{Sections: true, Items: 4},
		Now:      d.Clock.Now,
		Logger:   slog.New(slog.DiscardHandler),
	})
	partners := d.editions.For(edition.PartnerFeed{
		Definition: edition.Definition{Name: "msn", Items: 4, Order: index.ByUpdated}, Exclude: index.Match{Sections: []string{"Brief"}}, Audience: delayed, Base: "/partners/msn",
	})
	d.handler = web.Public(web.Options{
		Editions: d.editions, Title: "Wire", MaxAge: time.Minute, Metrics: d.metrics, Now: d.Clock.Now, Logger: slog.New(slog.DiscardHandler),
		Partner: func(r partner.Request) (web.PartnerFeeds, error) { return livePartner{partners}, admit(r) },
	})
	server.Config.Handler = d.handler
	server.Start()
	t.Cleanup(server.Close)
	return d
}

// runEach runs the script of each line, as if Python was started for it, and says what
// ended it early.
const runEach = `import contextlib, json, runpy, sys, traceback
for line in sys.stdin:
    sys.argv, fault = json.loads(line), None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as e:
        fault = e.code
    except Exception:
        fault = traceback.format_exc()
    print(json.dumps(fault), flush=True)
`

// python returns a function that runs a script with arguments.
func python(t *testing.T, environment ...string) (run func(script string, arguments ...string)) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", runEach)
	command.Env, command.Stderr = append(os.Environ(), environment...), t.Output()
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = command.Wait() })
	lines, faults := json.NewEncoder(in), json.NewDecoder(out)
	return func(script string, arguments ...string) {
		t.Helper()
		var fault any
		err := lines.Encode(append([]string{script}, arguments...))
		if err == nil {
			err = faults.Decode(&fault)
		}
		if err != nil || fault != nil {
			t.Fatalf("%v: %v, %v", arguments, err, fault)
		}
	}
}

// scriptOf returns the file of the script in a document that begins so.
func scriptOf(t *testing.T, document, begins string) string {
	t.Helper()
	if _, err := os.Stat("/usr/bin/python3"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3 is missing: install it")
		}
		t.Skip("python3 is missing: install it to run this test")
	}
	text, err := os.ReadFile("../../../docs/" + document)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```python\n(" + begins + ".*?)```").FindSubmatch(text)
	if blocks == nil {
		t.Fatalf("docs/%s has no script that mirrors a site", document)
	}
	file := filepath.Join(t.TempDir(), "mirror.py")
	if err := os.WriteFile(file, blocks[1], 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// in is a time to come, or none.
func (d *day) in() time.Time {
	if d.random.IntN(4) > 0 {
		return time.Time{}
	}
	return d.Clock.Now().Add(time.Duration(1+d.random.IntN(8)) * time.Hour)
}

// publish stores a revision of a gallery, that of a new one if it is empty.
func (d *day) publish(id string) {
	old := d.galleries[id]
	g := &gallery.Gallery{ID: cmp.Or(id, fmt.Sprint("gallery ", len(d.galleries))), Published: d.Clock.Now(), Updated: d.Clock.Now()}
	if old != nil {
		g.Published = old.Published
	}
	sections := []string{"Travel", "Sport & play", "Cozinha & café"}
	if d.Clock.Now().Sub(d.begun()) < 6*time.Hour {
		sections = append(sections, "Brief") // which is no more later
	}
	g.Title, g.Section = fmt.Sprint("Title ", d.random.IntN(1e6)), sections[d.random.IntN(len(sections))]
	g.Expires = d.in()
	if g.Section == "Brief" {
		g.Expires = d.Clock.Now().Add(time.Hour)
	}
	for i := range 1 + d.random.IntN(3) {
		s := gallery.Slide{ID: fmt.Sprint("slide-", i), Image: gallery.Image{URL: "https://img.example.com/" + fmt.Sprint(i) + ".jpg"}}
		s.Rights.Until = d.in()
		g.Slides = append(g.Slides, s)
	}
	d.galleries[g.ID] = g
	d.Publish(g)
}

func (d *day) begun() time.Time {
	first := d.Clock.Now()
	for _, g := range d.galleries {
		if g.Published.Before(first) {
			first = g.Published
		}
	}
	return first
}

func (d *day) takeDown(id string) {
	d.galleries[id] = &gallery.Gallery{ID: id, Published: d.galleries[id].Published, Expires: d.galleries[id].Published}
	d.TakeDown(id)
}

// happen is an hour of a newsroom.
func (d *day) happen() {
	d.Clock.Advance(57 * time.Minute)
	d.publish("")
	ids := slices.Sorted(maps.Keys(d.galleries))
	for range d.random.IntN(4) {
		d.Clock.Advance(time.Minute)
		id := ids[d.random.IntN(len(ids))] // however old it is
		if d.random.IntN(3) == 0 {
			d.takeDown(id)
		} else {
			d.publish(id)
		}
	}
}

// truth is what may be shown now of the sections, of all if there are none: title,
// section and slides by the identifier of the gallery.
func (d *day) truth(sections ...string) map[string]string { return d.truthOf(0, sections...) }

// truthOf is truth of who sees galleries so long after they were published.
func (d *day) truthOf(delay time.Duration, sections ...string) map[string]string {
	all := map[string]string{}
	for id, g := range d.galleries {
		if !g.Expires.IsZero() && !d.Clock.Now().Before(g.Expires) || d.Clock.Now().Before(g.Published.Add(delay)) || len(sections) > 0 && !slices.Contains(sections, g.Section) {
			continue
		}
		what := g.Title + ", " + g.Section
		for _, s := range g.View(new(gallery.Audience), d.Clock.Now()).Slides {
			what += ", " + g.Slides[s.Index].ID
		}
		all["tag:example.com,2026:"+strings.ReplaceAll(id, " ", "%20")] = what
	}
	return all
}

// mirrored is what is in the file of the script that mirrors a site, as of truth.
func (d *day) mirrored(path string) map[string]string {
	d.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	var state struct {
		Galleries map[string]struct {
			Title string
			Data  struct {
				Section string
				Slides  []struct{ ID string }
			} `json:"_gallerywire"`
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		d.t.Fatal(err)
	}
	all := map[string]string{}
	for id, g := range state.Galleries {
		all[id] = g.Title + ", " + g.Data.Section
		for _, s := range g.Data.Slides {
			all[id] += ", " + s.ID
		}
	}
	return all
}

// The script in docs/feeds.md follows a day of corrections, take-downs, expiries, lost
// rights and moves between sections, most of them of galleries that are too old for the
// feed, and has what is true: at each poll of a feed by update, at each walk of any.
func TestTheScriptThatMirrorsASite(t *testing.T) {
	script, run := scriptOf(t, "feeds.md", "import gzip"), python(t)
	d := newDay(t, 1)
	mirrored := func(file string, arguments ...string) map[string]string {
		t.Helper()
		for i, a := range arguments {
			if strings.HasPrefix(a, "/") {
				arguments[i] = d.url + a
			}
		}
		path := filepath.Join(filepath.Dir(script), file)
		run(script, append([]string{path}, arguments...)...)
		return d.mirrored(path)
	}
	for range 20 {
		d.publish("")
		d.Clock.Advance(time.Minute)
	}
	check := func(what string, want, got map[string]string) {
		t.Helper()
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s after %s (-want +got):\n%s", what, d.Clock.Now().Sub(d.begun()), diff)
		}
	}
	for hour := range 24 {
		d.happen()
		check("the latest changes", d.truth(), mirrored("latest", "/feeds/latest.json"))
		if hour%3 == 0 {
			mirrored("all", "/feeds/all.json")
			mirrored("sections", "/sections/travel.json", "/sections/sport-play.json")
		}
		if hour%6 == 5 {
			check("everything", d.truth(), mirrored("all", "--whole", "/feeds/all.json"))
			check("two sections", d.truth("Travel", "Sport & play"), mirrored("sections", "--whole", "/sections/travel.json", "/sections/sport-play.json"))
			check("a section in letters of its own", d.truth("Cozinha & café"), mirrored("café", "--whole", "/sections/Cozinha & café.json"))
			check("a section that ends", d.truth("Brief"), mirrored("brief", "/sections/brief.json"))
		}
	}
	if gone := d.get("/sections/brief.json"); gone.StatusCode != 404 || len(d.truth()) < 20 {
		t.Errorf("a section that nobody has is %s, and %d galleries are left", gone.Status, len(d.truth()))
	}
}

// delayed is who gets galleries two hours late.
var delayed = &gallery.Audience{Name: "msn", Delay: 2 * time.Hour}

// copied is what is in the file of the script that keeps a copy of a partner's galleries, as
// of truth, without sections.
func (d *day) copied(file string) map[string]string {
	d.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	var state struct {
		Galleries map[string]struct {
			Title string
			Items []struct{ ID string }
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		d.t.Fatal(err)
	}
	all := map[string]string{}
	for id, g := range state.Galleries {
		id = "tag:example.com,2026:" + strings.ReplaceAll(id, " ", "%20")
		all[id] = g.Title
		for _, s := range g.Items {
			all[id] += ", " + s.ID[strings.LastIndexByte(s.ID, '/')+1:]
		}
	}
	return all
}

// The script in docs/partners.md follows such a day of a partner who gets all but one
// section, and all of that late.
func TestTheScriptThatKeepsAPartnersCopy(t *testing.T) {
	script, run := scriptOf(t, "partners.md", "import json"), python(t, "PARTNER_KEY="+secret)
	d := newDay(t, 2)
	copied := func(file string) map[string]string {
		t.Helper()
		run(script, file, d.url+"/partners/msn")
		return d.copied(file)
	}
	file := filepath.Join(t.TempDir(), "copy.json")
	for range 20 {
		d.publish("")
		d.Clock.Advance(time.Minute)
	}
	for range 16 {
		d.happen()
		want := d.truthOf(delayed.Delay, "Travel", "Sport & play", "Cozinha & café")
		for id, what := range want {
			title, rest, _ := strings.Cut(what, ", ")
			_, slides, _ := strings.Cut(rest, ", ")
			want[id] = strings.TrimSuffix(title+", "+slides, ", ")
		}
		if diff := gocmp.Diff(want, copied(file)); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", d.Clock.Now().Sub(d.begun()), diff)
		}
	}
	if got := copied(filepath.Join(t.TempDir(), "new.json")); len(got) < 10 || gocmp.Diff(got, copied(file)) != "" {
		t.Errorf("a new copy has %d galleries, or is another", len(got))
	}
}
