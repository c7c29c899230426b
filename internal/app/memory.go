package app

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
)

const (
	// unlimitedCache is what is kept where nothing limits the process.
	unlimitedCache = 256 << 20
	// A connection needs about perConnection in the kernel and here.
	perConnection    = 256 << 10
	leastConnections = 256
	mostConnections  = 4096
)

// allowance is how much memory a node has for what.
type allowance struct {
	cache       int // bytes of what is kept
	work        int // bytes of what is rendered and written at once
	connections int // of readers
}

// allow shares the memory out that the process may use, 0 where nothing limits it.
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

// share makes what keeps to the allowance.
func (a *App) share(to allowance) {
	a.budget = cache.NewBudget(to.cache)
	a.connections = web.NewConnections(web.ConnectionLimits{
		All: to.connections, PerClient: a.opts.Config.HTTP.MaxConnectionsPerClient, Client: websub.Network,
	})
	a.limiter = cache.NewLimiter(to.work, a.connections)
	a.metrics.MustRegister(a.budget.Collectors()...)
	a.metrics.MustRegister(a.connections.Collectors()...)
	a.log.Debug("memory is shared out", "cache", to.cache, "work", to.work, "connections", to.connections)
}

// memoryLimit is how much memory the process may use: what GOMEMLIMIT says, else
// what its container has; 0 where neither limits it. Of a container it leaves a
// fifth to what Go does not count, and has the garbage collector know the rest.
func memoryLimit(log *slog.Logger) int64 {
	if stated := debug.SetMemoryLimit(-1); stated != math.MaxInt64 {
		return stated
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
