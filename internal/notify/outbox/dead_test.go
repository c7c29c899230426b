package outbox

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

func TestTidyRemovesDeadLettersOverLimit(t *testing.T) {
	t.Parallel()
	dead := map[string]*record{}
	add := func(target string, n int, last time.Time) {
		for range n {
			key := fmt.Sprint(len(dead))
			dead[key] = &record{key: key + target, Target: target, Last: last.Add(time.Duration(len(dead)))}
		}
	}
	old := time.Unix(0, 0)
	add("quiet", 1, old)
	add("away", maxDeadOfTarget+5, old.Add(time.Hour))
	if got := tooMany(dead); len(got) != 5 || got[4].key != "1away" {
		t.Errorf("of one that is away go %v", got)
	}
	for i := range 10 {
		key := fmt.Sprint("large-", i)
		dead[key] = &record{key: key, Target: "large", Last: old.Add(time.Duration(i)), Notice: Notice{Data: make([]byte, maxDeadBytes/4)}}
	}
	if got := tooMany(dead); len(got) != 5+6 || got[len(got)-1].key != "large-0" {
		t.Errorf("of one with large ones go %d", len(got))
	}
	maps.DeleteFunc(dead, func(_ string, r *record) bool { return r.Target == "large" })
	for i := range maxDead / maxDeadOfTarget {
		add(fmt.Sprint("other-", i), maxDeadOfTarget, old.Add(2*time.Hour))
	}
	if got := tooMany(dead); len(got) != maxDeadOfTarget+5+1 || got[len(got)-1].key != "0quiet" {
		t.Errorf("of all go %d", len(got))
	}
}
