package catalogue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

func TestNotReadyBeforeTheBucketIsRead(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := catalogue.New(options(b))
	if c.Index().Ready() == nil {
		t.Error("ready before it runs")
	}
	if e, err := c.Load(t.Context(), &index.Entry{ID: "harbour"}); err == nil {
		t.Errorf("loaded %v", e)
	}
	storetest.Run(t, c.Run)
	awaitReady(t, c)
	if c.Index().Len() != 0 || c.Index().Revision() != 0 {
		t.Errorf("%d galleries, revision %d in an empty bucket", c.Index().Len(), c.Index().Revision())
	}
}

func TestIndexFollowsOtherNodes(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	writer := start(t, b)
	for i := range 10 {
		put(t, writer, revision(t, fmt.Sprint(i), noon))
	}
	reader := start(t, b)
	if got := reader.Index().Len(); got != 10 {
		t.Errorf("read %d galleries, want 10", got)
	}
	e := put(t, writer, takeDown("3", noon.Add(1)))
	if err := reader.Wait(t.Context(), e.Revision); err != nil {
		t.Fatal(err)
	}
	if got := reader.Index().Find("3"); !got.Rank.TakeDown || reader.Index().Len() != 9 {
		t.Errorf("after a take-down: %v, %d galleries", got.Rank, reader.Index().Len())
	}
}

