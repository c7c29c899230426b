package checks

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// cluster is the NATS servers of compose.yaml, in this process and on the loopback.
type cluster struct {
	servers []*server.Server
	ports   []string // where each takes clients
}

var clusterNames = []string{"nats-1", "nats-2", "nats-3"}

// startCluster starts the servers with their very configuration and environment;
// only where they listen and store is another place.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	project := compose(t)
	routes := map[string]string{}
	for _, name := range clusterNames {
		routes[name] = free(t)
	}
	c := &cluster{}
	for _, name := range clusterNames {
		for key, value := range project.Services[name].Environment {
			t.Setenv(key, *value)
		}
		options, err := server.ProcessConfigFile(filepath.Join(deployments, "compose", "nats.conf"))
		if err != nil {
			t.Fatal(err)
		}
		onLoopback(t, options, name, routes)
		c.start(t, options)
	}
	eventually(t, c.formed)
	return c
}

// onLoopback moves a server here.
func onLoopback(t *testing.T, o *server.Options, name string, routes map[string]string) {
	t.Helper()
	if o.ServerName != name {
		t.Fatalf("the server %s calls itself %q", name, o.ServerName)
	}
	host, port, err := net.SplitHostPort(routes[name])
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.HTTPHost, o.HTTPPort = "127.0.0.1", server.RANDOM_PORT, "127.0.0.1", server.RANDOM_PORT
	o.Cluster.Host = host
	if _, err := fmt.Sscan(port, &o.Cluster.Port); err != nil {
		t.Fatal(err)
	}
	o.StoreDir, o.NoSigs, o.NoLog = t.TempDir(), true, true
	if len(o.Routes) != len(routes) {
		t.Fatalf("%s knows the routes %v", name, o.Routes)
	}
	for _, route := range o.Routes {
		there, ok := routes[route.Hostname()]
		if !ok || route.Port() != "6222" {
			t.Fatalf("%s knows a route to %s", name, route.Host)
		}
		route.Host = there
	}
}

func (c *cluster) start(t *testing.T, o *server.Options) {
	t.Helper()
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(waitLimit) {
		t.Fatalf("%s takes no connections", o.ServerName)
	}
	c.servers = append(c.servers, s)
	c.ports = append(c.ports, strings.TrimPrefix(s.ClientURL(), "nats://"))
}

// formed says whether the servers found each other and chose a leader.
func (c *cluster) formed() error {
	for _, s := range c.servers {
		if !s.JetStreamIsCurrent() {
			return fmt.Errorf("%s is not current", s.Name())
		}
	}
	return nil
}

// url is the address of all servers for a user.
func (c *cluster) url(user, password string) string {
	var all []string
	for _, port := range c.ports {
		u := url.URL{Scheme: "nats", User: url.UserPassword(user, password), Host: port}
		all = append(all, u.String())
	}
	return strings.Join(all, ",")
}

// environ is the environment of a node of compose.yaml, with the servers where they
// are now.
func (c *cluster) environ(t *testing.T, more ...string) []string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(deployments, "compose", "gallerywire.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return loopback(append([]string{
		"GALLERYWIRE_CONFIG=" + file,
		"GALLERYWIRE_NATS_URL=" + c.url("node", passwords()["NODE_PASSWORD"]),
		"GALLERYWIRE_INTAKE_KEYS=" + *nodesOf(t, compose(t))[0].Environment["GALLERYWIRE_INTAKE_KEYS"],
	}, more...)...)
}

// cms is the environment of a publisher.
func (c *cluster) cms() []string {
	return []string{"GALLERYWIRE_NATS_URL=" + c.url("cms", passwords()["CMS_PASSWORD"])}
}

