// Package app puts a node together: it opens what the packages need, adapts one to
// another, starts them, and stops them in order. Only the command line imports it.
//
// A configuration comes in; a running node comes out. Start at [New] and [App.Run];
// build wires a site, notifiers wires the notice channels. A node answers on HTTP from
// the beginning: 503 until it has read the site's id from NATS and its index is whole,
// then what its index holds, also while NATS is away. All rules about
// galleries, feeds and notices are in the other packages.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/checkpoint"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Options make an App.
type Options struct {
	Config config.Config
	Logger *slog.Logger
	Watch  Watch
	Mount  func(*http.ServeMux) // adds handlers to the public listener; may be nil

	// AcceptDamage accepts a store that lost records: its present content is the
	// reference for the next start.
	AcceptDamage bool

	// AcceptNewIdentity has the configured site.id replace another that is remembered:
	// every identifier changes.
	AcceptNewIdentity bool
}

// Watch has callbacks for what happens. Its functions must not block; each may be nil.
type Watch struct {
	Event     func(intake.Report)
	Changed   func(gallery string, feeds []string) // a change in the index, and where it may show
	Announced func(event.Update)
}

// App is one node.
type App struct {
	opts     Options
	log      *slog.Logger
	now      func() time.Time // the clock: decides what may be shown
	broker   *broker.Broker
	public   net.Listener
	admin    net.Listener
	local    net.Listener // of operators on this machine; nil: the data directory has none
	baseURL  string
	metrics  *prometheus.Registry
	services atomic.Pointer[services] // nil until the site is known
	handler  atomic.Pointer[http.Handler]
	server   *http.Server          // of readers, who get what handler answers
	siteErr  atomic.Pointer[error] // why the site's id is not known yet

	checkpoint *checkpoint.Checkpoint // nil: of a command

	access      *partner.Access
	keys        *receive.Keys // nil: no events are taken over HTTP
	reporter    *status.Reporter
	subscribers *web.Subscribers

	budget      *cache.Budget
	connections *web.Connections // of readers
	limiter     *cache.Limiter
}

// New binds the listeners and opens the broker. What it opened is closed when
// [App.Run] returns, or by [App.Close] when Run is never called.
func New(ctx context.Context, o Options) (*App, error) {
	a := &App{opts: o, log: o.Logger.With("component", "app"), now: time.Now, metrics: prometheus.NewRegistry(), subscribers: web.NewSubscribers(nil)}
	a.reporter = a.newReporter()
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.registerMetrics()
	a.access, a.keys = a.newAccess(), a.newKeys()
	a.divideMemory(allow(o.Config.HTTP, memoryLimit(o.Logger)))
	a.server = web.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.handler.Load()).ServeHTTP(w, r) }), a.logger("web"))
	a.baseURL = cmp.Or(o.Config.Site.BaseURL, "http://"+Reachable(a.public.Addr().String()))
	return a, nil
}

func (a *App) open(ctx context.Context) (err error) {
	c := a.opts.Config
	if a.public, err = listen("http.listen", c.HTTP.Listen, !c.Configured("http.listen"), a.log); err != nil {
		return err
	}
	if a.admin, err = listen("http.admin_listen", c.HTTP.AdminListen, !c.Configured("http.admin_listen"), a.log); err != nil {
		return err
	}
	for _, p := range c.Warnings(time.Now()) {
		a.log.Warn(p.Message, "key", p.Key, "file", p.Source)
	}
	if at, ok := a.admin.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() && c.HTTP.AdminToken == "" {
		a.log.Warn("everyone who reaches this port sees status, metrics and profiles: set http.admin_token_file", "listen", at.String())
	}
	if a.broker, err = broker.Open(ctx, BrokerOptions(c, a.logger("broker"))); err != nil {
		return err
	}
	a.local = a.broker.ListenAdmin()
	return a.openCheckpoint()
}

