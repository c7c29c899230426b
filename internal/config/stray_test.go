package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStrayVariablesNameTheKeyThatWasMeant(t *testing.T) {
	for name, want := range map[string]string{
		"GALLERYWIRE_HTTP_LISTN":        "GALLERYWIRE_HTTP_LISTEN",
		"GALLERYWIRE_HTTP_MAXAGE":       "GALLERYWIRE_HTTP_MAX_AGE",
		"GALLERYWIRE_NATS_URLS":         "GALLERYWIRE_NATS_URL",
		"GALLERYWIRE_HTTP_ADMIN_TOKEN":  "GALLERYWIRE_HTTP_ADMIN_TOKEN_FILE",
		"GALLERYWIRE_FEEDS_0_NAME":      "GALLERYWIRE_FEEDS",
		"GALLERYWIRE_WEBHOOK":           "GALLERYWIRE_WEBHOOKS",
		"GALLERYWIRE_nats_url":          "GALLERYWIRE_NATS_URL",
		"GALLERYWIRE_CONFIGURATION":     "",
		"GALLERYWIRE_VERSION":           "",
		"GALLERYWIRE_IMAGE":             "",
		"GALLERYWIRE_HTTP_LISTEN":       "",
		"GALLERYWIRE_FEEDS":             "",
		"GALLERYWIRE_CONFIG":            "",
		"GALLERYWIRE_SERVICE_HOST":      "",
		"GALLERYWIRE_SERVICE_PORT":      "",
		"GALLERYWIRE_SERVICE_PORT_HTTP": "",
		"GALLERYWIRE_PORT":              "",
		"GALLERYWIRE_PORT_8080_TCP":     "",
		"GALLERYWIRE_PORT_80_TCP_ADDR":  "",
		"GALLERYWIRE_HTTP_PORT":         "", // of a service gallerywire-http
		"GALLERYWIRE_HTTP_SERVICE_HOST": "",
		"GALLERYWIRES_HTTP_LISTEN":      "",
	} {
		var wanted Problems
		if want != "" {
			wanted = Problems{{Source: name, Message: "is not a key of the configuration and has no effect: did you mean " + want + "?"}}
		}
		if diff := cmp.Diff(wanted, Stray([]string{name + "=s3cret", "PATH=/bin"})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAVariableForASectionIsAnError(t *testing.T) {
	ps := Stray([]string{"GALLERYWIRE_HTTP=x"})
	if len(ps) != 1 || !strings.Contains(ps[0].Message, "set its keys, as GALLERYWIRE_HTTP_…") {
		t.Errorf("strays: %v", ps)
	}
}

func TestEveryKeyIsKnownInTheEnvironment(t *testing.T) {
	var environ []string
	for _, key := range []string{"http.listen", "nats.embedded.data_dir", "webhooks", "limits.gallery", "websub.requests_per_minute"} {
		environ = append(environ, envName(key)+"=x")
	}
	if ps := Stray(environ); len(ps) > 0 {
		t.Errorf("strays: %s", strings.ReplaceAll(ps.Error(), "\n", "; "))
	}
}
