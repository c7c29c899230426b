package app

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsCountedIsNotCountedForEveryRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counts := 0
		waiting := every(time.Second, func() int { counts++; return counts * 10 })
		for range 100 {
			if got := waiting(); got != 10 {
				t.Fatalf("%d", got)
			}
		}
		<-time.After(time.Second)
		if got := waiting(); got != 20 || counts != 2 {
			t.Errorf("%d after %d counts", got, counts)
		}
	})
}