func TestComposeTakesEventsOverHTTP(t *testing.T) {
	c := startCluster(t)
	n := serve(t, gallerywire(t), c.environ(t))
	n.ready()
	p := startNginx(t, n.http)
	event := []byte(galleryOf("harbour", "Harbour lights"))
	for key, want := range map[string]int{passwords()["SENDER_PASSWORD"]: http.StatusAccepted, passwords()["SENDER_PASSWORD"] + "0": http.StatusUnauthorized} {
		if status, text := post(t, p.url, event, "Authorization", "Bearer "+key); status != want {
			t.Errorf("answered %d, want %d: %s", status, want, text)
		}
	}
	n.until("/feeds/all.rss", "Harbour lights")
}

func TestComposeClusterOutlivesAServer(t *testing.T) {
	c := startCluster(t)
	one, two := serve(t, gallerywire(t), c.environ(t)), serve(t, gallerywire(t), c.environ(t))
	one.ready()
	two.ready()
	run(t, c.cms(), galleryOf("harbour", "Harbour lights"), "publish", "-")
	one.until("/feeds/all.json", "Harbour lights")
	two.until("/feeds/all.json", "Harbour lights")

	// Whoever leads what, one server less changes nothing.
	c.servers[0].Shutdown()
	c.servers[0].WaitForShutdown()
	rest := &cluster{servers: c.servers[1:], ports: c.ports[1:]}
	publishSoon(t, rest, "dusk", "Dusk over the bay")
	one.until("/feeds/all.json", "Dusk over the bay")
	two.until("/feeds/all.json", "Dusk over the bay")
	if same := body(t, one, "/feeds/all.atom") == body(t, two, "/feeds/all.atom"); !same {
		t.Error("the nodes serve different documents")
	}

	// Nor is anything taken for lost, however busy and however often it is asked.
	var many strings.Builder
	for i := range 300 {
		many.WriteString(galleryOf(fmt.Sprint("quay-", i), "Quay") + "\n")
	}
	sent := make(chan error, 1)
	go func() {
		_, err := try(t.Context(), t, rest.cms(), many.String(), "publish", "-")
		sent <- err
	}()
	eventually(t, func() error {
		for _, n := range []*node{one, two} {
			if lost := metric(t, n, "gallerywire_events_lost_total"); lost != "0" {
				return fmt.Errorf("%s events are reported lost", lost)
			}
			if got := metric(t, n, "gallerywire_index_galleries"); got != "302" {
				return fmt.Errorf("%s galleries of 302", got)
			}
		}
		return nil
	})
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// metric returns the value of one without labels.
func metric(t *testing.T, n *node, name string) string {
	t.Helper()
	_, text, err := get(n.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "\n"+name+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// publishSoon publishes once the servers that are left have chosen new leaders.
func publishSoon(t *testing.T, c *cluster, id, title string) {
	t.Helper()
	eventually(t, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := try(ctx, t, c.cms(), galleryOf(id, title), "publish", "-")
		return err
	})
}

func body(t *testing.T, n *node, path string) string {
	t.Helper()
	_, text, err := get("http://" + n.http + path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestComposePublishersReachEventsAndNothingElse(t *testing.T) {
	c := startCluster(t)
	n := serve(t, gallerywire(t), c.environ(t))
	n.ready()
	run(t, c.cms(), galleryOf("harbour", "Harbour lights"), "publish", "-")
	n.until("/feeds/all.json", "Harbour lights")
	for _, environ := range [][]string{
		{"GALLERYWIRE_NATS_URL=" + c.url("cms", "wrong")},
		{"GALLERYWIRE_NATS_URL=nats://" + c.ports[0]},
	} {
		if _, err := try(t.Context(), t, environ, galleryOf("no", "No"), "publish", "-"); err == nil {
			t.Errorf("%s may publish", environ)
		}
	}
	// In their account there is no bucket to export.
	if _, err := try(t.Context(), t, append(c.cms(), "GALLERYWIRE_NATS_REPLICAS=3"), "", "export"); err == nil {
		t.Error("a publisher reads the buckets")
	}
}
