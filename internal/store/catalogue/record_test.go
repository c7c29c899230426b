package catalogue

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nats-io/nats.go"
)

// A header without a value is one at which nats.go itself panics.
func TestARecordAtWhichTheProgramFailsIsLost(t *testing.T) {
	e, err := read("harbour", nats.Header{headerFormat: {}}, 7, time.Now())
	if err == nil || e == nil || e.state != lost || e.Revision != 7 {
		t.Errorf("entry %+v, error %v", e, err)
	}
	if !e.yields(gallery.Rank{}) {
		t.Error("nothing may take its place")
	}
}
