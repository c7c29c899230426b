package cache_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/google/go-cmp/cmp"
)

// text is a value that weighs as much as it says, and may grow.
type text struct{ size int }

func newCache(b *cache.Budget, gone func(*text)) *cache.Cache[string, *text] {
	return cache.New[string](b, cache.Options[*text]{Size: func(t *text) int { return t.size }, Dropped: gone})
}

func TestCachesShareOneBudget(t *testing.T) {
	b := cache.NewBudget(100)
	one, two := newCache(b, nil), newCache(b, nil)
	one.Put("a", &text{40})
	two.Put("b", &text{40})
	one.Get("a")
	two.Put("c", &text{30}) // b is the least recently used, of whichever cache
	for _, c := range []struct {
		cache *cache.Cache[string, *text]
		key   string
		want  bool
	}{{one, "a", true}, {two, "b", false}, {two, "c", true}} {
		if _, ok := c.cache.Get(c.key); ok != c.want {
			t.Errorf("%s is kept: %v", c.key, ok)
		}
	}
	if b.Used() != 70 {
		t.Errorf("%d bytes are used, want 70", b.Used())
	}
	two.Put("too much", &text{101})
	if _, ok := two.Get("too much"); ok || b.Used() != 70 {
		t.Errorf("what does not fit is kept: %v, %d bytes", ok, b.Used())
	}
	two.Put("c", &text{10})
	if b.Used() != 50 {
		t.Errorf("%d bytes after a value was replaced, want 50", b.Used())
	}
}

func TestPinnedBytesLeaveLessForTheCaches(t *testing.T) {
	b := cache.NewBudget(100)
	pinned := 0
	pin := b.NewPin(func() int { return pinned })
	c := newCache(b, nil)
	c.Put("a", &text{60})
	for _, step := range []struct {
		pinned, used int
		kept         bool
	}{{40, 100, true}, {41, 41, false}, {130, 130, false}, {10, 10, false}} {
		pinned = step.pinned
		pin.Resize()
		if _, ok := c.Get("a"); ok != step.kept || b.Used() != step.used {
			t.Errorf("pinned %d: kept is %v, %d bytes are used", step.pinned, ok, b.Used())
		}
	}
}

func TestAValueThatGrowsIsWeighedAnew(t *testing.T) {
	var gone []*text
	b := cache.NewBudget(100)
	c := newCache(b, func(t *text) { gone = append(gone, t) })
	one, two := &text{10}, &text{10}
	c.Put("1", one)
	c.Put("2", two)
	two.size = 90
	c.Resize("2", two)
	if b.Used() != 100 || len(gone) != 0 {
		t.Errorf("%d bytes, %v are gone", b.Used(), gone)
	}
	two.size = 91
	c.Resize("2", two)
	if b.Used() != 91 || len(gone) != 1 || gone[0] != one {
		t.Errorf("%d bytes, %v are gone", b.Used(), gone)
	}
	c.Resize("1", one)       // it is not kept any more
	c.Resize("2", &text{50}) // another is
	if two.size = 101; b.Used() != 91 {
		t.Errorf("%d bytes for what is gone", b.Used())
	}
	c.Resize("2", two)
	if b.Used() != 0 || len(gone) != 2 {
		t.Errorf("what does not fit any more is kept: %d bytes", b.Used())
	}
}

