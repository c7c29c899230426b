package app

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
)

const (
	// unlimitedCache is how much the caches hold where the process has no memory limit.
	unlimitedCache = 256 << 20
	// A connection needs about perConnection in the kernel and here.
	perConnection    = 256 << 10
	leastConnections = 256
	mostConnections  = 4096
)

// allowance is how the memory of a node is divided.
type allowance struct {
	cache       int // bytes that the caches may hold
	work        int // bytes that renderings and responses under way may hold
	connections int // of readers
}

// allow divides limit, the memory that the process may use; 0: there is no limit.
func allow(c config.HTTP, limit int64) allowance {
	a := allowance{cache: int(c.CacheBytes), connections: c.MaxConnections}
	if a.cache == 0 && limit > 0 {
		a.cache = int(limit / 3)
	} else if a.cache == 0 {
		a.cache = unlimitedCache
	}
	if a.connections == 0 {
		a.connections = mostConnections
		if limit > 0 {
			a.connections = int(min(max(limit/perConnection, leastConnections), mostConnections))
		}
	}
	a.work = a.cache / 3
	return a
}

// divideMemory makes the caches' budget, the limiter and the connections.
func (a *App) divideMemory(to allowance) {
	a.budget = cache.NewBudget(to.cache)
	a.connections = web.NewConnections(web.ConnectionLimits{
		All: to.connections, PerClient: a.opts.Config.HTTP.MaxConnectionsPerClient, Client: web.ClientNetwork,
	})
	a.limiter = cache.NewLimiter(to.work, a.connections)
	a.metrics.MustRegister(a.budget.Collectors()...)
	a.metrics.MustRegister(a.connections.Collectors()...)
	a.log.Debug("memory is divided", "cache", to.cache, "work", to.work, "connections", to.connections)
}

// memoryLimit returns how much memory the process may use: GOMEMLIMIT, else four fifths of
// the container's limit, which become the garbage collector's limit (the rest is for what
// Go does not count); 0: neither is set.
func memoryLimit(log *slog.Logger) int64 {
	if configured := debug.SetMemoryLimit(-1); configured != math.MaxInt64 {
		return configured
	}
	group := cache.MemoryLimit(os.DirFS("/"))
	if group == 0 {
		return 0
	}
	limit := group / 5 * 4
	debug.SetMemoryLimit(limit)
	log.Info("the container limits memory", "limit", group, "gomemlimit", limit)
	return limit
}
