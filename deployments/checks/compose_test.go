package checks

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

var composeFile = filepath.Join(deployments, "compose", "compose.yaml")

// passwords is an environment in which compose.yaml can be read. Their digits look
// like numbers to NATS, which must not take them for such.
func passwords() types.Mapping {
	return types.Mapping{
		"NODE_PASSWORD": "1234", "CMS_PASSWORD": "12e5", "SYSTEM_PASSWORD": "7k",
		"CLUSTER_PASSWORD": "0x12", "GRAFANA_PASSWORD": "open sesame", "SENDER_PASSWORD": "0123456789abcdef0123456789abcdef",
	}
}

func loadCompose(t *testing.T, environ types.Mapping) (*types.Project, error) {
	t.Helper()
	file, err := filepath.Abs(composeFile)
	if err != nil {
		t.Fatal(err)
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  filepath.Dir(file),
		ConfigFiles: []types.ConfigFile{{Filename: file}},
		Environment: environ,
	})
}

func compose(t *testing.T) *types.Project {
	t.Helper()
	project, err := loadCompose(t, passwords())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestComposeAsksForEveryPassword(t *testing.T) {
	for name := range passwords() {
		environ := passwords()
		delete(environ, name)
		if _, err := loadCompose(t, environ); err == nil || !strings.Contains(err.Error(), "make .env first") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestComposeBuildsAnImageOnce(t *testing.T) {
	built, images := map[string]string{}, map[string]bool{}
	project := compose(t)
	for name, service := range project.Services {
		if service.Build == nil {
			continue
		}
		if other := built[service.Image]; other != "" {
			t.Errorf("%s and %s both build %s", other, name, service.Image)
		}
		built[service.Image] = name
	}
	for _, node := range nodesOf(t, project) {
		images[node.Image] = true
		if built[node.Image] == "" {
			t.Errorf("nobody builds the image of %s, %s", node.Name, node.Image)
		}
	}
	if len(images) != 1 {
		t.Errorf("the nodes are of %d releases: %v", len(images), images)
	}
}

func TestComposeMountsWhatIsThere(t *testing.T) {
	project := compose(t)
	for name, service := range project.Services {
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeVolume {
				if _, ok := project.Volumes[v.Source]; !ok {
					t.Errorf("%s mounts the volume %s, which is not declared", name, v.Source)
				}
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !v.ReadOnly {
				t.Errorf("%s may change %s", name, v.Source)
			}
		}
	}
}

func TestComposeKeepsServicesApart(t *testing.T) {
	project := compose(t)
	for name, service := range project.Services {
		on := slices.Sorted(maps.Keys(service.Networks))
		want := []string{"web"}
		switch {
		case strings.HasPrefix(name, "nats-"):
			want = []string{"nats"}
		case strings.HasPrefix(name, "gallerywire-"):
			want = []string{"nats", "web"}
		}
		if !slices.Equal(on, want) {
			t.Errorf("%s is on %v, want %v", name, on, want)
		}
		for _, port := range service.Ports {
			if name != "nginx" && port.HostIP != "127.0.0.1" {
				t.Errorf("%s shows its port %s to the world", name, port.Published)
			}
		}
		if service.Restart != "unless-stopped" {
			t.Errorf("%s: restart is %q", name, service.Restart)
		}
	}
}

// nodesOf returns the services that run gallerywire.
func nodesOf(t *testing.T, project *types.Project) []types.ServiceConfig {
	t.Helper()
	var nodes []types.ServiceConfig
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		if strings.HasPrefix(name, "gallerywire-") {
			nodes = append(nodes, project.Services[name])
		}
	}
	if len(nodes) != 2 {
		t.Fatalf("%d nodes", len(nodes))
	}
	return nodes
}

func TestComposeNodesAreBuiltFromTheContainerfile(t *testing.T) {
	for _, node := range nodesOf(t, compose(t)) {
		if node.Build != nil {
			if _, err := os.Stat(filepath.Join(node.Build.Context, node.Build.Dockerfile)); err != nil {
				t.Error(err)
			}
		}
		if !node.ReadOnly || !slices.Contains(node.CapDrop, "ALL") {
			t.Errorf("%s is not confined", node.Name)
		}
		for name := range node.DependsOn {
			if node.DependsOn[name].Condition != types.ServiceConditionHealthy {
				t.Errorf("%s does not wait for %s", node.Name, name)
			}
		}
	}
}

func TestComposeConfigurationIsGood(t *testing.T) {
	for _, node := range nodesOf(t, compose(t)) {
		for _, v := range node.Volumes {
			if v.Target == configPath(t) {
				check(t, v.Source)
			}
		}
		hosts := servers(t, node)
		if len(hosts) != 3 {
			t.Errorf("%s knows of %v", node.Name, hosts)
		}
		for _, host := range hosts {
			if _, ok := compose(t).Services[strings.Split(host, ":")[0]]; !ok {
				t.Errorf("%s connects to %s, which is no service", node.Name, host)
			}
			if !strings.Contains(string(read(t, deployments, "compose", "gallerywire.yaml")), host) {
				t.Errorf("the configuration does not name %s, the environment does", host)
			}
		}
	}
}

// configPath is where the image looks for its configuration.
func configPath(t *testing.T) string {
	t.Helper()
	for _, set := range readContainerfile(t).environ(t) {
		if file, ok := strings.CutPrefix(set, "GALLERYWIRE_CONFIG="); ok {
			return file
		}
	}
	t.Fatal("the image names no configuration")
	return ""
}

// servers returns host and port of each NATS server that a node connects to.
func servers(t *testing.T, node types.ServiceConfig) []string {
	t.Helper()
	var hosts []string
	for address := range strings.SplitSeq(*node.Environment["GALLERYWIRE_NATS_URL"], ",") {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, u.Host)
	}
	return hosts
}

// TestComposeRunsWhatIsTested compares images with the modules whose code the tests
// run or read with.
func TestComposeRunsWhatIsTested(t *testing.T) {
	project := compose(t)
	mod, err := modfile.ParseLax("go.mod", read(t, "go.mod"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ service, module string }{
		{"nats-1", "github.com/nats-io/nats-server/v2"},
		{"prometheus", "github.com/prometheus/prometheus"},
	} {
		_, tag, _ := strings.Cut(project.Services[tc.service].Image, ":")
		want := semver.MajorMinor(released(version(t, mod, tc.module)))
		got := semver.MajorMinor("v" + strings.TrimPrefix(strings.TrimSuffix(tag, "-alpine"), "v"))
		if got != want {
			t.Errorf("%s runs %s, tested is %s", tc.service, got, want)
		}
	}
	for name, service := range project.Services {
		if strings.HasSuffix(service.Image, ":latest") && !strings.HasPrefix(service.Image, "gallerywire:") {
			t.Errorf("%s runs whatever is newest: %s", name, service.Image)
		}
	}
}

func version(t *testing.T, mod *modfile.File, path string) string {
	t.Helper()
	for _, r := range mod.Require {
		if r.Mod.Path == path {
			return r.Mod.Version
		}
	}
	t.Fatalf("go.mod does not require %s", path)
	return ""
}

var libraryVersion = regexp.MustCompile(`^v0\.(\d)(\d\d)\.(\d+)$`)

// released is the version of the program: Prometheus 3.16.0 is v0.316.0 as a module.
func released(module string) string {
	return libraryVersion.ReplaceAllStringFunc(module, func(v string) string {
		m := libraryVersion.FindStringSubmatch(v)
		return "v" + m[1] + "." + strings.TrimPrefix(m[2], "0") + "." + m[3]
	})
}
