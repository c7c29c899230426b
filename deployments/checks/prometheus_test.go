package checks

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/promql/parser"
)

var prometheusDir = filepath.Join(deployments, "prometheus")

func promtool(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(tool(t, "promtool", "prometheus"), args...)
	cmd.Dir = prometheusDir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPrometheusConfigurationIsValid(t *testing.T) {
	promtool(t, "check", "config", "prometheus.yml")
}

func TestAlertsFireWhenTheyShould(t *testing.T) {
	promtool(t, "check", "rules", "--lint-fatal", "alerts.yml")
	promtool(t, "test", "rules", "alerts_test.yml")
}

// alerts is what the tests want to know of alerts.yml.
type alerts struct {
	Groups []struct {
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// alertTests is what they want to know of alerts_test.yml.
type alertTests struct {
	Tests []struct {
		Cases []struct {
			Name string           `yaml:"alertname"`
			Want []map[string]any `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	} `yaml:"tests"`
}

func parseYAML[V any](t *testing.T, text []byte) (v V) {
	t.Helper()
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEveryAlertIsTestedBothWays(t *testing.T) {
	fires, stays := map[string]bool{}, map[string]bool{}
	for _, test := range parseYAML[alertTests](t, read(t, prometheusDir, "alerts_test.yml")).Tests {
		for _, c := range test.Cases {
			fires[c.Name] = fires[c.Name] || len(c.Want) > 0
			stays[c.Name] = stays[c.Name] || len(c.Want) == 0
		}
	}
	for _, group := range parseYAML[alerts](t, read(t, prometheusDir, "alerts.yml")).Groups {
		for _, rule := range group.Rules {
			if !fires[rule.Alert] || !stays[rule.Alert] {
				t.Errorf("%s: tested that it fires %t, that it does not %t", rule.Alert, fires[rule.Alert], stays[rule.Alert])
			}
			if !slices.Contains([]string{"page", "ticket"}, rule.Labels["severity"]) {
				t.Errorf("%s: severity %q", rule.Alert, rule.Labels["severity"])
			}
			for _, text := range []string{"summary", "description"} {
				if rule.Annotations[text] == "" {
					t.Errorf("%s has no %s", rule.Alert, text)
				}
			}
		}
	}
}

// TestPrometheusFindsTheNodes compares the targets with the services and ports of
// compose.yaml.
func TestPrometheusFindsTheNodes(t *testing.T) {
	text := string(read(t, prometheusDir, "prometheus.yml"))
	for _, node := range nodesOf(t, compose(t)) {
		if !strings.Contains(text, `"`+node.Name+`:8081"`) {
			t.Errorf("%s is not scraped", node.Name)
		}
	}
	if !strings.Contains(text, "job_name: gallerywire\n") {
		t.Error("the alerts are about the job gallerywire, which is not scraped")
	}
}

// dashboard is what the tests want to know of a dashboard of Grafana.
type dashboard struct {
	UID         string  `json:"uid"`
	Title       string  `json:"title"`
	Panels      []panel `json:"panels"`
	Annotations struct {
		List []struct {
			Expr       string     `json:"expr"`
			Datasource datasource `json:"datasource"`
		} `json:"list"`
	} `json:"annotations"`
	Templating struct {
		List []struct {
			Name       string     `json:"name"`
			Type       string     `json:"type"`
			Query      any        `json:"query"`
			Datasource datasource `json:"datasource"`
		} `json:"list"`
	} `json:"templating"`
}

type panel struct {
	ID         int        `json:"id"`
	Type       string     `json:"type"`
	Title      string     `json:"title"`
	Datasource datasource `json:"datasource"`
	Panels     []panel    `json:"panels"`
	GridPos    struct{ X, Y, W, H int }
	Targets    []struct {
		RefID      string     `json:"refId"`
		Expr       string     `json:"expr"`
		Datasource datasource `json:"datasource"`
	} `json:"targets"`
}

type datasource struct{ Type, UID string }

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(deployments, "grafana", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	found := map[string]dashboard{}
	for _, file := range files {
		var d dashboard
		if err := json.Unmarshal(read(t, file), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		found[filepath.Base(file)] = d
	}
	return found
}

// substituted puts values where Grafana puts them.
var substituted = strings.NewReplacer("$__rate_interval", "1m", "$__interval", "15s", "$job", "gallerywire", "$instance", "a|b")

func TestDashboardIsSound(t *testing.T) {
	byVariable := datasource{Type: "prometheus", UID: "${datasource}"}
	for name, d := range dashboards(t) {
		ids, rows, taken := map[int]bool{}, []string{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if p.ID == 0 || ids[p.ID] {
				t.Errorf("%s: the id %d of %q is taken", name, p.ID, p.Title)
			}
			ids[p.ID] = true
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if other := taken[at]; other != "" || at[0] >= 24 {
						t.Fatalf("%s: %q lies over %q", name, p.Title, other)
					}
					taken[at] = p.Title
				}
			}
			if p.Type == "row" {
				rows = append(rows, p.Title)
				continue
			}
			refs := map[string]bool{}
			for _, target := range p.Targets {
				if target.Datasource != byVariable || p.Datasource != byVariable || refs[target.RefID] {
					t.Errorf("%s: %q asks %v as %s", name, p.Title, target.Datasource, target.RefID)
				}
				refs[target.RefID] = true
			}
			if len(p.Targets) == 0 {
				t.Errorf("%s: %q shows nothing", name, p.Title)
			}
		}
		if want := []string{"Readers", "Events", "Feeds", "Notices", "Store", "Runtime"}; !slices.Equal(rows, want) {
			t.Errorf("%s: rows %v, want %v", name, rows, want)
		}
	}
}

var useOfVariable = regexp.MustCompile(`\$\{?([a-z]+)\}?`)

func TestDashboardVariablesAreDeclared(t *testing.T) {
	for name, d := range dashboards(t) {
		declared := []string{}
		for _, v := range d.Templating.List {
			declared = append(declared, v.Name)
		}
		for _, e := range d.expressions() {
			for _, use := range useOfVariable.FindAllStringSubmatch(e, -1) {
				if !slices.Contains(declared, use[1]) {
					t.Errorf("%s: nobody declares %s: %s", name, use[0], e)
				}
			}
		}
	}
}

// expressions are all of a dashboard, as they stand there.
func (d dashboard) expressions() []string {
	var all []string
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, a.Expr)
	}
	return all
}

// asked returns every expression that stands anywhere, by where.
func asked(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, d := range dashboards(t) {
		for _, e := range d.expressions() {
			all[name] = append(all[name], substituted.Replace(e))
		}
	}
	for _, group := range parseYAML[alerts](t, read(t, prometheusDir, "alerts.yml")).Groups {
		for _, rule := range group.Rules {
			all["alerts.yml"] = append(all["alerts.yml"], rule.Expr)
		}
	}
	return all
}

// names returns the metrics that an expression asks for.
func names(t *testing.T, expression string) []string {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expression)
	if err != nil {
		t.Errorf("%s: %v", expression, err)
		return nil
	}
	var found []string
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if selector, ok := n.(*parser.VectorSelector); ok {
			found = append(found, selector.Name)
		}
		return nil
	})
	return found
}

// TestMetricsThatAreAskedForAreExposed scrapes a node that has seen a bit of
// everything, since a metric with labels is not exposed before its first use.
func TestMetricsThatAreAskedForAreExposed(t *testing.T) {
	environ := loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir(),
		`GALLERYWIRE_SCHEDULE_REPUBLISH=@every 1s`, `GALLERYWIRE_PARTNERS=[{name: msn, poll_every: 15m}]`,
		`GALLERYWIRE_INTAKE_KEYS=[{name: blog, kind: bearer, secret: a-key-of-the-blog-for-this-test}]`,
		`GALLERYWIRE_DIGESTS=[{name: morning, schedule: "0 7 * * *", feeds: [all], to: ["smtp://127.0.0.1:1/?from=a@example.com&to=b@example.com"]}]`)
	n := serve(t, gallerywire(t), environ)
	n.ready()
	run(t, environ, galleryOf("harbour", "Harbour lights"), "publish", "-")
	run(t, environ, `{"id":"nameless"}`, "publish", "--unchecked", "-")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("a-key-of-the-blog-for-this-test"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, environ, galleryOf("old-town", "Old town"), "publish", "--http", "http://"+n.http, "--key-file", key, "-")
	n.until("/feeds/all.rss", "Harbour lights")

	wanted := map[string]string{} // the name, and where it is asked for
	for where, expressions := range asked(t) {
		for _, e := range expressions {
			for _, name := range names(t, e) {
				wanted[name] = where
			}
		}
	}
	eventually(t, func() error {
		exposed, err := families(n)
		for name, where := range wanted {
			if err == nil && !isExposed(exposed, name) {
				err = fmt.Errorf("%s asks for %s, which no node exposes", where, name)
			}
		}
		return err
	})
}

var tableMetric = regexp.MustCompile("`(gallerywire_[a-z_]+)(?:\\{[a-z,]+\\})?`")

// TestEveryMetricIsShown finds the metrics of README.md in the dashboard or the alerts.
func TestEveryMetricIsShown(t *testing.T) {
	shown, found := map[string]bool{}, 0
	for _, expressions := range asked(t) {
		for _, e := range expressions {
			for _, name := range names(t, e) {
				shown[name] = true
			}
		}
	}
	for line := range strings.Lines(string(read(t, deployments, "README.md"))) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		for _, match := range tableMetric.FindAllStringSubmatch(cell, -1) {
			if found++; strings.HasPrefix(line, "| `") && !shown[match[1]] && !shown[match[1]+"_bucket"] {
				t.Errorf("neither the dashboard nor an alert asks for %s", match[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("README.md has %d metrics", found)
	}
}

// TestCountersOfAlertsAreThereFromTheStart: increase() sees no first count of a counter
// that appears with it.
func TestCountersOfAlertsAreThereFromTheStart(t *testing.T) {
	environ := loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir())
	n := serve(t, gallerywire(t), environ)
	n.ready()
	_, text, err := get(n.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, series := range []string{
		`gallerywire_events_lost_total`,
		`gallerywire_events_total{outcome="rejected"}`,
		`gallerywire_notices_total{channel="nats",outcome="failed"}`,
		`gallerywire_notices_total{channel="websub",outcome="dead"}`,
		`gallerywire_schedule_runs_total{outcome="failed",task="republish"}`,
		`gallerywire_websub_verifications_total{mode="subscribe",outcome="refused"}`,
	} {
		if !strings.Contains(text, "\n"+series+" 0\n") {
			t.Errorf("%s is not there at 0", series)
		}
	}
}

// TestMetricsHaveNoLabelOfPrometheus reads what a node exposes: Prometheus names the
// target by these labels, and renames those of a metric.
func TestMetricsHaveNoLabelOfPrometheus(t *testing.T) {
	environ := loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir(),
		`GALLERYWIRE_SCHEDULE_REPUBLISH=@every 1s`)
	n := serve(t, gallerywire(t), environ)
	n.ready()
	run(t, environ, galleryOf("harbour", "Harbour lights"), "publish", "-")
	n.until("/feeds/all.rss", "Harbour lights")
	eventually(t, func() error {
		_, text, err := get(n.admin + "/metrics")
		if taken := targetLabel.FindString(text); taken != "" {
			t.Fatalf("a label of Prometheus is taken: %s", taken)
		}
		if err == nil && !strings.Contains(text, `gallerywire_schedule_runs_total{outcome="done",task="republish"} `) {
			err = fmt.Errorf("no scheduled run:\n%s", text)
		}
		return err
	})
}

var targetLabel = regexp.MustCompile(`(?m)^[a-z_]+\{(.*,)?(job|instance|exported_[a-z]+)=".*$`)

// isExposed reports whether a series of that name is of a family that is exposed, or
// made by Prometheus itself.
func isExposed(exposed map[string]string, name string) bool {
	if name == "up" || exposed[name] != "" && exposed[name] != "histogram" {
		return true
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if family, ok := strings.CutSuffix(name, suffix); ok && exposed[family] == "histogram" {
			return true
		}
	}
	return false
}

var typeLine = regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`)

// families returns the metrics that a node exposes, with their types.
func families(n *node) (map[string]string, error) {
	_, text, err := get(n.admin + "/metrics")
	found := map[string]string{}
	for _, match := range typeLine.FindAllStringSubmatch(text, -1) {
		found[match[1]] = match[2]
	}
	return found, err
}

// TestGrafanaIsProvisioned compares the provisioning of Grafana with where compose.yaml
// puts it.
func TestGrafanaIsProvisioned(t *testing.T) {
	type sources struct {
		Datasources []struct{ Type, URL string }
	}
	type providers struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	project := compose(t)
	dir := filepath.Join(deployments, "grafana", "provisioning")
	for _, s := range parseYAML[sources](t, read(t, dir, "datasources", "prometheus.yaml")).Datasources {
		if _, ok := project.Services["prometheus"]; !ok || s.Type != "prometheus" || s.URL != "http://prometheus:9090" {
			t.Errorf("the data come from %s %s", s.Type, s.URL)
		}
	}
	for _, p := range parseYAML[providers](t, read(t, dir, "dashboards", "gallerywire.yaml")).Providers {
		mounted := false
		for _, v := range project.Services["grafana"].Volumes {
			mounted = mounted || v.Target == p.Options.Path && filepath.Base(v.Source) == "dashboards"
		}
		if p.Type != "file" || !mounted {
			t.Errorf("dashboards come from %s %s", p.Type, p.Options.Path)
		}
	}
	home := *project.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if _, ok := dashboards(t)[filepath.Base(home)]; !ok {
		t.Errorf("Grafana opens %s, which is not there", home)
	}
	count := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			count++
		}
		return err
	})
	if err != nil || count != 2 {
		t.Errorf("%d files provision Grafana, two are looked at: %v", count, err)
	}
}
