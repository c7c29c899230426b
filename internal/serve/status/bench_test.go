package status_test

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/status"
)

func BenchmarkLogAdd(b *testing.B) {
	var l status.Log
	e := status.Event{At: time.Now(), Kind: "article.published", Gallery: "harbour-lights", Title: "Harbour lights", Outcome: "stored"}
	b.ReportAllocs()
	for b.Loop() {
		l.Add(e)
	}
}