// What is never kept is gone too: its owner holds something for it.
func TestAValueThatDoesNotFitIsGoneAndLeavesNoOlderOne(t *testing.T) {
	var gone []*text
	b := cache.NewBudget(100)
	c := newCache(b, func(t *text) { gone = append(gone, t) })
	fits, large, loaded := &text{10}, &text{101}, &text{102}
	c.Put("a", fits)
	c.Put("a", large)
	if _, ok := c.Get("a"); ok || b.Used() != 0 {
		t.Errorf("an older value is kept: %v, %d bytes are used", ok, b.Used())
	}
	if _, err := c.Load(t.Context(), "b", func(context.Context) (*text, error) { return loaded, nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*text{fits, large, loaded}, gone, cmp.Comparer(func(a, b *text) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestSoManyValuesAreKept(t *testing.T) {
	b := cache.NewBudget(100)
	c := cache.New[int](b, cache.Options[*text]{Size: func(t *text) int { return t.size }, Most: 2})
	for i := range 5 {
		c.Put(i, &text{1})
	}
	if c.Len() != 2 || b.Used() != 2 {
		t.Errorf("%d values of %d bytes", c.Len(), b.Used())
	}
}

func TestAValueIsLoadedOnceForAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(cache.NewBudget(100), nil)
		var loads atomic.Int64
		release := make(chan struct{})
		load := func(ctx context.Context) (*text, error) {
			loads.Add(1)
			<-release
			return &text{1}, ctx.Err()
		}
		first, leave := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		asking.Go(func() {
			if v, err := c.Load(first, "a", load); v == nil || err != nil {
				t.Errorf("the one who loads: %v, %v", v, err)
			}
		})
		synctest.Wait()
		leave() // who loads for others goes away: they are loaded for all the same
		for range 300 {
			asking.Go(func() {
				if v, err := c.Load(t.Context(), "a", load); v == nil || err != nil {
					t.Errorf("one of many: %v, %v", v, err)
				}
			})
		}
		gone := errors.New("gone")
		impatient, hurry := context.WithCancelCause(t.Context())
		asking.Go(func() {
			if _, err := c.Load(impatient, "a", load); !errors.Is(err, gone) {
				t.Errorf("one who leaves: %v", err)
			}
		})
		synctest.Wait()
		hurry(gone)
		close(release)
		asking.Wait()
		if loads.Load() != 1 {
			t.Errorf("loaded %d times", loads.Load())
		}
	})
}

func TestAnErrorGoesToAllCallersAndIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(cache.NewBudget(100), nil)
		broken := errors.New("broken")
		release := make(chan struct{})
		var asking sync.WaitGroup
		for range 3 {
			asking.Go(func() {
				_, err := c.Load(t.Context(), "a", func(context.Context) (*text, error) {
					<-release
					return nil, broken
				})
				if !errors.Is(err, broken) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(release)
		asking.Wait()
		v, err := c.Load(t.Context(), "a", func(context.Context) (*text, error) { return &text{1}, nil })
		if v == nil || err != nil {
			t.Errorf("the next: %v, %v", v, err)
		}
	})
}

func TestALoadThatPanicsReleasesItsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(cache.NewBudget(100), nil)
		release := make(chan struct{})
		var asking sync.WaitGroup
		asking.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is swallowed")
				}
			}()
			_, _ = c.Load(t.Context(), "a", func(context.Context) (*text, error) {
				<-release
				panic("bug")
			})
		})
		synctest.Wait()
		asking.Go(func() {
			if _, err := c.Load(t.Context(), "a", nil); err == nil {
				t.Error("no error for the others")
			}
		})
		synctest.Wait()
		close(release)
		asking.Wait()
	})
}

// responses is what readers hold; relief makes it so much less.
type responses struct {
	held   atomic.Int64
	relief int64
	asked  atomic.Int64
}

func (t *responses) Held() int { return int(t.held.Load()) }

func (t *responses) Relieve(int) {
	t.asked.Add(1)
	t.held.Add(-t.relief)
}

func TestLimiterIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := cache.NewLimiter(100, nil)
		large, err := w.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		large.Grow(100)
		var waiting sync.WaitGroup
		var in atomic.Int64
		for range 3 {
			waiting.Go(func() {
				task, err := w.Acquire(t.Context())
				if err != nil {
					t.Error(err)
				}
				in.Add(1)
				task.Grow(30)
			})
		}
		synctest.Wait()
		if in.Load() != 0 {
			t.Errorf("%d came in beside what needs all of it", in.Load())
		}
		large.Release()
		synctest.Wait()
		if in.Load() != 3 {
			t.Errorf("%d came in once there was room", in.Load())
		}
		waiting.Wait()
		began := time.Now()
		large, err = w.Acquire(t.Context()) // 90 of 100 are held
		if err != nil || time.Since(began) != 0 {
			t.Fatalf("%v after %s", err, time.Since(began))
		}
		large.Grow(10)
		if _, err := w.Acquire(t.Context()); !errors.Is(err, cache.ErrBusy) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestLimiterWaitsForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := &responses{relief: 30}
		readers.held.Store(170)
		w := cache.NewLimiter(100, readers)
		began := time.Now()
		task, err := w.Acquire(t.Context())
		if err != nil || time.Since(began) != time.Second { // 140, 110, 80: at once, and after each half second
			t.Errorf("%v after %s", err, time.Since(began))
		}
		task.Release()
		readers.relief = 0
		readers.held.Store(100)
		if _, err := w.Acquire(t.Context()); !errors.Is(err, cache.ErrBusy) {
			t.Errorf("with nothing relieved: %v", err)
		}
		left, leave := context.WithCancel(t.Context())
		leave()
		if _, err := w.Acquire(left); !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		readers.held.Store(0)
		if task, err = w.Acquire(t.Context()); err != nil {
			t.Fatalf("those who gave up are still in the queue: %v", err)
		}
		task.Release()
	})
}

func TestMemoryLimit(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no Linux": {},
		"version 2, in a container": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20},
		"version 2, a group above has less": {map[string]string{
			"proc/self/cgroup": "0::/system.slice/gallerywire.service\n",
			"sys/fs/cgroup/system.slice/gallerywire.service/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/memory.max":                     "1073741824\n",
		}, 1 << 30},
		"version 2, no limit": {map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, 0},
		"version 1": {map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/abc\n",
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            "9223372036854771712\n",
		}, 256 << 20},
		"version 1, in a container that has the path of the machine": {map[string]string{
			"proc/self/cgroup":                           "4:memory:/docker/abc\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
		}, 256 << 20},
		"version 1, no limit": {map[string]string{
			"proc/self/cgroup": "4:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"nonsense": {map[string]string{
			"proc/self/cgroup": "0::/../../a\nmemory\n:memory\n4:memory:/x\n", "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "-1\n",
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, text := range c.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if diff := cmp.Diff(c.want, cache.MemoryLimit(root)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
