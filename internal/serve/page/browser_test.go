package page_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// programs are the names that Chromium goes by.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "chrome"}

// browserTimeout bounds all that is done in a browser.
const browserTimeout = 8 * time.Minute

// mouse is what a browser says of a machine that has one, as the one that tests run
// on may not: its pointer is fine, and can hover.
const mouse = "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"

// chromium is the browser of all tests, which the first of them starts.
var chromium struct {
	start sync.Once
	ctx   context.Context
	stop  []func()
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range slices.Backward(chromium.stop) {
		stop()
	}
	os.Exit(code)
}

// startBrowser returns the Chromium that all tests share. Where everything is tested
// there must be one.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range programs {
		if at, err := exec.LookPath(name); err == nil && program == "" {
			program = at
		}
	}
	if program == "" && os.Getenv("CI") != "" {
		t.Fatal("there is no Chromium to test the pages in: apt-get install chromium")
	}
	if program == "" {
		t.Skip("there is no Chromium to test the pages in: apt-get install chromium")
	}
	chromium.start.Do(func() {
		profile, err := os.MkdirTemp("", "chromium")
		if err != nil {
			chromium.err = err
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), browserTimeout)
		ctx, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(program),
			chromedp.UserDataDir(profile),
			chromedp.Env("TMPDIR="+profile), // it leaves something there
			chromedp.NoSandbox,              // so that it starts as root
			chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-dev-shm-usage", true),
			chromedp.Flag("blink-settings", mouse),
			chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), // nothing leaves the machine
		)...)
		ctx, end := chromedp.NewContext(ctx)
		chromium.stop = []func(){func() { os.RemoveAll(profile) }, cancel, stop, end}
		chromium.ctx, chromium.err = ctx, chromedp.Do(ctx)
	})
	if chromium.err != nil {
		t.Fatalf("start %s: %v", program, chromium.err)
	}
	return chromium.ctx
}

// screen is what somebody looks at a page on.
type screen struct {
	name          string
	width, height int64
	scheme        string // of colours
}

var screens = []screen{
	{"phone-light", 390, 844, "light"},
	{"phone-dark", 390, 844, "dark"},
	{"desktop-light", 1280, 900, "light"},
	{"desktop-dark", 1280, 900, "dark"},
}

// devices are the screens by size: a page is not loaded anew for other colours.
var devices = map[string][]screen{"phone": screens[:2], "desktop": screens[2:]}

// tab is a tab of the browser that notes what goes wrong in it.
type tab struct {
	t     *testing.T
	ctx   context.Context
	close context.CancelFunc
	base  string // address of the site
	axe   bool   // it was brought

	mu       sync.Mutex
	troubles []string
	others   []string // addresses elsewhere that were requested
}

// newTab opens a tab. Pictures of other hosts are made up.
func newTab(t *testing.T, browser context.Context, base string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tb := &tab{t: t, ctx: ctx, close: cancel, base: base}
	messages, requests := chromedp.Console(ctx), chromedp.Events(ctx, fetch.RequestPaused)
	var listening sync.WaitGroup
	listening.Go(func() {
		for m, err := range messages {
			if err != nil {
				return // the tab is closed
			}
			tb.note(m)
		}
	})
	listening.Go(func() {
		for e, err := range requests {
			if err != nil {
				return
			}
			tb.route(e)
		}
	})
	t.Cleanup(func() { cancel(); listening.Wait() })
	// A request to http elsewhere fails, and the console says so.
	call(tb, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "https://*"}}})
	call(tb, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // several tabs are in use
	call(tb, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	return tb
}

// watch notes from the beginning of each page what its policy forbade, and what
// moved without anybody's doing.
const watch = `
	window.violations = [];
	document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI));
	window.shift = 0;
	new PerformanceObserver((list) => { for (const e of list.getEntries()) if (!e.hadRecentInput) shift += e.value; })
		.observe({ type: "layout-shift", buffered: true });
`

// note notes what the browser complains of.
func (tb *tab) note(m chromedp.ConsoleMessage) {
	if m.Source == "network" && strings.Contains(m.Text, "responded with a status of 4") {
		return // a page that says so is one
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.troubles = append(tb.troubles, strings.TrimSpace(m.String()+" "+m.URL))
}

// route lets a request to the site through, and answers one to another host
// with a picture.
func (tb *tab) route(e fetch.EventRequestPaused) {
	if strings.HasPrefix(e.Request.URL, tb.base+"/") {
		_, _ = chromedp.Call(tb.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID}) // a page that is left needs none
		return
	}
	tb.mu.Lock()
	tb.others = append(tb.others, e.Request.URL)
	tb.mu.Unlock()
	_, _ = chromedp.Call(tb.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
		RequestID: e.RequestID, ResponseCode: http.StatusOK, Body: anyPicture(),
		ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "image/png"}},
	})
}

// anyPicture returns a picture of the size that the galleries of tests state.
var anyPicture = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	green := color.Palette{color.NRGBA{0x6B, 0x8F, 0x71, 0xFF}}
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, 1600, 900), green)); err != nil {
		panic(err)
	}
	return b.Bytes()
})

// run does something in the tab, which must succeed.
func (tb *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.t.Fatal(err)
	}
}

// call sends the tab a command, which must succeed.
func call[P, R any](tb *tab, command cdp.Command[P, R], params P) {
	tb.t.Helper()
	if _, err := chromedp.Call(tb.ctx, command, params); err != nil {
		tb.t.Fatal(err)
	}
}

// on sets what the tab is looked at on.
func (tb *tab) on(s screen) {
	tb.t.Helper()
	tb.run(chromedp.EmulateViewport(s.width, s.height))
	call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}},
	})
}

// open goes to a page of the site, as by its address.
func (tb *tab) open(path string) {
	tb.t.Helper()
	tb.run(chromedp.Navigate(tb.base + path))
}

// follow clicks on what leads to another page, and waits for it.
func (tb *tab) follow(link string) {
	tb.t.Helper()
	if _, err := chromedp.Run(tb.ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(link)))); err != nil {
		tb.t.Fatalf("follow %s: %v", link, err)
	}
}

// click clicks on something that leads nowhere else.
func (tb *tab) click(at string) {
	tb.t.Helper()
	tb.run(chromedp.Click(chromedp.CSS(at)))
}

// value evaluates an expression, waiting where it is a promise.
func value[T any](tb *tab, expression string) T {
	tb.t.Helper()
	v, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to be true.
func (tb *tab) until(expression string) {
	tb.t.Helper()
	if _, err := chromedp.Run(tb.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(storetest.WaitLimit))); err != nil {
		tb.t.Fatalf("%s: %v", expression, err)
	}
}

// calm checks that nothing went wrong in the tab since it was last asked, and
// that nothing was requested elsewhere but pictures of galleries.
func (tb *tab) calm() {
	tb.t.Helper()
	for _, v := range value[[]string](tb, "window.violations ?? []") {
		tb.t.Errorf("the policy forbade: %s", v)
	}
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, trouble := range tb.troubles {
		tb.t.Errorf("trouble: %s", trouble)
	}
	for _, address := range tb.others {
		if !strings.HasPrefix(address, pictures) {
			tb.t.Errorf("requested elsewhere: %s", address)
		}
	}
	tb.troubles, tb.others = nil, nil
}
