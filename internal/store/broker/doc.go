// Package broker is the connection to NATS: it runs the embedded server or connects
// to servers elsewhere, and makes the streams, consumers and buckets that the
// other packages use.
//
// Options come in; a [Broker] with a connection and JetStream goes out. It promises:
//
//   - One process uses a data directory: the directory is locked before the embedded
//     server starts, and freed when the broker is closed or the process dies.
//   - The embedded server keeps publishers apart from everything else. A connection
//     over the network may publish events and subscribe to notices and nothing else, see
//     [Options]. The node itself, and commands that can use the data directory, may do
//     everything. They connect over a socket there, so that their secret, another
//     at each start, never reaches a process that has taken the port of a node that died.
//   - The embedded server has written an event to the disk before it
//     acknowledges it, unless a sync interval says otherwise.
//   - A lost connection is retried for ever. Meanwhile publishing
//     fails at once instead of being kept in memory.
//   - A stream, consumer or bucket is made when it is missing and used as it is when
//     it is present, but for an event stream of ours (see [Broker.Events]). One with
//     settings that cannot work is an error that names the setting and what it must be.
//
// Others decide what flows through the streams, retry while NATS is away, and rebuild
// their state after a reconnection (see [Broker.OnReconnect]).
package broker
