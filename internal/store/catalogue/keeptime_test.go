package catalogue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

func TestTimerWakesAtTheInstant(t *testing.T) {
	t.Parallel()
	type waking struct {
		id string
		at time.Time
	}
	woken := make(chan waking, 100)
	c := start(t, brokertest.Start(t), func(o *catalogue.Options) {
		o.Index.Changed = func(change index.Change) {
			if change.New != nil && change.New == change.Old {
				woken <- waking{change.New.ID, time.Now()}
			}
		}
	})
	storetest.Run(t, c.KeepTime)
	put(t, c, revision(t, "far", noon, published(time.Now().Add(time.Hour))))
	var embargo time.Time
	var want []string
	for wait := 300 * time.Millisecond; !time.Now().Before(embargo); wait *= 2 { // until the index knows of one before it ends
		embargo = time.Now().Add(wait)
		id := fmt.Sprint("near-", wait)
		want = append([]string{id}, want...)
		put(t, c, revision(t, id, noon, published(embargo)))
	}
	for last := (waking{}); last.id != want[0]; {
		select {
		case last = <-woken:
		case <-time.After(storetest.WaitLimit):
			t.Fatal("never woken")
		}
		if last.id == want[0] && last.at.Before(embargo) {
			t.Errorf("woken %s before the instant", embargo.Sub(last.at))
		}
	}
	if got := ids(c.Index().Select(index.Match{}, index.ByPublished).View(10, time.Now())); !cmp.Equal(got, want) {
		t.Errorf("shows %v, want %v", got, want)
	}
}
