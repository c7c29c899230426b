package page_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gallerywire/gallerywire/internal/demo"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

var screenshots = flag.String("screenshots", "", "keep a screenshot of each page on each screen in this `folder`")

const (
	sample   = "/galleries/cecot-terrorism-confinement-center"
	pictures = "https://img.example.com/" // of galleries that are not samples
)

// looks are the pages, by the names of their screenshots.
var looks = []struct{ name, path string }{
	{"front", "/"},
	{"list", "/galleries"},
	{"list-section", "/sections/lifestyle"},
	{"list-end", "/tags/prisons?before=1~a"},
	{"list-none", "/tags/none"},
	{"gallery", sample},
	{"article", "/galleries/article"},
	{"arabic", "/galleries/arabic"},
	{"unsized", "/galleries/unsized"},
	{"slide", sample + "#slide-5"},
	{"hostile", "/galleries/hostile"},
	{"feed", "/feeds/all.atom"},
	{"feed-section", "/sections/lifestyle.atom"},
	{"feed-tag", "/tags/prisons.json"},
	{"feed-author", "/authors/example-news-gallery-desk.rss"},
	{"feed-gallery", sample + ".rss"},
	{"feed-archive", "/feeds/all/archive/newest.atom"},
	{"feed-hostile", "/galleries/hostile.rss"},
	{"feed-none", "/feeds/none.rss"},
	{"not-found", "/nothing/here"},
	{"gone", "/galleries/gone"},
	{"feed-gone", "/galleries/gone.rss"},
	{"partner", partnerBase + "/"},
	{"partner-gallery", partnerBase + sample},
}

// templates are one page, by the name of its screenshot, of each template.
var templates = []string{"front", "list-section", "gallery", "article", "feed-section", "feed-archive", "not-found", "gone", "partner-gallery"}

// Whoever looks at the pages has the same site, in each language.
func TestPages(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("other processes look at the pages, which the race detector does not see")
	}
	sites := map[string]string{}
	for language := range siteTitles {
		sites[language] = startSite(t, language)
	}
	for name, test := range map[string]func(t *testing.T, sites map[string]string){
		"in a browser": inABrowser, "in other languages": inOtherLanguages, "frame": beginsWhereTheFrameDoes, "by the Nu checker": nuChecker,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, sites)
		})
	}
}

// inABrowser opens all pages on all screens, where axe finds no barrier for people with
// disabilities either, and uses them.
func inABrowser(t *testing.T, sites map[string]string) {
	chrome, base := startBrowser(t), sites["en"]
	t.Run("every page on every screen", func(t *testing.T) {
		for device, on := range devices {
			t.Run(device, func(t *testing.T) {
				t.Parallel()
				tb := newTab(t, chrome, base)
				if device == "phone" {
					tb.bringAxe()
				}
				for _, look := range looks {
					t.Run(look.name, func(t *testing.T) { tb.looksRight(t, on, look.name, look.path) })
				}
			})
		}
	})
	shared := newTab(t, chrome, base)
	for name, test := range map[string]func(*tab){
		"copy":              copies,
		"keys":              stepsByKey,
		"keys of an Arabic": stepsTheOtherWay,
		"steps by anchor":   stepsByAnchor,
		"tab key":           tabsToTheContent,
		"without sizes":     keepsItsPlace,
		"right to left":     alignsCards,
		"picture first":     beginsWithAPicture,
	} {
		t.Run(name, func(t *testing.T) { shared.try(t, test) })
	}
	for name, test := range map[string]func(*tab){ // after which a tab is another one
		"copy over HTTP":     copiesWithoutAClipboard,
		"feed by navigation": opensFeeds,
		"without script":     worksWithoutScript,
		"by finger":          saysNothingOfKeys,
	} {
		t.Run(name, func(t *testing.T) { newTab(t, chrome, base).try(t, test) })
	}
}

// try has a test use the tab.
func (tb *tab) try(t *testing.T, test func(*tab)) {
	defer func(outer *testing.T) { tb.t = outer }(tb.t)
	tb.t = t
	tb.on(screens[2])
	test(tb)
	tb.calm()
}

