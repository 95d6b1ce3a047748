// Package logs keeps log events: groups, the streams in them, and what was put
// into those.
//
// # Life of an event
//
// Put takes events of one stream into the transaction of whoever puts them: a
// fresh batch in the store, compressed and sealed. Batches are folded later, group
// by group: a few megabytes of events in order of time become a block, compressed,
// encrypted with a key of its own, in package blob, where it never changes; its
// index record in the store holds the sealed key, the span of time and which
// streams are in it. Read walks batches and blocks of a group whose span the query
// touches, oldest or newest first, and opens each only when its time has come.
//
// # Invariants
//
//   - An acknowledged event is durable. Folding moves events in one transaction:
//     a reader sees each exactly once, and in the same order.
//   - Messages and the names of streams lie nowhere in the clear but for the records of
//     groups and streams themselves: keys show account, Region, a group's random id
//     and times.
//   - What belongs to a group or stream that was deleted is never seen again, also not
//     by one of the same name: data hangs on random ids. It is removed in the
//     background, as is what is older than the group's retention, which is hidden at
//     once.
//   - A blob that no index record names is removed once it is an hour old.
//
// # Non-goals
//
// Queries over fields (a language of its own), subscriptions, metrics of filters.
package logs
