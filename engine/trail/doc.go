// Package trail is the audit log: who called what, from where, and how it ended.
//
// # Life of an event
//
// The front door fills an Event. The event of a call that changed something goes
// through Commit into the call's own transaction: change and event exist together
// or not at all. Events of reads and refusals go through Record into a bounded
// buffer, which is written to the store within a second. Both lie there as fresh
// batches, sealed. Full batches become blocks at once; small ones are folded into
// blocks later: up to a megabyte of events each, compressed, sealed, with an index
// record that answers "nothing of that kind in here" without opening the block.
// Search walks fresh batches and blocks of one account and region, newest first.
// What is older than 90 days is deleted.
//
// # Invariants
//
//   - An acknowledged event is not lost: Commit's with the transaction, Record's
//     once flushed, which Close waits for. A crash loses at most the last second of
//     reads and refusals.
//   - When the buffer is full or the store refuses writes, Record fails and Healthy
//     is false, so that the front door can refuse what it cannot record.
//   - Event bodies and the terms of the index are sealed: they name resources and
//     repeat parts of requests. Keys show account, region, time and nothing else.
//   - Folding moves events in one transaction: a reader sees each exactly once.
//   - Time of events and retention is the services' clock's; flushing goes by the
//     machine's.
//
// # Non-goals
//
// It knows no policies, services or wire formats; what of a request may be recorded
// is decided where operations are described. Delivery to buckets belongs to its
// consumers, which follow the log with Subscribe.
package trail
