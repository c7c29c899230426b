// Package syndicate turns galleries into feeds. Stored galleries and an instant come in;
// documents go out. feed renders one document in each format and is pure; edition knows
// which feeds there are, which are stale, and keeps the current documents; partner finds
// out which partner made a request; cache bounds what all of that needs in memory.
//
// The same galleries and the same instant give the same bytes and the same ETag, on
// every node and after every restart. A change only makes feeds stale: a reader, a
// notice or the schedule has them rendered, once. Sending documents is left to serve and
// notify.
package syndicate