// siteTitles are the titles of sites and feeds, by the language that they are in.
var siteTitles = map[string][3]string{
	"en": {"Example News Galleries", "Every picture story, as soon as it is published", "All galleries"},
	"de": {"Bildergalerien", "Jede Bildstrecke, sobald sie erscheint", "Alle Galerien"},
	"ar": {"معارض الصور", "كل قصة مصورة فور نشرها", "كل المعارض"},
}

// startSite serves a site in that language, with the samples and what else the
// pages must be able to show, and returns its address.
func startSite(t *testing.T, language string) string {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	n := newNodeOf(t, edition.Options{
		Site: edition.Site{
			Title: siteTitles[language][0], Description: siteTitles[language][1],
			BaseURL: server.URL, Language: language, Copyright: "© " + siteTitles[language][0],
		},
		Feeds: []edition.Definition{
			{Name: "all", Title: siteTitles[language][2], Items: 30},
			{Name: "travel", Title: "Travel", Items: 30, Match: index.Match{Sections: []string{"Travel"}}},
		},
		Dynamic: edition.Dynamic{Sections: true, Tags: true, Authors: true},
	})
	n.Start()
	now := time.Now() // as the browser's clock
	n.Clock.Set(now)
	cms, err := demo.New(server.URL+"/demo/pictures", now)
	if err != nil {
		t.Fatal(err)
	}
	n.putSamples(cms)
	n.Publish(article(now))
	n.Publish(arabic(now))
	n.Publish(unsized(now))
	n.Publish(longWinded(now))
	n.Publish(hostile(now))
	n.Publish(photo("gone"))
	n.TakeDown("gone")
	handler = web.Public(web.Options{
		Editions: n.editions,
		Pages: func(mux *http.ServeMux) {
			n.pages.Register(mux)
			mux.Handle("GET /demo/pictures/", http.StripPrefix("/demo/pictures", cms.Pictures()))
		},
		GalleryPage: n.pages.Gallery, FeedPage: n.pages.Feed, ListPage: n.pages.List, NotFound: n.pages.NotFound,
		MaxAge: time.Minute, Logger: quiet(), Partner: n.partner,
	})
	return server.URL
}

// putSamples stores the galleries of the demonstration, and some that come in
// later.
func (n *node) putSamples(cms *demo.CMS) {
	n.t.Helper()
	galleries := cms.Galleries()
	for i := range galleries {
		n.Publish(&galleries[i])
	}
	for step := 2; step < 8; step += 2 {
		next, err := cms.Next(step, n.Clock.Now().Add(-time.Duration(50-step)*time.Hour))
		if err != nil {
			n.t.Fatal(err)
		}
		n.Publish(next.Gallery)
	}
}

// looksRight opens a page and checks what must be true of each, on screens of one size.
func (tb *tab) looksRight(t *testing.T, screens []screen, name, path string) {
	defer func(outer *testing.T) { tb.t = outer }(tb.t)
	tb.t = t // whose failures they are
	for i, s := range screens {
		tb.on(s)
		if i == 0 {
			tb.open(path)
			tb.until(`document.readyState == "complete" && [...document.images].every((i) => i.complete || i.loading == "lazy" && !(` + inView + `)(i))`)
		}
		tb.keep(s, name)
		loaded := i == 0 && !strings.Contains(path, "hostile") // which lies about the sizes of its pictures
		tb.appearsRight(s, loaded)
	}
	tb.calm()
	tb.noBarriers()
}

// appearsRight checks what the tab shows on s, and if it was just loaded that nothing
// moved.
func (tb *tab) appearsRight(s screen, loaded bool) {
	tb.t.Helper()
	got := value[struct {
		Over, Shift float64
		Pwned, Dark bool
		Stylesheets int
		Faint       []string
	}](tb, `({
		over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		shift, pwned: "pwned" in window,
		dark: (`+luminance+`)(getComputedStyle(document.body).backgroundColor) < 0.2,
		stylesheets: performance.getEntriesByType("resource").filter((e) => e.name.endsWith(".css")).length,
		faint: `+contrasts+`,
	})`)
	if got.Over > 0 {
		tb.t.Errorf("%s: %g pixels stick out", s.name, got.Over)
	}
	if got.Shift > 0.01 && loaded {
		tb.t.Errorf("%s: the layout shifts by %g while the page loads", s.name, got.Shift)
	}
	if got.Pwned {
		tb.t.Errorf("%s: a script of a gallery ran", s.name)
	}
	if got.Stylesheets != 1 {
		tb.t.Errorf("%s: %d stylesheets were requested, want 1", s.name, got.Stylesheets)
	}
	if got.Dark != (s.scheme == "dark") {
		tb.t.Errorf("%s: the page is dark: %t", s.name, got.Dark)
	}
	for _, faint := range got.Faint {
		tb.t.Errorf("%s: too little contrast: %s", s.name, faint)
	}
}

