package outbox

import (
	"errors"
	"testing"
	"time"
)

func TestRetryDelays(t *testing.T) {
	t.Parallel()
	b := &Outbox{opts: Options{FirstRetry: 15 * time.Second}}
	b.opts.fill()
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
		{"at the limit", 5, 23*time.Hour + 59*time.Minute, failure, time.Minute, time.Minute, true},
		{"too long", 5, 24 * time.Hour, failure, 0, 0, false},
		{"it asks for more after the limit", 5, 24 * time.Hour, &RetryError{time.Hour, failure}, 0, 0, false},
		{"for good", 1, 0, Final(failure), 0, 0, false},
		{"as it asks", 1, 0, &RetryError{time.Hour, failure}, time.Hour, time.Hour, true},
		{"sooner than it asks", 1, 0, &RetryError{time.Second, failure}, 12 * time.Second, 18 * time.Second, true},
		{"it asks for longer than anybody waits", 1, time.Hour, &RetryError{7 * 24 * time.Hour, failure}, 23 * time.Hour, 23 * time.Hour, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := record{Attempts: tt.attempts, Lasted: span(tt.after)}
			wait, again := b.wait(r, tt.cause)
			if again != tt.again || wait < tt.least || wait > tt.most {
				t.Errorf("wait %s, again %v; want %s to %s, %v", wait, again, tt.least, tt.most, tt.again)
			}
		})
	}
}

func TestExtendedRetriesEnd(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name                 string
		lasted, extended     time.Duration
		wantLasted, wantMore time.Duration
	}{
		{"early", 3 * time.Hour, 0, 3 * time.Hour, 0},
		{"late", 20 * time.Hour, 0, 12 * time.Hour, 8 * time.Hour},
		{"late again", 20 * time.Hour, 8 * time.Hour, 12 * time.Hour, 16 * time.Hour},
		{"almost twice as long as usual", 20 * time.Hour, 23 * time.Hour, 19 * time.Hour, day},
		{"twice as long as usual", 20 * time.Hour, day, 20 * time.Hour, day},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := record{Lasted: span(tt.lasted), Extended: span(tt.extended)}
			r.extend(day)
			if r.Lasted != span(tt.wantLasted) || r.Extended != span(tt.wantMore) {
				t.Errorf("lasted %s, extended by %s", time.Duration(r.Lasted), time.Duration(r.Extended))
			}
		})
	}
}

// A record counts its own time: by the wall clock only how old it was when it was
// read at a start, and that not beyond what was to be waited anyway.
func TestRetryRecordsIgnoreTheClock(t *testing.T) {
	t.Parallel()
	stored := time.Now().Round(0)
	for _, tt := range []struct {
		name   string
		clock  time.Duration // that of the node, after that of the server when the record was stored
		live   bool
		left   time.Duration
		lasted time.Duration
		wrote  record
	}{
		{"news", 0, true, time.Minute, time.Hour, record{Attempts: 2, Wait: span(time.Minute), Lasted: span(time.Hour)}},
		{"news to a clock an hour ahead", time.Hour, true, time.Minute, time.Hour, record{Attempts: 2, Wait: span(time.Minute), Lasted: span(time.Hour)}},
		{"news to a clock an hour behind", -time.Hour, true, time.Minute, time.Hour, record{Attempts: 2, Wait: span(time.Minute), Lasted: span(time.Hour)}},
		{"read 20 seconds later", 20 * time.Second, false, 40 * time.Second, time.Hour + 20*time.Second, record{Attempts: 2, Wait: span(time.Minute), Lasted: span(time.Hour)}},
		{"read after the clock was set back", -time.Hour, false, time.Minute, time.Hour, record{Attempts: 2, Wait: span(time.Minute), Lasted: span(time.Hour)}},
		{"read after the clock was set forward", 23 * time.Hour, false, 0, time.Hour + time.Minute, record{Attempts: 2, Wait: span(time.Minute), Lasted: span(time.Hour)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := tt.wrote
			l.stored, l.written = stored, time.Now()
			if !tt.live {
				l.backdate(stored.Add(tt.clock))
			}
			near := func(got, want time.Duration) bool { return max(got-want, want-got) < 10*time.Second }
			if left, now := l.left(), l.now(); !near(left, tt.left) || !near(time.Duration(now.Wait), tt.left) || !near(time.Duration(now.Lasted), tt.lasted) {
				t.Errorf("due in %s, and %s after the first attempt; want %s, %s", left, time.Duration(now.Lasted), tt.left, tt.lasted)
			}
		})
	}
}
