package brokertest

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Documented starts a server with the users and the rights that deployments/README.md
// lists, changed by change, and returns its host and port. The password of the user
// gallerywire is "node", that of cms is "cms".
func Documented(t *testing.T, change func(map[string]*server.Permissions)) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../../../../deployments/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, conf, found := strings.Cut(string(text), "```conf\n")
	conf, _, ended := strings.Cut(conf, "```\n")
	if !found || !ended {
		t.Fatal("deployments/README.md lists no rights")
	}
	conf = strings.NewReplacer("$NODE_PASSWORD", "node", "$CMS_PASSWORD", "cms").Replace(conf)
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Port, o.JetStream, o.StoreDir, o.NoSigs, o.NoLog, o.MaxPayload = "127.0.0.1", server.RANDOM_PORT, true, t.TempDir(), true, true, 8<<20
	users := map[string]*server.Permissions{}
	for _, u := range o.Users {
		users[u.Username] = u.Permissions
	}
	change(users)
	ns, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(startTimeout) {
		t.Fatal("the server does not start")
	}
	return ns.Addr().String()
}
