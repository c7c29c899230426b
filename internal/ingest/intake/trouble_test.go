package intake

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

func TestTroubleIsALastingFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrics := prometheus.NewRegistry()
		in := New(Options{Registerer: metrics})
		stuck := func(want float64) {
			t.Helper()
			if got := gauge(t, metrics, "gallerywire_intake_stuck"); got != want {
				t.Errorf("gallerywire_intake_stuck is %v, want %v", got, want)
			}
		}
		in.storing.note(errors.New("a hiccup"))
		if err := in.Trouble(); err != nil {
			t.Errorf("at once: %v", err)
		}
		stuck(0)
		<-time.After(troubleAfter)
		in.storing.note(fmt.Errorf("put: %w", &jetstream.APIError{ErrorCode: 10023, Description: "insufficient resources"}))
		if err := in.Trouble(); err == nil || !strings.Contains(err.Error(), "insufficient resources") || !strings.Contains(err.Error(), "make room on its disk") {
			t.Errorf("after %s: %v", troubleAfter, err)
		}
		stuck(1)
		in.storing.note(nil)
		if err := in.Trouble(); err != nil {
			t.Errorf("after an event was stored: %v", err)
		}
		stuck(0)
	})
}

// gauge is the value of a gauge without labels.
func gauge(t *testing.T, metrics *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
