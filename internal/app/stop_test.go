package app_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// What a node still answers while it stops, it answers from an index that follows.
func TestReadersAreAnsweredBeforeTheIndexStops(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", []string{
		"GALLERYWIRE_HTTP_LISTEN=127.0.0.1:0", "GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:0",
		"GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR=" + t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	logged := &logs{}
	log := slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var address string
	asked := make(chan struct{})
	a, err := app.New(t.Context(), app.Options{Config: c, Logger: log, Mount: func(mux *http.ServeMux) {
		mux.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) {
			close(asked)
			until(t, "the listener is closed", func() bool {
				conn, err := net.Dial("tcp", address)
				if err == nil {
					conn.Close()
				}
				return err != nil
			})
			log.Info("answered")
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimPrefix(a.URL(), "http://")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	until(t, "the rooms run", func() bool {
		resp, err := http.Get(a.URL() + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	answer := make(chan error, 1)
	go func() {
		resp, err := http.Get(a.URL() + "/slow")
		if err == nil {
			resp.Body.Close()
		}
		answer <- err
	}()
	<-asked
	stop()
	if err := <-answer; err != nil {
		t.Errorf("the request that was being answered: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	var order []string
	for _, line := range logged.lines {
		for _, what := range []string{"service=intake", "msg=answered", "service=catalogue", "service=site"} {
			if strings.Contains(line, what) {
				order = append(order, what)
			}
		}
	}
	if want := []string{"service=intake", "msg=answered", "service=catalogue", "service=site"}; !slices.Equal(order, want) {
		t.Errorf("stopped in the order %q, want %q\n%s", order, want, logged)
	}
}

// until returns when something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(storetest.WaitLimit); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Errorf("not in time: %s", what)
			return
		}
	}
}
