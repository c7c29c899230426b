// Package brokertest starts real NATS servers for the tests of other packages.
// Each test has a server and a directory of its own, and both end with it.
package brokertest

import (
	"path/filepath"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker"
)

// Start opens a broker with an embedded server that listens on a free port of
// the loopback, in a temporary directory, and closes it when the test ends. It
// flushes to the disk only now and then. Options can be changed before it opens.
func Start(t testing.TB, change ...func(*broker.Options)) *broker.Broker {
	t.Helper()
	o := Options(t)
	for _, f := range change {
		f(&o)
	}
	b, err := broker.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open broker: %v", err)
	}
	t.Cleanup(func() { closeBroker(t, b) })
	return b
}

// Connect opens a broker on a server that runs elsewhere, and closes it when the test
// ends. Options can be changed before it opens.
func Connect(t testing.TB, url string, change ...func(*broker.Options)) *broker.Broker {
	t.Helper()
	at := func(o *broker.Options) { o.URL, o.Embedded = url, broker.Embedded{} }
	return Start(t, append([]func(*broker.Options){at}, change...)...)
}

// Options are those that [Start] begins with: one test that closes and opens a
// broker on the same directory uses them again.
func Options(t testing.TB) broker.Options {
	t.Helper()
	return broker.Options{
		Embedded: broker.Embedded{
			Listen:       "127.0.0.1:0",
			DataDir:      filepath.Join(t.TempDir(), "data"),
			SyncInterval: syncInterval,
		},
		PublishSubjects: []string{"article.published", "article.unpublished"},
		NoticeSubjects:  []string{"feed.>", "article.rejected"},
		OwnSubjects:     []string{"partner.>"},
	}
}

func closeBroker(t testing.TB, b *broker.Broker) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("close broker: %v", err)
	}
}
