package broker

import (
	"testing"
	"time"
)

func TestRetryDelayGrowsUpToALimit(t *testing.T) {
	t.Parallel()
	for attempt, most := range map[int]time.Duration{
		1: 50 * time.Millisecond, 2: 75 * time.Millisecond, 3: 113 * time.Millisecond,
		12: 4400 * time.Millisecond, 13: 5 * time.Second, 1_000_000: 5 * time.Second,
	} {
		for range 100 {
			if d := retryDelay(attempt); d > most || d < most*7/10 {
				t.Errorf("attempt %d waits %s, want about %s", attempt, d, most)
			}
		}
	}
}
