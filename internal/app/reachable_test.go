package app_test

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/app"
)

func TestWhereAListenerIsReached(t *testing.T) {
	for listen, want := range map[string]string{
		":8080":             "localhost:8080",
		"0.0.0.0:8080":      "localhost:8080",
		"[::]:8080":         "localhost:8080",
		"127.0.0.1:8080":    "127.0.0.1:8080",
		"[::1]:8080":        "[::1]:8080",
		"news.example.com:": "news.example.com:",
		"8080":              "8080",
	} {
		if got := app.Reachable(listen); got != want {
			t.Errorf("%q is reached at %q, want %q", listen, got, want)
		}
	}
}