// inView is a function of an element.
const inView = `(e) => { const at = e.getBoundingClientRect(); return at.bottom > 0 && at.top < innerHeight; }`

// luminance is a function of a colour as CSS writes it (WCAG 2.2, relative
// luminance).
const luminance = `(c) => c.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255)
	.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
	.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)`

// contrasts lists texts that stand out from what is behind them by less than
// 4.5 to 1.
const contrasts = `(() => {
	const luminance = ` + luminance + `;
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = getComputedStyle(e).backgroundColor;
			if (c != "rgba(0, 0, 0, 0)") return c;
		}
		return "rgb(255, 255, 255)";
	};
	const faint = new Set();
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || e.tagName == "SCRIPT") continue;
		const [a, b] = [luminance(getComputedStyle(e).color), luminance(behind(e))].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5) faint.add(ratio.toFixed(2) + " " + e.tagName + "." + e.className);
	}
	return [...faint];
})()`

// keep saves what the tab shows, if the test was asked to.
func (tb *tab) keep(s screen, name string) {
	tb.t.Helper()
	if *screenshots == "" {
		return
	}
	png, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.t.Fatal(err)
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		tb.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+"-"+s.name+".png"), png, 0o644); err != nil {
		tb.t.Fatal(err)
	}
}

func copies(tb *tab) {
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(tb.ctx, browser.SetPermission, browser.SetPermissionParams{
			Origin: tb.base, Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
		})
		if err != nil {
			tb.t.Fatal(err)
		}
	}
	for _, c := range []struct{ path, button, want string }{
		{"/", `[aria-label="Copy the Atom address of All galleries"]`, "/feeds/all.atom"},
		{"/feeds/all.atom", `[aria-label="Copy the JSON address"]`, "/feeds/all.json"},
		{sample, `[aria-label^="Copy the RSS address of Inside"]`, sample + ".rss"},
	} {
		tb.open(c.path)
		tb.click(c.button)
		tb.until(`document.querySelector("[role=status]").textContent == "Copied"`)
		if got := value[string](tb, `navigator.clipboard.readText()`); got != tb.base+c.want {
			tb.t.Errorf("%s: copied %q, want %q", c.path, got, tb.base+c.want)
		}
	}
}

func copiesWithoutAClipboard(tb *tab) {
	tb.open("/feeds/all.atom")
	value[bool](tb, `(() => {
		window.copied = "";
		document.addEventListener("copy", () => { copied = document.activeElement.value; });
		return Object.defineProperty(navigator, "clipboard", { value: undefined }) == navigator;
	})()`)
	tb.click(`[aria-label="Copy the Atom address"]`)
	tb.until(`document.querySelector("[role=status]").textContent == "Copied"`)
	if got := value[string](tb, `copied`); got != tb.base+"/feeds/all.atom" {
		tb.t.Errorf("copied %q", got)
	}
}

// where says at which slide the tab is: by address and by focus.
const where = `location.hash + " " + (document.activeElement.id || document.activeElement.tagName)`

func (tb *tab) press(keys ...string) {
	tb.t.Helper()
	for _, key := range keys {
		tb.run(chromedp.KeyEvent(key))
	}
}

func (tb *tab) wantAt(after, slide string) {
	tb.t.Helper()
	if got := value[string](tb, where); got != "#slide-"+slide+" slide-"+slide {
		tb.t.Errorf("after %s at %q, want slide %s", after, got, slide)
	}
	if !value[bool](tb, `(() => { const r = document.activeElement.getBoundingClientRect(); return r.top >= 0 && r.top < innerHeight / 2 || r.bottom <= innerHeight; })()`) {
		tb.t.Errorf("after %s slide %s is not in view", after, slide)
	}
}

