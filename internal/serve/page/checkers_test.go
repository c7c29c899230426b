package page_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/gallerywire/gallerywire/internal/serve/status"
)

// checkers is where npm puts the programs that pages are checked with.
const checkers = "testdata/checkers"

// checker returns the path of a file of one of them. Where everything is tested it
// must be there.
func checker(t *testing.T, file string) string {
	t.Helper()
	at := filepath.Join(checkers, "node_modules", file)
	if _, err := os.Stat(at); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: run npm ci in internal/serve/page/%s", file, checkers)
		}
		t.Skipf("%s is missing: run npm ci in internal/serve/page/%s", file, checkers)
	}
	return at
}

// The Nu HTML checker, which the W3C's validator runs, finds nothing in any page or
// stylesheet.
func nuChecker(t *testing.T, sites map[string]string) {
	jar := checker(t, "vnu-jar/build/dist/vnu.jar")
	java, err := exec.LookPath("java")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("there is no Java to run the Nu checker with: apt-get install default-jre-headless")
	}
	if err != nil {
		t.Skip("there is no Java to run the Nu checker with: apt-get install default-jre-headless")
	}
	dir := t.TempDir()
	for language, base := range sites {
		for _, look := range looks {
			download(t, base+look.path, filepath.Join(dir, language, look.name+".html"))
		}
		download(t, base+"/style.css", filepath.Join(dir, "style.css"))
	}
	for name, s := range statuses() {
		base := startStatus(t, s)
		download(t, base+"/status", filepath.Join(dir, "status-"+name+".html"))
		download(t, base+"/status?id=harbour-lights", filepath.Join(dir, "status-"+name+"-explain.html"))
		download(t, base+"/style.css", filepath.Join(dir, "status.css"))
	}
	out, err := exec.Command(java, "-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", jar, "--format", "json", "--stdout", "--exit-zero-always", "--also-check-css", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("run the Nu checker: %v\n%s", err, out)
	}
	var found struct {
		Messages []struct {
			Type, URL, Message, Extract string
			Line                        int `json:"lastLine"`
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, m := range found.Messages {
		t.Errorf("%s:%d: %s: %s\n%s", strings.TrimPrefix(m.URL, "file:"+dir+"/"), m.Line, m.Type, m.Message, m.Extract)
	}
}

// statuses are what a status page has to show.
func statuses() map[string]status.Status {
	return map[string]status.Status{"busy": busyDay(), "quiet": quietDay(), "hostile": overflow(`<b>"`)}
}

// download keeps what a browser gets that opens the address.
func download(t *testing.T, address, file string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.SetBasicAuth("operator", token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// inOtherLanguages has axe look at a page of each template.
func inOtherLanguages(t *testing.T, sites map[string]string) {
	chrome := startBrowser(t)
	for language, s := range map[string]screen{"de": screens[3], "ar": screens[0]} {
		t.Run(language+" "+s.name, func(t *testing.T) {
			t.Parallel()
			tb := newTab(t, chrome, sites[language])
			tb.bringAxe()
			tb.on(s)
			for _, look := range looks {
				if !slices.Contains(templates, look.name) {
					continue
				}
				t.Run(look.name, func(t *testing.T) {
					tb.t = t
					tb.open(look.path)
					tb.noBarriers()
				})
			}
		})
	}
}

// bringAxe has axe in each page that the tab opens from then on. Where everything is
// tested it must be there.
func (tb *tab) bringAxe() {
	tb.t.Helper()
	source, err := os.ReadFile(filepath.Join(checkers, "node_modules/axe-core/axe.min.js"))
	if err != nil && os.Getenv("CI") == "" {
		tb.t.Logf("axe is missing: run npm ci in internal/serve/page/%s", checkers)
		return
	}
	if err != nil {
		tb.t.Fatal(err)
	}
	call(tb, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: string(source)})
	tb.axe = true
}

// noBarriers has axe look at the page, if it was brought.
func (tb *tab) noBarriers() {
	tb.t.Helper()
	if !tb.axe {
		return
	}
	for _, v := range value[[]string](tb, violations) {
		tb.t.Error(v)
	}
}

// violations says which rules an element breaks.
const violations = `axe.run({ resultTypes: ["violations"] }).then((found) => found.violations.flatMap((v) => v.nodes.map((n) =>
	v.id + ": " + v.help + ": " + n.html.slice(0, 200) + " " + n.failureSummary)))`
