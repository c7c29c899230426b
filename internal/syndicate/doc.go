// Package syndicate turns galleries into feed documents: feed renders one document
// and is pure, edition knows which feeds there are, which are stale, and what their
// current documents are.
//
// A document is a function of what is stored and of the instant: the same galleries
// give the same bytes and the same ETag on every node and after every restart. A change
// makes feeds stale; a reader, a notice or the schedule has them rendered, once.
package syndicate
