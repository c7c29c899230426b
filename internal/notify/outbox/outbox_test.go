package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestEveryTargetIsSentTheNoticeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 500)
	n := w.node(alone).run()
	n.put(notice("all", 1))
	eventually(t, "all have it", func() bool { return w.count("all-1") >= 500 })
	n.put(notice("all", 1)) // it may be repeated
	n.put(notice("all", 2))
	eventually(t, "all have the next", func() bool { return w.count("all-2") >= 500 })
	for i := range 500 {
		if diff := cmp.Diff([]string{"all-1", "all-2"}, w.received(i)); diff != "" {
			t.Fatalf("target %d received (-want +got):\n%s", i, diff)
		}
	}
	if w.overlap {
		t.Error("two deliveries were in flight to one endpoint")
	}
}

// A notice is durable when Put returns, whichever node sends it.
func TestAStartingNodeSendsPendingNotices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50)
	writer := w.node()
	writer.put(notice("all", 1))
	w.node().run()
	eventually(t, "all have it", func() bool { return w.count("all-1") == 50 })
}

func TestTwoNodesShareAndSendOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 800)
	both := map[string]int{}
	slowly := func(name string) func(*outbox.Options) {
		return func(o *outbox.Options) {
			o.Channels = map[string]outbox.Channel{"test": observed{w, func(outbox.Target) {
				w.mu.Lock()
				both[name]++
				w.mu.Unlock()
				wait := time.NewTimer(time.Millisecond)
				defer wait.Stop()
				<-wait.C
			}}}
			o.PerHost, o.Tenure = 4, 100*time.Millisecond
		}
	}
	a, b := w.node(slowly("a")).run(), w.node(slowly("b")).run()
	var want []string
	share := func(name string) int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return both[name]
	}
	for i := 1; i <= 30 && min(len(want)-2, share("a")-200, share("b")-200) < 0; i++ {
		n := notice("all", i)
		want = append(want, n.ID)
		[]*node{a, b}[i%2].put(n)
		eventually(t, "all have it", func() bool { return w.count(n.ID) >= 800 })
	}
	for i := range 800 {
		if diff := cmp.Diff(want, w.received(i)); diff != "" {
			t.Fatalf("target %d received (-want +got):\n%s", i, diff)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if both["a"] < 200 || both["b"] < 200 || w.overlap {
		t.Errorf("shared as %v, overlapping: %v", both, w.overlap)
	}
}

// A node that always has work leaves a node that joins a share, and sends no notice twice.
func TestANodeThatJoinsGetsAShare(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 64)
	var sentByOther atomic.Int32
	short := func(o *outbox.Options) { o.Tenure = 300 * time.Millisecond }
	shards := map[int]bool{}
	for i, to := range w.targets {
		shards[outbox.ShardOf(to.Endpoint)] = true
		w.answers(i, after(100*time.Millisecond))
	}
	a := w.node(short).run()
	nth, joined := 0, false
	var last string
	eventually(t, "the node that joins has sent some", func() bool {
		nth++ // before all have the notices before: a always has work
		for feed := range 4 {
			last = notice(fmt.Sprint("feed", feed), nth).ID
			a.put(notice(fmt.Sprint("feed", feed), nth))
		}
		if !joined && len(w.keys("lease")) == len(shards) { // a works on all
			joined = true
			w.node(short, func(o *outbox.Options) {
				o.Channels = map[string]outbox.Channel{"test": observed{w, func(outbox.Target) { sentByOther.Add(1) }}}
			}).run()
		}
		return sentByOther.Load() > 20
	})
	eventually(t, "all have the last", func() bool { return w.count(last) >= 64 && a.Pending()["test"] == 0 })
	if w.overlap || w.count(last) > 64 {
		t.Errorf("two deliveries at once: %v; the last was sent %d times", w.overlap, w.count(last))
	}
}

