// Package notify notifies subscribers of changed feeds. notice decides what changed and
// announces it once; outbox keeps each notice until every target has it or it is a dead
// letter; websub, notice and digest are the channels, by HTTP callbacks, NATS, webhooks,
// mail and chat; outbound is the HTTP client that reaches no private network.
//
// A notice is stored before it is sent, retried for a day, and delivered at least once
// with the same id. No target delays another one.
package notify