// Close closes what New opened. It may be called twice.
func (a *App) Close() error {
	var errs []error
	for _, l := range []net.Listener{a.public, a.admin, a.local} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if a.broker != nil {
		errs = append(errs, a.broker.Close())
	}
	return errors.Join(errs...)
}

// logger returns the logger of a component: an operator greps for its name.
func (a *App) logger(component string) *slog.Logger {
	return a.opts.Logger.With("component", component)
}

// URL is the site's address, without a slash at the end.
func (a *App) URL() string { return a.baseURL }

// AdminURL is the address of the operators' listener.
func (a *App) AdminURL() string { return "http://" + Reachable(a.admin.Addr().String()) }

// PublisherURL is where a CMS publishes.
func (a *App) PublisherURL() string { return a.broker.PublisherURL() }

// Run works until ctx ends, then stops everything in order: first what takes
// work in, last what others need.
func (a *App) Run(ctx context.Context) error {
	a.handle(a.starting())
	a.log.Info("gallerywire is up", "url", a.baseURL, "http", a.public.Addr().String(), "admin", a.AdminURL(), "nats", a.PublisherURL(), "embedded", a.broker.Embedded())
	site := a.opts.Config.Site
	page := status.Page{Title: site.Title, Language: site.Language, URL: a.URL, Status: a.reporter.Status, Logger: a.logger("status")}
	page.Explain = func(ctx context.Context, id, audience string) ([]edition.Explanation, error) {
		return a.explanations(ctx, id, audience, time.Time{})
	}
	admin := web.Admin(web.Options{
		Ready: a.unready, Detail: a.detail, Metrics: a.metrics, Token: string(a.opts.Config.HTTP.AdminToken),
		Private: func(mux *http.ServeMux) {
			page.Register(mux)
			mux.HandleFunc("GET "+ExplainPath, a.serveExplanations)
			mux.HandleFunc("GET "+PartnersPath, a.servePartners)
		},
	})
	list := []service{
		{"http", serve(a.server, a.connections.Listener(a.public))}, // once the site is known, the service "readers" stops it: see build
		{"admin http", serve(web.NewServer(admin, a.logger("web")), web.NewConnections(web.ConnectionLimits{}).Listener(a.admin))},
	}
	if a.local != nil {
		list = append(list, service{"admin socket", serve(web.NewServer(admin, a.logger("web")), web.NewConnections(web.ConnectionLimits{}).Listener(a.local))})
	}
	if a.keys != nil {
		list = append(list, service{"keys of events over http", a.keys.Run})
	}
	err := runServices(ctx, a.log, append(list, service{"partner keys", a.access.Run}, service{"checkpoint", a.checkpoint.Run}, service{"site", a.runSite}))
	return errors.Join(err, a.Close())
}

// runSite waits until the site is known, then runs its services.
func (a *App) runSite(ctx context.Context) error {
	if !a.compareStreams(ctx) {
		return nil
	}
	siteID, err := a.siteID(ctx)
	if ctx.Err() != nil {
		return nil // before NATS was there
	}
	if err != nil {
		return err
	}
	if warning := a.defaultIDWarning(siteID); warning != "" {
		a.log.Warn(warning)
	}
	s, err := a.build(siteID)
	if err != nil {
		return err
	}
	a.services.Store(s)
	a.handle(s.handler)
	return runServices(ctx, a.log, s.list)
}

func (a *App) handle(h http.Handler) { a.handler.Store(&h) }

// starting answers while the site is not known.
func (a *App) starting() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", web.Starting(web.Options{Ready: a.unready, Metrics: a.metrics, Logger: a.logger("web"), Requests: web.Requests(a.opts.Config.Log.Requests)}))
	if a.opts.Mount != nil {
		a.opts.Mount(mux)
	}
	return mux
}

