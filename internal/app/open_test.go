package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenAdminListenerIsLogged(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("open-sesame-open-sesame"), 0o600); err != nil {
		t.Fatal(err)
	}
	const warning = "set http.admin_token_file"
	for name, c := range map[string]struct {
		http string
		want bool
	}{
		"for everybody":                {`{listen: "127.0.0.1:0", admin_listen: ":0"}`, true},
		"for everybody with the token": {`{listen: "127.0.0.1:0", admin_listen: ":0", admin_token_file: "` + token + `"}`, false},
		"for this machine":             {`{listen: ":0", admin_listen: "127.0.0.1:0"}`, false},
	} {
		node := serve(t, "http: "+c.http+"\nnats: {embedded: {listen: \"127.0.0.1:0\"}}")
		if got := strings.Contains(node.logs.String(), warning); got != c.want {
			t.Errorf("%s: warned %v, want %v\n%s", name, got, c.want, node.logs)
		}
	}
}