// The end of the tenure cuts no delivery, however slow.
func TestTheEndOfATenureCutsNoDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.answers(0, after(6*time.Second)) // longer than a node that stops waits
	n := w.node(func(o *outbox.Options) { o.Tenure = 100 * time.Millisecond }).run()
	n.put(notice("all", 1))
	eventually(t, "it is sent", func() bool { return w.count("all-1") == 1 && n.Pending()["test"] == 0 })
	if tried := w.attempts(0); tried != 1 {
		t.Errorf("%d attempts, want 1", tried)
	}
}

// A retry that hangs at the end of the tenure delays no first attempt.
func TestARetryThatHangsAtTheEndOfATenureDelaysNobody(t *testing.T) {
	t.Parallel()
	w := deadAndHealthy(t, 1, 1)
	n := w.node(func(o *outbox.Options) { o.Tenure, o.Timeout = 100*time.Millisecond, 5*time.Minute }).run()
	if err := n.PutTo(t.Context(), notice("hangs", 1), w.targets[0].Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the retry hangs", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.tried[w.targets[0].Key] == 1
	})
	tenure := time.NewTimer(300 * time.Millisecond)
	defer tenure.Stop()
	<-tenure.C
	n.put(notice("all", 1))
	eventually(t, "the healthy host has the notice", func() bool { return w.count("all-1") == 1 })
}

func TestANewerNoticeReplacesOneThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	var got string
	w.answers(0, func(_ context.Context, n outbox.Notice) error {
		if n.About == "all" {
			got = string(n.Data)
		}
		return nil
	})
	writer := w.node()
	for i := range 3 {
		writer.put(notice("all", i+1))
	}
	writer.put(notice("all", 2)) // it is older than what waits
	writer.put(notice("other", 1))
	w.node().run()
	eventually(t, "all have it", func() bool { return w.count("all-3") == 3 && w.count("other-1") == 3 })
	if w.count("all-1")+w.count("all-2") > 0 {
		t.Errorf("sent what was replaced: %v", w.deliveries)
	}
	if got != "1+2+3" {
		t.Errorf("got %q", got)
	}
}

func TestAFailedTargetIsTriedAgainAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20)
	w.answers(7, func(context.Context, outbox.Notice) error {
		if w.attempts(7) < 3 {
			return errRefused
		}
		return nil
	})
	n := w.node(alone).run()
	n.put(notice("all", 1))
	eventually(t, "all have it", func() bool { return w.count("all-1") == 20 })
	eventually(t, "nothing is pending", func() bool { return cmp.Equal(n.Pending(), map[string]int{"test": 0}) })
	for i := range 20 {
		if want := map[bool]int{true: 3, false: 1}[i == 7]; w.attempts(i) != want {
			t.Errorf("target %d: %d attempts, want %d", i, w.attempts(i), want)
		}
	}
	eventually(t, "nothing is retried", func() bool { return len(n.Retries()) == 0 })
}

// A target that does not have the older notice gets both together.
func TestARetryIncludesTheNewerNotice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	var got string
	open := make(chan struct{})
	w.answers(0, func(_ context.Context, n outbox.Notice) error {
		select {
		case <-open:
			got = string(n.Data)
			return nil
		default:
			return errRefused
		}
	})
	n := w.node(alone, func(o *outbox.Options) { o.FirstRetry, o.Attempts = 200*time.Millisecond, 20 }).run()
	n.put(notice("all", 1))
	eventually(t, "it failed", func() bool { return len(n.Retries()) == 1 && n.Pending()["test"] == 1 })
	n.put(notice("all", 2))
	eventually(t, "the other has both, and the second has joined the retry", func() bool { return w.count("all-2") == 1 && n.Pending()["test"] == 1 })
	close(open)
	eventually(t, "it is sent", func() bool { return len(w.received(0)) > 0 })
	if got != "1+2" || len(w.received(0)) != 1 {
		t.Errorf("got %q, received %v", got, w.received(0))
	}
	eventually(t, "nothing is retried", func() bool { return len(n.Retries()) == 0 })
}

func TestSlowTargetsDelayNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 300)
	release := make(chan struct{})
	defer close(release)
	for i := range 5 {
		w.answers(i, func(context.Context, outbox.Notice) error {
			<-release // after all that the test waits for
			return nil
		})
	}
	n := w.node(alone, shortGrace).run()
	for i := range 3 {
		n.put(notice("all", i+1))
		id := fmt.Sprintf("all-%d", i+1)
		eventually(t, "the others have it", func() bool { return w.count(id) == 295 })
	}
	if w.overlap {
		t.Error("two deliveries were in flight to one endpoint")
	}
}

// A slow target that accepts in the end is not sent it again.
func TestASlowTargetThatAcceptsGetsItOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	answer := make(chan struct{})
	w.answers(3, when(answer))
	n := w.node(alone, shortGrace).run()
	n.put(notice("all", 1))
	eventually(t, "it is retried", func() bool { return len(n.Retries()) == 1 })
	n.put(notice("all", 2))
	eventually(t, "the others have it", func() bool { return w.count("all-2") == 9 })
	if got := w.attempts(3); got != 1 {
		t.Errorf("%d deliveries to a target that has not answered yet", got)
	}
	close(answer)
	eventually(t, "it has both", func() bool { return len(w.received(3)) == 2 })
	eventually(t, "nothing is retried", func() bool { return len(n.Retries()) == 0 })
	if diff := cmp.Diff([]string{"all-1", "all-2"}, w.received(3)); diff != "" || w.overlap {
		t.Errorf("overlapping %v, received (-want +got):\n%s", w.overlap, diff)
	}
}

// Notices about different things wait for each other at one endpoint.
func TestOneDeliveryAtATimeToAnEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 40)
	for i := range w.targets {
		w.targets[i].Endpoint = "the same"
	}
	n := w.node(alone).run()
	for _, about := range []string{"a", "b", "c"} {
		n.put(notice(about, 1))
	}
	eventually(t, "all have it", func() bool { return w.count("a-1")+w.count("b-1")+w.count("c-1") == 120 })
	if w.overlap {
		t.Error("two deliveries were in flight to one endpoint")
	}
}

func TestFailedAttemptsBecomeADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	w.answers(2, refuse)
	n := w.node().run()
	if diff := cmp.Diff(map[string]float64{"sent": 0, "retried": 0, "dead": 0}, outcomes(t, n.metrics)); diff != "" {
		t.Errorf("before the first (-want +got):\n%s", diff)
	}
	n.put(notice("all", 1))
	eventually(t, "it is a dead letter", func() bool { return len(n.DeadLetters()) == 1 && len(n.Retries()) == 0 })
	d := n.DeadLetters()[0]
	want := outbox.DeadLetter{Key: d.Key, Channel: "test", About: "all", ID: "all-1", Target: target(2).Name, To: target(2).Key, Attempts: 4, First: d.First, Last: d.Last, Reason: "refused", Data: []byte("1")}
	if diff := cmp.Diff(want, d); diff != "" || d.First.IsZero() || !d.Last.After(d.First) {
		t.Errorf("dead letter (-want +got):\n%s", diff)
	}
	w.mu.Lock()
	failed := len(w.failed) == 1 && w.failed[0].ID == "all-1"
	w.mu.Unlock()
	if !failed {
		t.Errorf("reported %v", w.failed)
	}
	if got := w.attempts(2); got != 4 {
		t.Errorf("%d attempts", got)
	}
	counted := map[string]float64{"sent": 4, "retried": 3, "dead": 1}
	eventually(t, "the outcomes are counted", func() bool { return cmp.Equal(counted, outcomes(t, n.metrics)) && pendingMetric(t, n) == 0 })
	// The next notice is tried as if nothing had been.
	w.answers(2, nil)
	n.put(notice("all", 2))
	eventually(t, "it is sent", func() bool { return len(w.received(2)) == 1 })
	// So is the dead letter, from a command that only reads and writes.
	command := w.node().run()
	if err := command.Retry(t.Context(), "none"); !errors.Is(err, outbox.ErrNoDeadLetter) {
		t.Errorf("error %v", err)
	}
	if err := command.Retry(t.Context(), d.Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead letter is sent", func() bool { return len(w.received(2)) == 2 && len(n.DeadLetters()) == 0 })
}

func TestAFinalFailureIsNotRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.answers(0, func(context.Context, outbox.Notice) error { return outbox.Final(errRefused) })
	n := w.node(alone).run()
	n.put(notice("all", 1))
	eventually(t, "it is a dead letter", func() bool { return len(n.DeadLetters()) == 1 && len(n.Retries()) == 0 })
	if w.attempts(0) != 1 {
		t.Errorf("%d attempts", w.attempts(0))
	}
}

func TestATargetSaysWhenToTryAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.answers(0, func(context.Context, outbox.Notice) error {
		return &outbox.RetryError{After: time.Hour, Err: errRefused}
	})
	n := w.node(alone).run()
	n.put(notice("all", 1))
	eventually(t, "it is retried", func() bool { return len(n.Retries()) == 1 })
	if left := time.Until(n.Retries()[0].Due); left < 55*time.Minute || left > time.Hour {
		t.Errorf("due in %s", left)
	}
}

// The limit in hours counts as well as that in attempts.
func TestADeadLetterAfterSomeTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.answers(0, refuse)
	n := w.node(alone, func(o *outbox.Options) { o.Attempts, o.GiveUpAfter = 50, 100*time.Millisecond }).run()
	n.put(notice("all", 1))
	eventually(t, "it is a dead letter", func() bool { return len(n.DeadLetters()) == 1 })
	if got := w.attempts(0); got < 2 || got > 5 {
		t.Errorf("%d attempts", got)
	}
}

// A notice that joins when most attempts were made is not given up at once.
func TestANoticeThatJoinsLateIsTriedUntilTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.answers(0, refuse)
	const limit = 3 * time.Second
	n := w.node(alone, func(o *outbox.Options) { o.Attempts, o.FirstRetry, o.GiveUpAfter = 8, 50*time.Millisecond, limit }).run()
	n.put(notice("all", 1))
	eventually(t, "the next attempt is far away", func() bool {
		retries := n.Retries()
		return len(retries) == 1 && retries[0].Attempts >= 3
	})
	n.put(notice("all", 2))
	eventually(t, "it is a dead letter", func() bool { return len(n.DeadLetters()) == 1 })
	if d := n.DeadLetters()[0]; d.ID != "all-2" || d.Last.Sub(d.First) < limit {
		t.Errorf("dead letter of %s after %s", d.ID, d.Last.Sub(d.First))
	}
}

func TestARemovedTargetIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.answers(1, refuse)
	n := w.node(alone, func(o *outbox.Options) { o.FirstRetry, o.Attempts = 100*time.Millisecond, 50 }).run()
	n.put(notice("all", 1))
	eventually(t, "it is retried", func() bool { return len(n.Retries()) == 1 })
	w.mu.Lock()
	w.targets = w.targets[:1]
	w.mu.Unlock()
	eventually(t, "nothing is retried", func() bool { return len(n.Retries()) == 0 })
	if got := n.DeadLetters(); len(got) != 0 {
		t.Errorf("dead letters %v", got)
	}
}

// A target that has a version is not sent it again when a newer notice leads to the same.
func TestTheSameVersionIsNotSentTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 30)
	w.contents["all"] = "one"
	n := w.node(func(o *outbox.Options) { o.Lease = time.Hour }).run()
	n.put(notice("all", 1))
	eventually(t, "all have it", func() bool { return w.count("all-1") == 30 && pendingMetric(t, n) == 0 })
	n.put(notice("all", 2))
	eventually(t, "nothing is pending", func() bool { return pendingMetric(t, n) == 0 })
	w.content("two")
	n.put(notice("all", 3))
	eventually(t, "all have it", func() bool { return w.count("all-3") == 30 })
	if w.count("all-2") != 0 {
		t.Errorf("%d were sent the same again", w.count("all-2"))
	}
}

