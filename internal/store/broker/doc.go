// Package broker is the way to NATS: it runs the embedded server or connects
// to servers elsewhere, and makes the streams, consumers and buckets that the
// other packages use.
//
// What it guarantees:
//
//   - One process a data directory: the directory is locked before the embedded
//     server starts, and freed when the broker is closed or the process dies.
//   - The embedded server keeps publishers apart from everything else. A connection
//     from outside may publish events and hear notices and nothing else, see [Options];
//     the node itself, and commands that can use the data directory, may do
//     everything. These connect over a socket there, so that their secret, another
//     at each start, never reaches a process that has taken the port of a node that died.
//   - The embedded server has written an event to the disk before it
//     acknowledges it, unless a sync interval says otherwise.
//   - A connection elsewhere is tried for ever. While it is away, publishing
//     fails at once instead of being kept in memory.
//   - Streams, consumers and buckets are made when they are missing and used as
//     they are when they are present, but for an event stream of ours (see
//     [Broker.Events]). One with settings that cannot work is an error that names
//     the setting and what it must be.
//
// What it leaves to others: what flows through the streams, retrying while NATS
// is away, and rebuilding state after a reconnection (see [Broker.OnReconnect]).
package broker
