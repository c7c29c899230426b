// Package notify notifies subscribers of changed feeds. notice decides what changed and
// announces it once, on NATS and to the outbox. outbox keeps each notice until every target
// has it, or until it is a dead letter there. Its channels are websub (subscribers of our
// hub), webhook (programs; a second channel tells a CMS what became of its events), ping (hubs
// elsewhere) and digest (people, by mail and chat). outbound is the HTTP client that reaches no
// private network.
//
// A notice is stored before it is sent, retried for as long as is configured, and delivered
// at least once; an id never has two contents. No target delays another one.
package notify
