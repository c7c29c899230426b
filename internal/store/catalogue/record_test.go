package catalogue

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/nats-io/nats.go"
)

// A header without a value is one at which nats.go itself panics.
func TestRecordThatPanicsIsLost(t *testing.T) {
	t.Parallel()
	e, err := read(bucket.Record{Key: "harbour", Header: nats.Header{headerFormat: {}}, Value: []byte{}, Revision: 7, Stored: time.Now()})
	if err == nil || e == nil || !e.Lost() || e.Revision != 7 {
		t.Errorf("entry %+v, error %v", e, err)
	}
	if index.Next(e, index.Revision{ID: "harbour"}) == nil {
		t.Error("nothing may take its place")
	}
}
