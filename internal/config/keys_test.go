package config

import (
	"reflect"
	"testing"
)

func TestUnknownKeyIsAnsweredWithTheNearestKnownOne(t *testing.T) {
	for _, tt := range []struct{ path, unknown, want string }{
		{"http", "max_agee", "did you mean http.max_age?"},
		{"http", "max-age", "did you mean http.max_age?"},
		{"http", "Listen", "did you mean http.listen?"},
		{"http", "admin_token", "did you mean http.admin_token_file?"},
		{"http", "lsiten", "did you mean http.listen?"},
		{"http", "replicas", "did you mean nats.replicas?"},
		{"http", "title", "did you mean site.title or feeds[].title or partners[].title?"},
		{"http", "gzip", "the keys here are listen, admin_listen, admin_token_file, max_age, serve_without_nats, cache_bytes, max_connections, max_connections_per_client"},
		{"http", "x", "the keys here are listen, admin_listen, admin_token_file, max_age, serve_without_nats, cache_bytes, max_connections, max_connections_per_client"},
	} {
		if got := suggest(reflect.TypeFor[HTTP](), tt.path, tt.unknown); got != tt.want {
			t.Errorf("%s.%s: %s, want %s", tt.path, tt.unknown, got, tt.want)
		}
	}
}