// unready returns why the node is not ready, nothing if it is: its store is not damaged,
// its index is whole, and it was connected to NATS within http.serve_without_nats.
func (a *App) unready() []error {
	if damage := a.checkpoint.Damage(); len(damage) > 0 {
		return damage // nothing else goes on then
	}
	away := a.broker.Status()
	s := a.services.Load()
	switch {
	case s == nil && away != nil:
		return []error{away} // nothing else can go well then
	case s == nil && len(a.broker.Denied()) > 0:
		return a.broker.Denied()
	case s == nil:
		if why := a.siteErr.Load(); why != nil {
			return []error{*why}
		}
		return []error{errors.New("starting")}
	}
	var reasons []error
	if most := a.opts.Config.HTTP.ServeWithoutNATS; away != nil && a.broker.Away() >= most {
		reasons = append(reasons, fmt.Errorf("out of touch with NATS for longer than http.serve_without_nats, %s: %w", most, away))
	}
	if err := s.catalogue.Index().Ready(); err != nil {
		reasons = append(reasons, err)
	} else if err := a.compared(); err != nil {
		reasons = append(reasons, err)
	}
	return reasons
}

// outOfTouch is an error while the node serves without NATS; nil while it is connected,
// or too long away to be ready.
func (a *App) outOfTouch() error {
	err, away := a.broker.Status(), a.broker.Away()
	if err == nil || away >= a.opts.Config.HTTP.ServeWithoutNATS {
		return nil
	}
	return fmt.Errorf("no connection to NATS for %s, so no take-downs arrive: %w", away.Round(time.Second), err)
}

// detail is what an operator should know of a node, ready or not. If NATS is away, or
// events cannot be stored, readers are still served: every feed is as it was.
func (a *App) detail() []string {
	s := a.services.Load()
	if s == nil {
		return nil
	}
	var lines []string
	for _, err := range append([]error{a.outOfTouch(), a.broker.Storage(), s.intake.Trouble()}, a.broker.Denied()...) {
		if err != nil {
			lines = append(lines, err.Error())
		}
	}
	for _, f := range s.partners.public.LeftOut() { // of no partner: the public reads this
		lines = append(lines, fmt.Sprintf("left out of %s: %q: %s", f.Feed, f.Gallery, f.Reason))
	}
	return lines
}

// shutdownTimeout bounds what a request may still take when the node stops.
const shutdownTimeout = 5 * time.Second

// serve returns a service in which the server serves on l until the service is
// stopped, or until another one drains the server.
func serve(server *http.Server, l net.Listener) func(context.Context) error {
	return func(ctx context.Context) error {
		stopped := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(stopped)
			shutDown(ctx, server)
		})
		err := server.Serve(l)
		if !errors.Is(err, http.ErrServerClosed) && stop() {
			return err // it ended by itself
		}
		<-stopped
		return nil
	}
}

// drain returns a service that shuts the server down when it is stopped, before the
// services are stopped from which the server answers.
func drain(server *http.Server) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		shutDown(ctx, server)
		return nil
	}
}

// shutDown accepts no more requests, and waits for those that are being answered,
// though ctx has ended.
func shutDown(ctx context.Context, server *http.Server) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close() // the remaining clients read too slowly
	}
}

// listen binds an address. If a default one is taken (mayMove), it binds a free one.
func listen(key, address string, mayMove bool, log *slog.Logger) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	host, _, splitErr := net.SplitHostPort(address)
	if !mayMove || splitErr != nil {
		remedy := "free it or choose another"
		switch {
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			remedy = "the address is not of this machine, choose another"
		case errors.Is(err, syscall.EACCES):
			remedy = "let this program bind it (CAP_NET_BIND_SERVICE), or choose a port from 1024 up"
		}
		return nil, fmt.Errorf("%s: %w: %s", key, err, remedy)
	}
	if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	log.Warn("the default address is taken, listening elsewhere", "key", key, "taken", address, "instead", l.Addr().String())
	return l, nil
}

// Reachable returns the address at which clients on this machine reach a listener:
// localhost for one that listens on every address. Text that is not host:port is
// returned unchanged.
func Reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// hostOf is the host of an address, without port.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
