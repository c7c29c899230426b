package storetest

import (
	"context"
	"flag"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// WaitLimit is how long a test waits for what must happen, however busy the machine is.
const WaitLimit = time.Minute

// Main runs the tests of a package that mostly wait, for servers, disks and instants: of
// those that are parallel more at once than there are processors.
func Main(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(max(8, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Eventually waits until is returns true. It fails the test after [WaitLimit].
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(WaitLimit); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", WaitLimit, what)
		}
	}
}

// Receive returns the next value of the channel. It fails the test after [WaitLimit].
func Receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(WaitLimit):
		t.Fatalf("waited %s in vain: %s", WaitLimit, what)
		panic("unreachable")
	}
}

// Run runs f in the background until stop is called, at the latest when the test ends,
// and waits for its end. An error fails the test.
func Run(t testing.TB, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := f(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}