func pendingMetric(t *testing.T, n *node) float64 {
	t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() == "gallerywire_notices_owed" {
			for _, m := range f.GetMetric() {
				sum += m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestAPayloadThatCannotBeMadeIsRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	w.packErr = errors.New("the index lags")
	n := w.node(alone).run()
	n.put(notice("all", 1))
	eventually(t, "it was tried", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.packed > 0
	})
	w.mu.Lock()
	w.packErr = nil
	w.mu.Unlock()
	eventually(t, "all have it", func() bool { return w.count("all-1") == 4 })
}

func TestAPayloadThatCanNeverBeMadeIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.packErr = outbox.Final(errors.New("nobody can read it"))
	n := w.node(alone).run()
	n.put(notice("all", 1))
	eventually(t, "all are dead letters", func() bool { return len(n.DeadLetters()) == 3 })
	if d := n.DeadLetters()[0]; !strings.Contains(d.Reason, "nobody can read it") || d.Attempts != 1 {
		t.Errorf("dead letter: %+v", d)
	}
	eventually(t, "nothing is pending", func() bool { return len(n.Retries()) == 0 })
}

// A node that dies leaves a lease; another one takes over when it has expired.
func TestALeaseExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	for i := range 100 {
		w.answers(i, w.silence)
	}
	a := w.node(func(o *outbox.Options) { o.Lease, o.Grace, o.Timeout = time.Hour, time.Hour, time.Hour })
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = a.Run(ctx)
	}()
	eventually(t, "the first node is ready", func() bool { return a.Ready() == nil })
	a.put(notice("all", 1))
	eventually(t, "it has begun", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.tried) > 0
	})
	for i := range 100 {
		w.answers(i, nil) // from now on they answer
	}
	w.node(func(o *outbox.Options) { o.Lease = time.Second }).run()
	eventually(t, "the other node sends to all", func() bool {
		for i := range 100 {
			if len(w.received(i)) == 0 {
				return false
			}
		}
		return true
	})
	cut()
	<-gone
}

// An orderly stop waits for what is in flight, so that it is not sent twice.
func TestAStopFinishesDeliveriesInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60)
	underWay, release := make(chan struct{}, 60), make(chan struct{})
	for i := range w.targets {
		w.targets[i].Host = "one" // so that they are sent to in their order
		w.answers(i, func(context.Context, outbox.Notice) error {
			underWay <- struct{}{}
			<-release
			return nil
		})
	}
	a := w.node(func(o *outbox.Options) { o.PerHost = 3 }).run()
	a.put(notice("all", 1))
	for range 3 {
		<-underWay
	}
	go func() {
		<-a.stopping
		close(release)
	}()
	a.stop()
	if had := w.count("all-1"); had < 3 {
		t.Errorf("%d had it when the node had stopped, though 3 were in flight", had)
	}
	w.node().run()
	eventually(t, "all have it", func() bool { return w.count("all-1") >= 60 })
	for i := range 60 {
		if got := w.received(i); len(got) != 1 {
			t.Errorf("target %d received %v", i, got)
		}
	}
}

func TestAnUnknownChannelIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	unknown := notice("all", 1)
	unknown.Channel = "pigeon"
	if err := w.node().Put(t.Context(), unknown); err == nil || !strings.Contains(err.Error(), "pigeon") {
		t.Errorf("error %v", err)
	}
}

// A channel that is not in the configuration of a node is left to others.
func TestAChannelOfAnotherNodeIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	less := w.node(func(o *outbox.Options) {
		o.Channels, o.Lease = map[string]outbox.Channel{"other": w}, time.Second
	}).run()
	more := w.node(func(o *outbox.Options) { o.Lease = time.Second })
	more.put(notice("all", 1))
	mine := notice("all", 1)
	mine.Channel, mine.ID = "other", "mine"
	less.put(mine)
	eventually(t, "its own is sent", func() bool { return w.count("mine") >= 3 })
	if w.count("all-1") != 0 {
		t.Error("sent through a channel that it does not have")
	}
	more.run()
	eventually(t, "the other is sent", func() bool { return w.count("all-1") >= 3 })
}

