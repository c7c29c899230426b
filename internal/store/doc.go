// Package store keeps everything that gallerywire stores, in NATS. NATS is the only
// thing with state: broker connects to it or runs it inside the process, and galleries
// and small records are kept in JetStream buckets, written by compare-and-set and
// followed by every node.
//
// Gallery events that were decoded come in; records, and their order in memory, come
// out. An acknowledged record is on disk, or on as many servers as nats.replicas says.
// Its packages know nothing of feeds, notices or HTTP. Package credential, which is about
// secrets in files, is here because both ingest and syndicate use it.
package store
