package partner

import "time"

// overdueAfter is after how many times PollEvery without a request a partner is overdue.
const overdueAfter = 3

// Poll is when a partner asks for its feed.
type Poll struct {
	Last    time.Time     // the last admitted request to this node; zero: none since it started
	Every   time.Duration // as expected; 0: not known
	Silence time.Duration // since the last request, or the start, if that is too long; else 0
}

// Poll returns when the partner asks for its feed.
func (a *Access) Poll(partner string) Poll {
	one := a.account(partner)
	p := Poll{Every: one.PollEvery}
	last := a.started
	if used := one.lastUse(); used > 0 {
		p.Last = time.Unix(used, 0).UTC()
		last = p.Last
	}
	if silence := time.Since(last); p.Every > 0 && silence >= overdueAfter*p.Every {
		p.Silence = silence
	}
	return p
}

// lastUse is when a request was last admitted, in Unix seconds; 0: never.
func (one *account) lastUse() (last int64) {
	for _, k := range one.keys {
		last = max(last, k.used.Load())
	}
	return last
}
