package page_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/serve/web"
)

func TestStatusPageInABrowser(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("tests the page in a browser, which the race detector does not see")
	}
	chrome := startBrowser(t)
	hostile := overflow(`<script>window.pwned=1</script><img src=x onerror="window.pwned=1">`)
	hostile.Events[0].Title, hostile.Events[1].Title = "\u202Eturned round", strings.Repeat("W", 300)
	hostile.Feeds[0].Name = strings.Repeat("w", 60)
	for _, day := range []struct {
		name   string
		status status.Status
	}{{"status", busyDay()}, {"status-quiet", quietDay()}, {"status-hostile", hostile}} {
		base := startStatus(t, day.status)
		for device, on := range devices {
			t.Run(day.name+" "+device, func(t *testing.T) {
				tb := newTab(t, chrome, base)
				if device == "desktop" && day.name != "status-hostile" { // which has thousands of the same elements
					tb.bringAxe()
				}
				tb.authorise()
				tb.looksRight(t, on, day.name, "/status")
				if day.name != "status" {
					return
				}
				tb.looksRight(t, on, "status-explain", "/status?id=harbour-lights&audience=")
				tb.on(on[0])
				tb.open("/status")
				if device == "phone" {
					showsOutcomes(tb)
				} else {
					leadsToSections(tb)
					asksForAnExplanation(tb)
				}
				tb.calm()
			})
		}
	}
}

func asksForAnExplanation(tb *tab) {
	tb.click(".ask input")
	tb.press(strings.Split("harbour-lights", "")...)
	tb.follow(".ask button")
	tb.until(`location.search == "?id=harbour-lights&audience=" && (` + inView + `)(document.querySelector("#explain"))`)
}

// showsOutcomes looks where the outcomes of events stand on a phone.
func showsOutcomes(tb *tab) {
	if n := value[int](tb, `document.querySelectorAll(".log tbody tr").length`); n != len(busyDay().Events) {
		tb.t.Fatalf("%d events, want %d", n, len(busyDay().Events))
	}
	for _, row := range value[[]string](tb, astray) {
		tb.t.Errorf("the outcome is not at the end of the first line, or what is below is beside it: %q", row)
	}
}

// leadsToSections goes to one by keyboard.
func leadsToSections(tb *tab) {
	tb.press(kb.Tab, kb.Enter, kb.Tab) // past the header
	if got := value[string](tb, `document.activeElement.getAttribute("href")`); got != "#feeds" {
		tb.t.Errorf("the first thing in the content: %q", got)
	}
	tb.press(kb.Tab, kb.Enter)
	tb.until(`location.hash == "#rejects" && (` + inView + `)(document.querySelector("#rejects"))`)
}

// astray lists the events whose outcome is not at the right of their first line, or
// whose gallery is not below that.
const astray = `[...document.querySelectorAll(".log tbody tr")].filter((row) => {
	const at = (e) => e.getBoundingClientRect(), state = at(row.querySelector(".state"));
	const [when, , of] = row.cells;
	return Math.abs(state.right - at(row).right) > 1 || Math.abs(state.top - at(when).top) > 4
		|| of.textContent && (at(of).top < state.bottom - 1 || Math.abs(at(of).left - at(row).left) > 1);
}).map((row) => row.textContent)`

const token = "s3cret"

// startStatus serves a status to clients with the token, and returns its address.
func startStatus(t *testing.T, s status.Status) string {
	t.Helper()
	operators := status.Page{
		Title: s.Site, Language: "en", URL: func() string { return s.URL },
		Status: func(context.Context) status.Status { return s }, Explain: explain, Logger: quiet(),
	}
	server := httptest.NewServer(web.Admin(web.Options{Token: token, Private: operators.Register}))
	t.Cleanup(server.Close)
	if res, err := http.Get(server.URL + "/status"); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Fatalf("without the token: %v, %v", res, err)
	}
	return server.URL
}

// authorise gives the browser the token when it asks for a password, which it
// does once for a site.
func (tb *tab) authorise() {
	tb.t.Helper()
	yes, asked := true, 0
	challenges := chromedp.Events(tb.ctx, fetch.AuthRequired)
	var answering sync.WaitGroup
	answering.Go(func() {
		for e, err := range challenges {
			if err != nil {
				return // the tab is closed
			}
			asked++
			_, _ = chromedp.Call(tb.ctx, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{ // a page that is left needs none
				RequestID: e.RequestID,
				AuthChallengeResponse: &fetch.AuthChallengeResponse{
					Response: fetch.AuthChallengeResponseResponseProvideCredentials, Username: "operator", Password: token,
				},
			})
		}
	})
	tb.t.Cleanup(func() {
		tb.close()
		answering.Wait()
		if asked > 1 {
			tb.t.Errorf("the browser asked %d times for the password", asked)
		}
	})
	call(tb, fetch.Enable, fetch.EnableParams{HandleAuthRequests: &yes})
	tb.open("/")
	if got := value[string](tb, `location.pathname + " " + document.querySelector("h1").textContent`); got != "/status Status" {
		tb.t.Fatalf("with the token the browser is at %s", got)
	}
}
