package websub

import "fmt"

// reserve holds a place for a subscription until it is released, so that those that
// are verified at the same time do not share the last place. Other nodes may store
// one in that moment, and so exceed a quota.
func (h *Hub) reserve(q question) (release func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.overQuota(q); err != nil {
		return nil, err
	}
	h.reserved[q.id()] = reservation{q, groupOf(q.Callback)}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.reserved, q.id())
	}, nil
}

// reservation is a new subscription that is being verified, with the host that it
// counts for.
type reservation struct {
	question
	host string
}

// overQuota is an error that names the quota which one more subscription would exceed;
// nil: none, or it is a renewal. The caller holds the lock.
func (h *Hub) overQuota(q question) error {
	if h.exists(q) {
		return nil
	}
	host := groupOf(q.Callback)
	all, ofTopic, onHost := len(h.index.byID)+len(h.reserved), 0, 0
	if t := h.index.topic(q.Topic); t != nil {
		ofTopic = len(t.subscriptions)
	}
	if there := h.index.hosts[host]; there != nil {
		onHost = there.count
	}
	for _, other := range h.reserved {
		if other.Topic == q.Topic {
			ofTopic++
		}
		if other.host == host {
			onHost++
		}
	}
	switch o := h.opts; {
	case o.MaxSubscriptions > 0 && all >= o.MaxSubscriptions:
		return fmt.Errorf("the hub has as many subscriptions as it may have (%d)", o.MaxSubscriptions)
	case o.MaxPerTopic > 0 && ofTopic >= o.MaxPerTopic:
		return fmt.Errorf("the topic has as many subscriptions as it may have (%d)", o.MaxPerTopic)
	case o.MaxPerHost > 0 && onHost >= o.MaxPerHost:
		return fmt.Errorf("the callback's host has as many subscriptions as it may have (%d)", o.MaxPerHost)
	}
	return nil
}
