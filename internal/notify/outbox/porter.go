package outbox

import (
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// porter lets a bounded number of deliveries run at a time, in all and to each
// host, and takes hosts that wait in turn: one with many targets does not keep the
// others waiting. Hosts that were slow lately have a quarter of the room among
// them, however many they are, and the others the rest for themselves.
type porter struct {
	most, perHost int
	slow          *slowHosts

	mu        sync.Mutex
	under     int // way
	slowUnder int // of them to slow hosts
	hosts     map[string]*gate
	turn      []*gate // those that wait and have room
	slowTurn  []*gate // those of them that were slow
}

// slowHosts are those that were slow when they were last called: the newest of them,
// for anybody can name hosts.
type slowHosts = lru.Cache[string, struct{}]

const (
	// slowShare is the part of the room that slow hosts have among them.
	slowShare = 4
	// slowTimes is how many times the room those may have that have begun elsewhere
	// and are slow: they wait for an answer, and do little else.
	slowTimes = 16
	maxSlow   = 20_000
)

// errand is a delivery that makes room at its end, see [porter.next]. It returns
// what is to be done next in its goroutine: one made anew for each grows its stack
// again and again, which took a thirtieth of a large fan-out.
type errand func() errand

// gate is the way to a host.
type gate struct {
	host      string
	under     int
	slowUnder int
	waiting   []errand
	queued    bool // in turn
}

func newPorter(most, perHost int, slow *slowHosts) *porter {
	return &porter{most: most, perHost: perHost, slow: slow, hosts: map[string]*gate{}}
}

func newSlowHosts() *slowHosts {
	cache, err := lru.New[string, struct{}](maxSlow)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}

// slowRoom is how many deliveries to slow hosts are begun at a time.
func (p *porter) slowRoom() int { return max(p.most/slowShare, 1) }

// submit has run called, in another goroutine, when there is room.
func (p *porter) submit(host string, run errand) {
	p.mu.Lock()
	g := p.gate(host)
	g.waiting = append(g.waiting, run)
	p.queue(g)
	p.start()
	p.mu.Unlock()
}

// leave makes room.
func (p *porter) leave(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free(host)
	p.start()
}

// next makes room and returns what the caller is to do with it, nil for nothing.
func (p *porter) next(host string) errand {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free(host)
	run := p.take()
	p.start()
	return run
}

func (p *porter) free(host string) {
	g := p.gate(host)
	g.under--
	p.under--
	if g.slowUnder > 0 { // whichever it was
		g.slowUnder--
		p.slowUnder--
	}
	p.queue(g)
	p.tidy(g)
}

// join takes room for what is under way already and slow, if there is any: beside
// what is begun here, and not without bound.
func (p *porter) join(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.gate(host)
	defer p.tidy(g)
	if g.under >= p.perHost || p.slowUnder >= slowTimes*p.most {
		return false
	}
	g.under++
	p.under++
	g.slowUnder++
	p.slowUnder++
	return true
}

func (p *porter) gate(host string) *gate {
	g := p.hosts[host]
	if g == nil {
		g = &gate{host: host}
		p.hosts[host] = g
	}
	return g
}

// queue puts a host in turn that waits and has room.
func (p *porter) queue(g *gate) {
	if g.queued || len(g.waiting) == 0 || g.under >= p.perHost {
		return
	}
	g.queued = true
	if p.slow.Contains(g.host) {
		p.slowTurn = append(p.slowTurn, g)
		return
	}
	p.turn = append(p.turn, g)
}

// start starts what there is room for.
func (p *porter) start() {
	for run := p.take(); run != nil; run = p.take() {
		go func() {
			for run := run; run != nil; {
				run = run()
			}
		}()
	}
}

// take takes what there is room for, one of each host in turn; nil for nothing.
func (p *porter) take() errand {
	var g *gate
	switch {
	case len(p.slowTurn) > 0 && p.slowUnder < p.slowRoom() && p.under < p.most:
		g, p.slowTurn = p.slowTurn[0], p.slowTurn[1:]
		g.slowUnder++
		p.slowUnder++
	case len(p.turn) > 0 && (p.under < p.most || p.under-p.slowUnder < p.most-p.slowRoom()):
		g, p.turn = p.turn[0], p.turn[1:]
	default:
		return nil
	}
	g.queued = false
	run := g.waiting[0]
	g.waiting[0] = nil // the array is kept for the others
	g.waiting = g.waiting[1:]
	g.under++
	p.under++
	p.queue(g)
	return run
}

func (p *porter) tidy(g *gate) {
	if g.under == 0 && len(g.waiting) == 0 && !g.queued {
		delete(p.hosts, g.host)
	}
}
