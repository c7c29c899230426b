package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// TestASubscriberThatIsNotOurs uses npm's pubsubhubbub, which checks signatures,
// has a query in its callback, and answers as clients in the field do.
func TestASubscriberThatIsNotOurs(t *testing.T) {
	t.Parallel()
	folder := fromNPM(t, "pubsubhubbub")
	node := serve(t, oneFeed+callsLoopback+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	topic := topicOf("/feeds/all.atom")
	program := exec.CommandContext(t.Context(), "node", "subscriber.js", topic, node.http+"/hub")
	program.Dir = folder
	program.Stderr = os.Stderr
	lines, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	events := make(chan clientEvent, 100)
	go func() {
		defer close(events)
		for scanner := bufio.NewScanner(lines); scanner.Scan(); {
			var e clientEvent
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
				t.Errorf("the subscriber says %q", scanner.Text())
			}
			events <- e
		}
	}()

	if e := nextOf(t, events, "subscribe"); e.Topic != topic || e.Lease < 863_990 || e.Lease > 864_010 {
		t.Errorf("it was asked to confirm %+v", e)
	}
	node.eventually("the hub knows of it", func() bool { return node.metric("gallerywire_websub_subscriptions") == 1 })
	nextOf(t, events, "feed") // as it is when it subscribes
	cms := connect(t, node.nats)
	begin := time.Now().Add(-time.Minute)
	for i, title := range []string{"Harbour lights", "the end"} {
		publish(t, cms, "article.published", galleryJSON("harbour", title, "Travel", begin.Add(time.Duration(i)*time.Second), 2))
		e := nextOf(t, events, "feed")
		if e.Topic != topic || e.Hub != topicOf("/hub") || !strings.Contains(e.Text, title) || e.Type != "application/atom+xml; charset=utf-8" {
			t.Errorf("it was sent %+v", e)
		}
	}
	nextOf(t, events, "unsubscribe")
	node.eventually("it has left", func() bool { return node.metric("gallerywire_websub_subscriptions") == 0 })
	if err := program.Wait(); err != nil {
		t.Error(err)
	}
}

// clientEvent is what testdata/subscriber/subscriber.js prints.
type clientEvent struct {
	What, Topic, Hub, Text, Type string
	Lease                        float64
}

// nextOf skips what is of another kind, but no error.
func nextOf(t *testing.T, events <-chan clientEvent, what string) clientEvent {
	t.Helper()
	for deadline := time.After(storetest.WaitLimit); ; {
		select {
		case e, ok := <-events:
			if !ok || e.What == "error" || e.What == "denied" {
				t.Fatalf("waiting for %q: %+v", what, e)
			}
			if e.What == what {
				return e
			}
		case <-deadline:
			t.Fatalf("no %q", what)
		}
	}
}

// fromNPM returns the folder in which programs find a package of npm. Where it is missing the
// test is skipped, but not in CI.
func fromNPM(t *testing.T, name string) (folder string) {
	t.Helper()
	folder = filepath.Join("testdata", "subscriber")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", name)); err != nil {
		why := fmt.Sprintf("npm's %s is missing: run npm ci in internal/app/%s", name, folder)
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	return folder
}
