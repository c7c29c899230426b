package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNoFormattingPrintsASecret(t *testing.T) {
	c := Default()
	c.HTTP.AdminToken = "hunter2-admin"
	c.NATS.Embedded.PublisherToken = "hunter2-publisher"
	c.NATS.URL = "nats://hunter2:hunter2,pw@h1:4222,nats://hunter2@h2:4222"
	printed := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3v", "%T"} {
		printed[verb] = fmt.Sprintf(verb+verb+verb, c, &c, c.NATS.URL) + fmt.Sprintf(verb, c.HTTP.AdminToken)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	printed["json"] = string(encoded)
	printed["slog"] = logged(c)
	printed["error"] = fmt.Errorf("connect to %s with %v", c.NATS.URL, c.HTTP.AdminToken).Error()
	for how, text := range printed {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%s prints a secret: %s", how, text)
		}
	}
	for _, want := range []string{"[redacted]", "nats://[redacted]@h2:4222", "127.0.0.1:8080"} {
		if !strings.Contains(printed["%+v"], want) {
			t.Errorf("%%+v lacks %q: %s", want, printed["%+v"])
		}
	}
}

// logged is c in every way that slog writes it.
func logged(c Config) string {
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("configuration", "config", c, "nats", c.NATS, "url", c.NATS.URL, "token", c.HTTP.AdminToken)
	}
	return out.String()
}

func TestServersAreShownWithoutWhoConnects(t *testing.T) {
	for servers, want := range map[Servers]string{
		"":                              "",
		"nats://h1:4222,nats://h2:4222": "nats://h1:4222,nats://h2:4222",
		"nats://u:p@h:4222":             "nats://[redacted]@h:4222",
		"u:p@h":                         "[redacted]@h",
		"tls://token@h":                 "tls://[redacted]@h",
		"nats://u:p,w/x?#@h1,nats://h2": "nats://[redacted]@h1,nats://h2",
		"nats://h1,nats://u:p@h2":       "nats://[redacted]@h2",
		"u:p://x@h":                     "[redacted]@h",
		"nats://u:p@ss@h":               "nats://[redacted]@h",
	} {
		if got := servers.String(); got != want {
			t.Errorf("%q is shown as %q, want %q", string(servers), got, want)
		}
	}
}

func TestEmptySecretShowsThatThereIsNone(t *testing.T) {
	if got := fmt.Sprintf("%v|%q|%#v", Secret(""), Secret(""), Secret("x")); got != `|""|"[redacted]"` {
		t.Errorf("got %s", got)
	}
}

func TestBadServerAddressIsReportedWithoutItsPassword(t *testing.T) {
	for _, url := range []string{"nats://u:hunter2,x@h", "nats://u:hunter2%zz@h", "http://u:hunter2@h", "u:hunter2@h:port"} {
		got := strings.Join(problemsOf(t, "nats: {url: '"+url+"'}"), "\n")
		if !strings.Contains(got, "is no NATS address") || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q", url, got)
		}
	}
}
