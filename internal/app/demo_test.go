package app

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
)

func TestDemoWithTheConfigurationOfACluster(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	c, err := LoadConfig("", []string{
		"GALLERYWIRE_HTTP_LISTEN=127.0.0.1:0",
		"GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:0",
		"GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0",
		"GALLERYWIRE_NATS_URL=nats://nats.invalid:4222",
		"GALLERYWIRE_NATS_CREDENTIALS_FILE=demo_test.go",
		"GALLERYWIRE_NATS_TLS_CA_FILE=demo_test.go",
		"GALLERYWIRE_NATS_REPLICAS=3",
		"GALLERYWIRE_EVENTS_SUBJECTS=[cms.*.out]",
		"GALLERYWIRE_SITE_BASE_URL=https://news.example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	output := startDemo(ctx, t, c)
	var lines []string
	for output.Scan() {
		lines = append(lines, output.Text())
		if tookDown(lines) {
			stop()
		}
	}
	if err := output.Err(); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n")
	if !tookDown(lines) || !strings.Contains(all, "to cms.gallerywire.out at nats://127.0.0.1:") {
		t.Errorf("no gallery was taken down, or the subject is not named:\n%s", all)
	}
	if strings.Contains(all, "/events") {
		t.Errorf("events are taken without a key, though a proxy may stand before it:\n%s", all)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// tookDown reports whether both events of a gallery that is taken down came in.
func tookDown(lines []string) bool {
	events := map[string]int{}
	for _, line := range lines {
		if _, report, ok := strings.Cut(line, "event in"); ok && strings.Contains(report, " stored in ") {
			events[strings.Fields(report)[0]]++
		}
	}
	return slices.ContainsFunc(lines, func(line string) bool {
		_, id, ok := strings.Cut(line, "published  take-down of ")
		return ok && events[id] == 2
	})
}

// startDemo returns the output of the demonstration; an error of the demonstration ends it.
func startDemo(ctx context.Context, t *testing.T, c config.Config) *bufio.Scanner {
	t.Helper()
	out, in := io.Pipe()
	go func() {
		err := Demo(ctx, DemoOptions{Config: c, Every: 10 * time.Millisecond, Out: in, Logger: slog.New(slog.DiscardHandler)})
		in.CloseWithError(err) // nil ends the output
	}()
	return bufio.NewScanner(out)
}
