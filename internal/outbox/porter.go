package outbox

import "sync"

// porter lets a bounded number of deliveries run at a time, in all and to each
// host, and takes hosts that wait in turn: one with many targets, or with slow
// ones, does not keep the others waiting.
type porter struct {
	most, perHost int

	mu    sync.Mutex
	under int // way
	hosts map[string]*gate
	turn  []*gate // those that wait and have room
}

// gate is the way to a host.
type gate struct {
	host    string
	under   int
	waiting []func()
	queued  bool // in turn
}

func newPorter(most, perHost int) *porter {
	return &porter{most: most, perHost: perHost, hosts: map[string]*gate{}}
}

// submit has run called, in a goroutine of its own, when there is room. Whoever
// is called calls leave in the end.
func (p *porter) submit(host string, run func()) {
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
	g := p.gate(host)
	g.under--
	p.under--
	p.queue(g)
	p.start()
	p.tidy(g)
	p.mu.Unlock()
}

// join takes room for what is under way already, if the host has it.
func (p *porter) join(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.gate(host)
	defer p.tidy(g)
	if g.under >= p.perHost {
		return false
	}
	g.under++
	p.under++
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
	if !g.queued && len(g.waiting) > 0 && g.under < p.perHost {
		g.queued = true
		p.turn = append(p.turn, g)
	}
}

// start starts what there is room for, one of each host in turn.
func (p *porter) start() {
	for p.under < p.most && len(p.turn) > 0 {
		g := p.turn[0]
		p.turn = p.turn[1:]
		g.queued = false
		run := g.waiting[0]
		g.waiting = g.waiting[1:]
		g.under++
		p.under++
		p.queue(g)
		go run()
	}
}

func (p *porter) tidy(g *gate) {
	if g.under == 0 && len(g.waiting) == 0 && !g.queued {
		delete(p.hosts, g.host)
	}
}
