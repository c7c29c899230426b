package index

import (
	"container/heap"
	"math"
)

// timeline knows the next moment of each slot: the instant at which the visibility of the
// entry there changes.
type timeline struct {
	next    []int64 // by slot; none: math.MaxInt64
	moments moments // these, and some that no longer count
}

// moment is an instant at which the entry in a slot changes.
type moment struct {
	at   int64
	slot uint32
}

// moments is a heap, the earliest first.
type moments []moment

// Len implements [heap.Interface].
func (ms moments) Len() int { return len(ms) }

// Less implements [heap.Interface].
func (ms moments) Less(i, j int) bool { return ms[i].at < ms[j].at }

// Swap implements [heap.Interface].
func (ms moments) Swap(i, j int) { ms[i], ms[j] = ms[j], ms[i] }

// Push implements [heap.Interface].
func (ms *moments) Push(v any) { *ms = append(*ms, v.(moment)) }

// Pop implements [heap.Interface].
func (ms *moments) Pop() any {
	last := len(*ms) - 1
	m := (*ms)[last]
	*ms = (*ms)[:last]
	return m
}

// first is the earliest moment, perhaps one that no longer counts; none: math.MaxInt64.
func (t *timeline) first() int64 {
	if len(t.moments) == 0 {
		return math.MaxInt64
	}
	return t.moments[0].at
}

// set says when the entry in that slot changes next; never: math.MaxInt64.
func (t *timeline) set(slot uint32, at int64) {
	for int(slot) >= len(t.next) {
		t.next = append(t.next, math.MaxInt64)
	}
	if t.next[slot] == at {
		return
	}
	t.next[slot] = at
	if at < math.MaxInt64 {
		heap.Push(&t.moments, moment{at, slot})
	}
	t.tidy()
}

// pop takes the first moment off, and reports whether it counts: then the slot has none.
func (t *timeline) pop() (slot uint32, counts bool) {
	m := heap.Pop(&t.moments).(moment)
	if counts = t.next[m.slot] == m.at; counts {
		t.next[m.slot] = math.MaxInt64
	}
	return m.slot, counts
}

// slack is how many moments that no longer count are not worth a clean-up.
const slack = 1024

// tidy drops the moments that no longer count, once they are the most: the end of a
// gallery may be moved any number of times before it comes.
func (t *timeline) tidy() {
	if len(t.moments) <= 2*len(t.next)+slack {
		return
	}
	t.moments = nil
	for slot, at := range t.next {
		if at < math.MaxInt64 {
			t.moments = append(t.moments, moment{at, uint32(slot)})
		}
	}
	heap.Init(&t.moments)
}
