// Package ingest takes events in. Events come in, over NATS or HTTP; stored galleries
// and rejects go out. receive puts events over HTTP on the stream; intake consumes it;
// publish sends events as a CMS does; backup writes the galleries of a whole site to a
// file and reads them back.
//
// An event is acknowledged only after its gallery is stored, so that a crash repeats a
// step and loses nothing. An event that can never succeed goes to the rejects with the
// reason; one that may succeed later is retried for ever. What a message means is left
// to event, what becomes of a stored gallery to store and syndicate.
package ingest
