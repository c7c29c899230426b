// Package serve answers HTTP: web serves programs (feeds, health, metrics), page serves
// people, status says what a node is doing.
//
// Editions come in, bytes go out; an unchanged document is answered with
// 304. Nothing here changes what is stored.
package serve
