package outbox

import (
	"errors"
	"testing"
	"time"
)

func TestHowLongATargetWaits(t *testing.T) {
	b := &Outbox{opts: Options{FirstRetry: 15 * time.Second}}
	b.opts.fill()
	began := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	failure := errors.New("refused")
	tests := []struct {
		name     string
		attempts int
		after    time.Duration // since the first attempt
		cause    error
		least    time.Duration
		most     time.Duration
		again    bool
	}{
		{"the first time", 1, 0, failure, 12 * time.Second, 18 * time.Second, true},
		{"the third time", 3, time.Minute, failure, 192 * time.Second, 288 * time.Second, true},
		{"too often", 8, time.Hour, failure, 0, 0, false},
		{"too long", 5, 23*time.Hour + 59*time.Minute, failure, 0, 0, false},
		{"for good", 1, 0, Final(failure), 0, 0, false},
		{"as it asks", 1, 0, &Later{time.Hour, failure}, time.Hour, time.Hour, true},
		{"sooner than it asks", 1, 0, &Later{time.Second, failure}, 12 * time.Second, 18 * time.Second, true},
		{"it asks for longer than anybody waits", 1, time.Hour, &Later{7 * 24 * time.Hour, failure}, 23 * time.Hour, 23 * time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := late{Attempts: tt.attempts, First: began, Last: began.Add(tt.after)}
			wait, again := b.wait(Route{}, l, tt.cause)
			if again != tt.again || wait < tt.least || wait > tt.most {
				t.Errorf("wait %s, again %v; want %s to %s, %v", wait, again, tt.least, tt.most, tt.again)
			}
		})
	}
}

// News has a target tried that failed for long, but not sooner than it asked.
func TestNewsEncourages(t *testing.T) {
	b := &Outbox{opts: Options{FirstRetry: 15 * time.Second, Attempts: 8}}
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	tests := []struct {
		name         string
		late         late
		due          time.Time
		attemptsLeft int
	}{
		{"it is due in hours", late{Attempts: 7, Last: now.Add(-time.Hour), Due: now.Add(4 * time.Hour)}, now, 2},
		{"it was tried just now", late{Attempts: 2, Last: now, Due: now.Add(time.Hour)}, now.Add(time.Minute), 6},
		{"it is due sooner", late{Attempts: 1, Last: now, Due: now.Add(15 * time.Second)}, now.Add(15 * time.Second), 7},
		{"it asked for more", late{Attempts: 1, Last: now, Due: now.Add(time.Hour), Asked: now.Add(time.Hour)}, now.Add(time.Hour), 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b.encourage(Route{}, &tt.late, now)
			if left := 8 - tt.late.Attempts; !tt.late.Due.Equal(tt.due) || left != tt.attemptsLeft {
				t.Errorf("due %s with %d attempts left, want %s with %d", tt.late.Due, left, tt.due, tt.attemptsLeft)
			}
		})
	}
}