func outcomes(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "gallerywire_notices_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "outcome" {
					found[l.GetValue()] += m.GetCounter().GetValue()
				}
			}
		}
	}
	return found
}

func TestANodeThatIsAloneNeedsNoLeases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	if _, err := w.broker.Bucket(t.Context(), "outbox"); err != nil {
		t.Fatal(err)
	}
	bucket, err := w.broker.JetStream().KeyValue(t.Context(), w.broker.Name("outbox"))
	if err != nil {
		t.Fatal(err)
	}
	for shard := range 16 { // of a process that was killed
		if _, err := bucket.Put(t.Context(), fmt.Sprintf("lease.%d", shard), []byte(`{"format":1,"node":"killed"}`)); err != nil {
			t.Fatal(err)
		}
	}
	alone := func(o *outbox.Options) { o.Alone, o.Lease, o.Attempts = true, time.Hour, 50 }
	n := w.node(alone).run()
	n.put(notice("news", 1))
	eventually(t, "all have it", func() bool { return w.count("news-1") == 100 })
	n.stop()
	w.answers(7, refuse)
	n = w.node(alone).run()
	n.put(notice("news", 2))
	eventually(t, "one was not reached", func() bool { return w.count("news-2") == 99 && w.attempts(7) > 1 })
	w.answers(7, nil)
	eventually(t, "all have it", func() bool { return w.count("news-2") == 100 })
	n.stop()
	for shard := range 16 {
		entry, err := bucket.Get(t.Context(), fmt.Sprintf("lease.%d", shard))
		if err != nil || entry.Revision() > 16 {
			t.Errorf("the lease on shard %d was written: %v", shard, err)
		}
	}
	if w.overlap {
		t.Error("two deliveries at a time to one endpoint")
	}
	if got := w.count("news-1"); got != 100 {
		t.Errorf("%d deliveries of the first notice, want 100", got)
	}
}

// A notice to one target is sent to it alone, also when it has a retry.
func TestANoticeToOneTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.answers(1, func(context.Context, outbox.Notice) error {
		if w.attempts(1) == 1 {
			return errRefused
		}
		return nil
	})
	n := w.node(alone).run()
	for _, to := range []string{target(1).Key, "no longer there"} {
		if err := n.PutTo(t.Context(), notice("all", 1), to); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it is sent", func() bool { return w.count("all-1") == 1 && n.Pending()["test"] == 0 })
	w.answers(1, refuse)
	n.put(notice("all", 2))
	eventually(t, "the others have it", func() bool { return w.count("all-2") == 2 && len(n.Retries())+len(n.DeadLetters()) == 1 })
	w.answers(1, nil)
	if err := n.PutTo(t.Context(), notice("all", 3), target(1).Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has that, too", func() bool { return w.count("all-3") == 1 && n.Pending()["test"] == 0 })
	if received := w.received(1); received[0] != "all-1" || len(w.received(0)) != 1 {
		t.Errorf("it received %q, another %q", received, w.received(0))
	}
}

func TestWaitingCountsTheNoticesForOneTarget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.answers(1, refuse)
	n := w.node(alone, func(o *outbox.Options) { o.FirstRetry = time.Hour }).run()
	for _, about := range []string{"all", "news"} {
		n.putTo(notice(about, 1), 0)
		n.putTo(notice(about, 1), 1)
	}
	eventually(t, "one has all, the other is tried again", func() bool { return len(w.received(0)) == 2 && w.attempts(1) == 2 && n.Pending()["test"] == 2 })
	bytes := 0
	for _, about := range []string{"all", "news"} {
		bytes += len(about) + len(notice(about, 1).Data)
	}
	for i, want := range [][2]int{{0, 0}, {2, bytes}} {
		if got, size := n.Waiting("test", target(i)); [2]int{got, size} != want {
			t.Errorf("%d of %d bytes wait for target %d, want %v", got, size, i, want)
		}
	}
	if got, _ := n.Waiting("another", target(1)); got != 0 {
		t.Errorf("%d wait through another channel", got)
	}
}
