package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/demo"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DemoOptions make a demonstration.
type DemoOptions struct {
	Config config.Config // as for serve; servers elsewhere and the data directory are ignored
	Every  time.Duration // between two things that happen
	Out    io.Writer     // for a person
	Logger *slog.Logger
}

// pictures is where the demonstration serves its pictures.
const pictures = "/demo/pictures"

// Demo runs a whole node on a server and a directory of its own, plays a CMS
// that publishes to it, and prints what happens, until ctx ends. It leaves nothing
// behind.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	dir, err := os.MkdirTemp("", "gallerywire-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demonstration: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := o.Config
	c.Site.ID = cmp.Or(c.Site.ID, "demo.example.com") // of galleries that nobody keeps
	c.NATS = config.NATS{Embedded: c.NATS.Embedded, Replicas: 1, Prefix: c.NATS.Prefix}
	c.NATS.Embedded.DataDir, c.NATS.Embedded.Publishers = dir, nil
	c.Intake.OpenOnLoopback = c.OnlyHere()
	d := &demonstration{opts: o, config: c}
	a, err := New(ctx, Options{
		Config: c, Logger: o.Logger,
		Mount: func(mux *http.ServeMux) { // called by Run, when the CMS is there
			mux.Handle("GET "+pictures+"/", http.StripPrefix(pictures, d.cms.Pictures()))
		},
		Watch: Watch{Event: d.event, Changed: d.changed, Announced: d.announced},
	})
	if err != nil {
		return err
	}
	if d.cms, err = demo.New(a.URL()+pictures, time.Now()); err != nil {
		return errors.Join(err, a.Close())
	}
	d.app = a
	return runServices(ctx, o.Logger, []service{{"node", a.Run}, {"cms", d.play}})
}

// demonstration plays the CMS and prints what happens.
type demonstration struct {
	opts   DemoOptions
	config config.Config
	app    *App
	cms    *demo.CMS

	mu sync.Mutex // of Out
}

func (d *demonstration) print(what, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.opts.Out, "%s  %-9s  %s\n", time.Now().Format("15:04:05"), what, text)
}

func (d *demonstration) event(r intake.Report) {
	text := fmt.Sprintf("%s %s in %s", r.Gallery, r.Outcome, r.Duration.Round(10*time.Microsecond))
	if r.Problems != nil {
		text += ": " + r.Problems.Error()
	}
	d.print("event in", text)
}

func (d *demonstration) announced(u event.Update) {
	d.print("notice", fmt.Sprintf("feed.updated for %s sent on NATS: %d added, %d changed, %d removed",
		u.Feed, len(u.Added), len(u.Edited), len(u.Removed)))
}

func (d *demonstration) changed(gallery string, feeds []string) {
	d.print("changed", fmt.Sprintf("%s in %s", gallery, strings.Join(feeds, ", ")))
}

// play publishes over a connection like that of any CMS.
func (d *demonstration) play(ctx context.Context) error {
	options := BrokerOptions(d.config, d.opts.Logger)
	options.Embedded.Listen = strings.TrimPrefix(d.app.PublisherURL(), "nats://")
	conn, err := broker.DialPublisher(ctx, options)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("use jetstream: %w", err)
	}
	processing := func() error {
		_, _, err := d.app.eventStream(ctx)
		return errors.Join(append(d.app.unready(), err)...)
	}
	if !until(ctx, processing) {
		return nil // stopped before it began
	}
	d.welcome()
	// A CloudEvent in binary mode, because its type is the kind on every subject.
	publish := func(ctx context.Context, kind event.Kind, data []byte) error {
		msg := nats.NewMsg(subjectOf(d.config.Events.Subjects, kind))
		msg.Data = data
		msg.Header.Set("ce-specversion", "1.0")
		msg.Header.Set("ce-type", string(kind))
		msg.Header.Set("ce-source", "/gallerywire/demo")
		msg.Header.Set("ce-id", gallery.HashOf(data).String())
		_, err := js.PublishMsg(ctx, msg)
		return err
	}
	return d.cms.Play(ctx, d.opts.Every, publish, func(text string) { d.print("published", text) })
}

func (d *demonstration) welcome() {
	d.mu.Lock()
	defer d.mu.Unlock()
	out, url := d.opts.Out, d.app.URL()
	fmt.Fprintf(out, "\ngallerywire is running. Open in a browser or a feed reader:\n\n  %s/\n", url)
	for _, f := range d.config.Feeds {
		for _, format := range feed.Formats() {
			fmt.Fprintf(out, "  %s/feeds/%s.%s\n", url, f.Name, format)
		}
	}
	if d.config.Intake.OpenOnLoopback {
		fmt.Fprintf(out, "\nPublish a gallery of your own (programs of this machine need no key, so put no proxy before it):\n\n"+
			"  curl --json '{\"id\": \"mine\", \"title\": \"My gallery\", \"published\": %q}' http://%s%s\n",
			time.Now().UTC().Format(time.RFC3339), Reachable(d.app.public.Addr().String()), receive.PublishedPath)
	}
	fmt.Fprintf(out, "\nWhat came in and went out is at %[1]s/status.\nMetrics are at %[1]s/metrics.\nA CMS that speaks NATS publishes to %[2]s at %[3]s.\n"+
		"Something happens every %[4]s. Ctrl-C ends it and leaves nothing behind.\n\n",
		d.app.AdminURL(), subjectOf(d.config.Events.Subjects, event.Published), d.app.PublisherURL(), d.opts.Every)
}
