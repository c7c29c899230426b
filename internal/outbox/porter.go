package outbox

import "sync"

// porter lets a bounded number of deliveries run at a time, in all and to each
// host, and takes hosts that wait in turn: one with many targets does not keep the
// others waiting. Hosts that were slow lately share a quarter of the room among
// them, however many they are.
type porter struct {
	most, perHost int

	mu        sync.Mutex
	under     int // way
	slowUnder int // of them to slow hosts
	hosts     map[string]*gate
	turn      []*gate // those that wait and have room
	slowTurn  []*gate // those of them that were slow
	slow      map[string]struct{}
}

const (
	// slowShare is the part of the room that slow hosts have among them.
	slowShare = 4
	// maxSlow bounds how many hosts are known to be slow.
	maxSlow = 100_000
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

func newPorter(most, perHost int) *porter {
	return &porter{most: most, perHost: perHost, hosts: map[string]*gate{}, slow: map[string]struct{}{}}
}

// lags notes that a host is slow, until it keeps up again.
func (p *porter) lags(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.slow) < maxSlow {
		p.slow[host] = struct{}{}
	}
}

// keepsUp notes that a host is not slow any more.
func (p *porter) keepsUp(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.slow, host)
}

// isSlow reports whether a host was slow lately.
func (p *porter) isSlow(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, slow := p.slow[host]
	return slow
}

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
func (p *porter) next(host string, prompt bool) errand {
	p.mu.Lock()
	defer p.mu.Unlock()
	if prompt {
		delete(p.slow, host)
	}
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
	if g.queued || len(g.waiting) == 0 || g.under >= p.perHost {
		return
	}
	g.queued = true
	if _, slow := p.slow[g.host]; slow {
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
	if p.under >= p.most {
		return nil
	}
	var g *gate
	switch {
	case len(p.slowTurn) > 0 && p.slowUnder < max(p.most/slowShare, 1):
		g, p.slowTurn = p.slowTurn[0], p.slowTurn[1:]
		g.slowUnder++
		p.slowUnder++
	case len(p.turn) > 0:
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