// When a take-down has been put, this node no longer shows the gallery.
func TestPutReturnsAfterTheIndexKnowsATakeDown(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c, other := start(t, b), catalogue.New(options(b))
	s := c.Index().Select(index.Match{}, index.ByPublished)
	for i := range 50 {
		at := noon.Add(time.Duration(i) * time.Minute)
		put(t, c, revision(t, "harbour", at))
		down := takeDown("harbour", at.Add(1))
		if i%2 == 0 { // another node stored it, and died before it could acknowledge
			if _, err := other.Put(t.Context(), down); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Put(t.Context(), down); err != nil {
			t.Fatal(err)
		}
		if got := ids(s.View(10, time.Now())); len(got) != 0 {
			t.Fatalf("shows %v after its take-down", got)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := start(t, brokertest.Start(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Wait(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	e := put(t, c, revision(t, "harbour", noon))
	if err := c.Wait(ctx, e.Revision); err != nil {
		t.Errorf("waiting for what is known: %v", err)
	}
}

func TestLoadOfASupersededRevision(t *testing.T) {
	t.Parallel()
	c := start(t, brokertest.Start(t))
	old := put(t, c, revision(t, "harbour", noon))
	if g, err := c.Load(t.Context(), old); err != nil || g.Title != "Title of harbour" {
		t.Errorf("loaded %v, %v", g, err)
	}
	put(t, c, revision(t, "harbour", noon.Add(1)))
	if _, err := c.Load(t.Context(), old); !errors.Is(err, index.ErrSuperseded) {
		t.Errorf("error %v, want %v", err, index.ErrSuperseded)
	}
}

func TestIndexFollowsAfterTheServerRestarted(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	c := start(t, elsewhere(t, server))
	writer := catalogue.New(options(elsewhere(t, server)))
	put(t, c, revision(t, "before", noon))
	server.Restart()
	storetest.Eventually(t, "the server takes revisions again", func() bool {
		_, err := writer.Put(t.Context(), revision(t, "after", noon))
		return err == nil
	})
	began := time.Now()
	storetest.Eventually(t, "the index knows of it", func() bool { return c.Index().Find("after") != nil })
	if took := time.Since(began); took > 25*time.Second { // else it noticed by chance, when it looked at the bucket
		t.Errorf("stale for %s", took)
	}
	if c.Index().Ready() != nil || c.Index().Find("before") == nil {
		t.Error("forgot what it knew")
	}
}

// While the server is away the index stays, and a stop does not wait for it.
func TestServerAway(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	c := catalogue.New(options(elsewhere(t, server)))
	stop := storetest.Run(t, c.Run)
	awaitReady(t, c)
	put(t, c, revision(t, "harbour", noon))
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if outcome, err := c.Put(ctx, revision(t, "harbour", noon.Add(1))); err == nil {
		t.Errorf("put: %q", outcome)
	}
	if got := ids(c.Index().Select(index.Match{}, index.ByPublished).View(10, time.Now())); !cmp.Equal(got, []string{"harbour"}) {
		t.Errorf("shows %v", got)
	}
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Error("a stop waits for the server")
	}
}

func TestServerAwayAtTheStart(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	server.Stop()
	c := catalogue.New(options(elsewhere(t, server)))
	storetest.Run(t, c.Run)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := c.Wait(ctx, 1); err == nil || c.Index().Ready() == nil {
		t.Error("ready without a server")
	}
	server.Start()
	awaitReady(t, c)
	put(t, c, revision(t, "harbour", noon))
}

// A bucket that was recreated is read anew. What was in the old one only is
// gone and can be put again, although the old sequences were higher.
func TestBucketRecreated(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	c := start(t, elsewhere(t, server))
	s := c.Index().Select(index.Match{}, index.ByPublished)
	var old []*index.Entry
	for i := range 20 {
		old = append(old, put(t, c, revision(t, fmt.Sprint("old-", i), noon)))
	}
	epoch := s.View(1, time.Now()).Epoch
	server.Wipe()
	server.Start()

	writer := catalogue.New(options(elsewhere(t, server)))
	storetest.Eventually(t, "the new bucket takes revisions", func() bool {
		_, err := writer.Put(t.Context(), revision(t, "new", noon))
		return err == nil
	})
	storetest.Eventually(t, "an old revision is put again", func() bool {
		outcome, err := c.Put(t.Context(), revision(t, "old-7", noon))
		if err == nil && outcome != catalogue.Stored {
			t.Fatalf("outcome %q of what the new bucket does not hold", outcome)
		}
		return err == nil
	})
	storetest.Eventually(t, "the index is that of the new bucket", func() bool {
		return c.Index().Ready() == nil && cmp.Equal(ids(s.View(30, time.Now())), []string{"old-7", "new"})
	})
	if v := s.View(30, time.Now()); v.Epoch.Equal(epoch) || v.Revision != 2 {
		t.Errorf("epoch %s, revision %d", v.Epoch, v.Revision)
	}
	for _, e := range old {
		if g, err := c.Load(t.Context(), e); !errors.Is(err, index.ErrSuperseded) {
			t.Errorf("loaded %v, %v as revision %d of %s", g, err, e.Revision, e.ID)
		}
	}
}

// A bucket that somebody deletes is made again and filled by what comes again.
func TestBucketDeleted(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := start(t, b)
	r := revision(t, "harbour", noon)
	put(t, c, r)
	if err := b.JetStream().DeleteStream(t.Context(), "KV_"+b.Name(galleriesBucket)); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "the gallery is stored again", func() bool {
		outcome, err := c.Put(t.Context(), r)
		if err == nil && outcome != catalogue.Stored {
			t.Fatalf("outcome %q without a bucket", outcome)
		}
		return err == nil
	})
	storetest.Eventually(t, "the index is that of the new bucket", func() bool {
		return c.Index().Ready() == nil && c.Index().Revision() == 1 && c.Index().Len() == 1
	})
}

func TestKeyOfALongID(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := start(t, b)
	id := "tag:example.com,2026:Häfen / 1"
	e := put(t, c, revision(t, id, noon))
	if e.ID != id || record(t, b, gallery.Key(id)).Sequence != e.Revision {
		t.Errorf("found %v", e)
	}
	restarted := start(t, b)
	put(t, restarted, revision(t, id, noon.Add(1)))
	if restarted.Index().Len() != 1 {
		t.Errorf("%d galleries", restarted.Index().Len())
	}
}
