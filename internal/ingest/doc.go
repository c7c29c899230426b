// Package ingest takes events in: intake consumes the stream,
// publish sends as a CMS does, and backup writes and reads whole sites.
//
// An event is acknowledged only after its gallery is stored, so that a crash between
// two lines repeats a step and loses nothing. An event that can never succeed goes to
// the rejects with the reason; one that may succeed later is retried for ever.
package ingest
