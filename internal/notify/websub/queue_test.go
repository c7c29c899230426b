package websub

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

func TestWhatWaitsIsNotCountedForEveryRequest(t *testing.T) {
	counts, now := 0, time.Unix(0, 0)
	q := newQueue(func(func(outbox.Notice)) { counts++ })
	put := func(string) error { return nil }
	for range maxOfClient {
		if err := q.add("a client", now, put); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.add("a client", now.Add(countAgain-1), put); err == nil || counts != 1 {
		t.Errorf("%v after %d counts", err, counts)
	}
	if err := q.add("a client", now.Add(countAgain), put); err != nil || counts != 2 {
		t.Errorf("%v after %d counts", err, counts)
	}
}
