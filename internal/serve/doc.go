// Package serve answers HTTP. Requests come in; feeds, pages and the state of the node
// go out. web serves programs (feeds, health, metrics), page serves people, status
// serves operators.
//
// A document that the client has already is answered with 304. No request changes what
// is stored. Rendering feeds is left to syndicate, the WebSub hub to notify.
package serve