func stepsByKey(tb *tab) {
	tb.open(sample)
	for _, c := range []struct{ key, says, slide string }{
		{kb.ArrowRight, "→", "1"}, {kb.ArrowRight, "→", "2"}, {kb.ArrowRight, "→", "3"}, {kb.ArrowLeft, "←", "2"},
		{"j", "j, which is no key of ours", "2"}, {"k", "k, likewise", "2"},
		{kb.ArrowLeft, "←", "1"}, {kb.ArrowLeft, "← at the first", "1"},
	} {
		tb.press(c.key)
		tb.wantAt(c.says, c.slide)
	}
	for range 30 {
		tb.press(kb.ArrowRight)
	}
	tb.wantAt("30 × →", "28")
	tb.press(kb.ArrowLeft)
	tb.wantAt("←", "27")
}

func stepsTheOtherWay(tb *tab) {
	tb.open("/galleries/arabic")
	tb.press(kb.ArrowLeft, kb.ArrowLeft)
	tb.wantAt("← ←", "2")
	tb.press(kb.ArrowRight)
	tb.wantAt("→", "1")
}

func stepsByAnchor(tb *tab) {
	tb.open(sample)
	tb.click(`#slide-1 a[rel=next]`)
	tb.wantAt("the anchor", "2")
	tb.press(kb.ArrowRight)
	tb.wantAt("→ after it", "3")
}

func tabsToTheContent(tb *tab) {
	tb.open("/")
	tb.press(kb.Tab)
	if got := value[string](tb, `document.activeElement.className + " " + getComputedStyle(document.activeElement).outlineStyle + " " + (document.activeElement.offsetWidth > 50)`); got != "skip solid true" {
		tb.t.Errorf("the first thing reached: %s", got)
	}
	tb.press(kb.Enter)
	tb.press(kb.Tab)
	if got := value[string](tb, `document.activeElement.pathname`); got != "/feeds/all" {
		tb.t.Errorf("after the skip link: %q", got)
	}
}

func opensFeeds(tb *tab) {
	call(tb, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}) // it would let nobody fetch
	tb.open("/")
	tb.follow(`.feeds .formats a`)
	if got := value[string](tb, `location.pathname + " " + document.contentType`); got != "/feeds/all.atom text/html" {
		tb.t.Errorf("by navigation: %s", got)
	}
	const ask = `fetch(location.pathname).then(async (r) => r.headers.get("content-type") + " " + r.headers.get("vary") + " " + (await r.text()).slice(0, 5))`
	const feed = "application/atom+xml; charset=utf-8 Accept-Encoding, Sec-Fetch-Dest <?xml"
	for range 2 { // the second may come from the cache
		if got := value[string](tb, ask); got != feed {
			tb.t.Errorf("by fetch: %s", got)
		}
	}
	tb.run(chromedp.Reload()) // with the feed in the cache
	if got := value[string](tb, `document.contentType`); got != "text/html" {
		tb.t.Errorf("once the feed is in the cache: %s", got)
	}
	tb.follow(`a[href="?raw"]`)
	if got := value[string](tb, `location.search + " " + document.body.innerText.slice(0, 5)`); got != "?raw <?xml" { // shown as source
		tb.t.Errorf("the feed itself: %s", got)
	}
	tb.open(sample + ".atom")
	tb.follow(`.slides li:nth-child(3) a`)
	if got := value[string](tb, `location.pathname + location.hash`); got != sample+"#slide-3" {
		tb.t.Errorf("the third slide is at %s", got)
	}
}

func worksWithoutScript(tb *tab) {
	call(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tb.open(sample)
	tb.click(`#slide-1 a[rel=next]`)
	if got := value[string](tb, `location.href`); got != tb.base+sample+"#slide-2" {
		tb.t.Errorf("the anchor leads to %s", got)
	}
	if n := value[int](tb, `[...document.querySelectorAll(".copy, .keys")].filter((e) => e.offsetWidth > 0).length`); n != 0 {
		tb.t.Errorf("%d buttons and hints that do nothing", n)
	}
}

// keepsItsPlace looks at a picture without a stated size, before it
// has come and after.
func keepsItsPlace(tb *tab) {
	const load = `(async () => {
		const old = document.querySelector(".picture img"), fresh = old.cloneNode();
		fresh.src = old.src + "?again";
		old.replaceWith(fresh);
		const before = fresh.getBoundingClientRect().height;
		await fresh.decode();
		return [before, fresh.getBoundingClientRect().height, fresh.naturalHeight];
	})()`
	tb.open("/galleries/unsized")
	for _, s := range screens {
		tb.on(s)
		if h := value[[]float64](tb, load); h[0] != h[1] || h[0] < 200 || h[2] != 900 {
			tb.t.Errorf("%s: a picture %g pixels high, %g once it has come, of %g; want one height", s.name, h[0], h[1], h[2])
		}
	}
}

// saysNothingOfKeys opens a gallery where fingers point.
func saysNothingOfKeys(tb *tab) {
	const hints = `[...document.querySelectorAll(".keys")].filter((e) => e.offsetWidth > 0).length`
	tb.open(sample)
	if n := value[int](tb, hints); n != 1 {
		tb.t.Errorf("with a mouse: %d hints at keys", n)
	}
	tb.run(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	tb.open(sample)
	if n := value[int](tb, hints); n != 0 {
		tb.t.Errorf("with fingers: %d hints at keys", n)
	}
	if n := value[int](tb, `[...document.querySelectorAll(".copy")].filter((e) => e.offsetWidth == 0).length`); n != 0 {
		tb.t.Errorf("with fingers: %d buttons are hidden", n)
	}
}

// alignsCards looks where the last line of each card stands: below its text.
func alignsCards(tb *tab) {
	const astray = `[...document.querySelectorAll(".words")].filter((words) => {
		const note = document.createRange(), box = words.getBoundingClientRect();
		note.selectNodeContents(words.querySelector(".note"));
		const line = note.getBoundingClientRect(), left = Math.abs(line.left - box.left) < 2, right = Math.abs(line.right - box.right) < 2;
		return words.dir == "rtl" ? !right : !left;
	}).map((words) => words.textContent)`
	tb.open("/")
	if n := value[int](tb, `document.querySelectorAll(".words[dir=rtl]").length`); n == 0 {
		tb.t.Fatal("no card runs from right to left")
	}
	for _, s := range screens {
		tb.on(s)
		for _, card := range value[[]string](tb, astray) {
			tb.t.Errorf("%s: the last line is not below the text of %q", s.name, card)
		}
	}
}

// beginsWithAPicture opens galleries with long texts on screens as people have them.
func beginsWithAPicture(tb *tab) {
	for _, s := range []screen{{"desktop", 1440, 900, "light"}, {"phone", 390, 844, "light"}} {
		tb.on(s)
		for _, path := range []string{sample, "/galleries/long-winded"} {
			tb.open(path)
			top := value[float64](tb, `document.querySelector(".picture").getBoundingClientRect().top`)
			if lead := value[float64](tb, `document.querySelector(".lead").getBoundingClientRect().top`); top > float64(s.height)-100 || lead < top {
				tb.t.Errorf("%s, %s: the first picture begins at %g of %d, the lead at %g", s.name, path, top, s.height, lead)
			}
		}
		tb.follow(".picture")
		if got := value[string](tb, `location.href + " " + document.contentType`); got != pictures+"1.jpg image/png" { // as anyPicture is
			tb.t.Errorf("%s: the picture leads to %s", s.name, got)
		}
	}
}

// longWinded is a gallery with as much text before its slides as there may be.
func longWinded(now time.Time) *gallery.Gallery {
	return photo("long-winded", func(g *gallery.Gallery) {
		g.Title = "Night falls over the harbour, and everybody who has a boat has something to say about it"
		g.Summary = strings.Repeat("What there is to see here, in a sentence. ", 9)
		g.Body = strings.Repeat("<p>"+strings.Repeat("A lead that goes on. ", 30)+"</p>", 12)
		g.Authors, g.Section = []gallery.Author{{Name: "A. Writer"}, {Name: "B. Writer"}}, "Travel"
		g.Published = now.Add(-104 * time.Hour)
	})
}

func article(now time.Time) *gallery.Gallery {
	return photo("article", func(g *gallery.Gallery) {
		g.Title, g.Summary = "A note to our readers", "Why the gallery desk will be closed on Sunday."
		g.Published, g.Slides = now.Add(-100*time.Hour), nil
		g.Body = `<p>Text with <em>emphasis</em>, a <a href="/more">link</a>, a list:</p><ul><li>one</li><li>two</li></ul>` +
			`<table><tr><th>a</th><td>` + strings.Repeat("wide ", 40) + `</td></tr></table><pre>` + strings.Repeat("preformatted ", 30) + `</pre>` +
			`<blockquote><p>Quoted</p></blockquote><p><img src="https://img.example.com/wide.png" width="1600" height="900" alt="wide"></p>`
	})
}

func arabic(now time.Time) *gallery.Gallery {
	return photo("arabic", func(g *gallery.Gallery) {
		g.Title, g.Summary, g.Language = "أضواء الميناء", "عودة القوارب الأخيرة عند الغروب", "ar"
		g.Tags, g.Sources, g.Copyright = []string{"ليل"}, []string{"وكالة"}, "© وكالة"
		g.Published = now.Add(-101 * time.Hour)
		for i := range g.Slides {
			g.Slides[i].Title, g.Slides[i].Caption, g.Slides[i].Credit = "الغروب", "<p>تعود القوارب إلى الميناء.</p>", "وكالة"
		}
	})
}

// unsized is a gallery whose pictures do not say how large they are.
func unsized(now time.Time) *gallery.Gallery {
	return photo("unsized", func(g *gallery.Gallery) {
		g.Published = now.Add(-103 * time.Hour)
		for i := range g.Slides {
			g.Slides[i].Image.URL = fmt.Sprintf("%sunsized-%d.jpg", pictures, i+1)
			g.Slides[i].Image.Width, g.Slides[i].Image.Height = 0, 0
		}
	})
}

// hostile is a gallery that tries to break out of everything.
func hostile(now time.Time) *gallery.Gallery {
	const evil = `<script>window.pwned=1</script><img src=x alt="" onerror="window.pwned=1"><svg onload="window.pwned=1">` +
		`</figcaption></figure></article></main></body><style>*{display:none}</style><a href="javascript:window.pwned=1">x</a>` +
		`<!-- <iframe srcdoc="<script>parent.pwned=1</script>">`
	word := strings.Repeat("W", 10_000)
	const turned = "\u202Eturned round \u2066and round"
	return photo("hostile", func(g *gallery.Gallery) {
		g.Published = now.Add(-102 * time.Hour)
		g.Title, g.Summary = `</script><script>window.pwned=1</script>`+turned, word
		g.Section, g.Tags = evil, []string{turned, word[:200], `"><script>window.pwned=1</script>`}
		g.Body = evil + `<p>` + word + `</p><pre>` + word + `</pre><table><tr><td>` + word + `</td></tr></table>`
		g.Authors = []gallery.Author{{Name: turned + `</script>`, URL: "javascript:window.pwned=1"}}
		g.Sources, g.Copyright = []string{evil, turned}, word[:2000]
		g.Slides = []gallery.Slide{picture(1), picture(2), picture(3), picture(4)}
		g.Slides[0].Title, g.Slides[0].Caption, g.Slides[0].Credit = evil, evil, evil
		g.Slides[0].Image.Alt = `" onload="window.pwned=1`
		g.Slides[1].Title, g.Slides[1].Caption, g.Slides[1].Credit = turned, turned+"<p>"+turned, turned
		g.Slides[1].Image.Width, g.Slides[1].Image.Height = 1, 100_000
		g.Slides[2].Title, g.Slides[2].Caption, g.Slides[2].Credit = word[:2000], word, word[:500]
		g.Slides[2].Image.Width, g.Slides[2].Image.Height = 100_000, 1
		g.Slides[3].Title, g.Slides[3].Caption = "", `<div><div><table><tr><td>`+strings.Repeat("<blockquote>", 200)
		g.Slides[3].Image.URL = "javascript:window.pwned=1"
	})
}
