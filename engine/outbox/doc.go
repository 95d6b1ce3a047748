// Package outbox keeps events that services tell about what they did, for consumers
// inside this server that come when they come: rules, streams, detection.
//
// # Life of an event
//
// A service puts the event into the transaction of what it tells about (Put): both
// exist or neither does. It lies under a name of its own then, so that putting
// conflicts with nothing. Ordering takes it from there: whichever server comes
// first sorts what lies there by the revision that wrote it, which is the order in
// which it happened, and gives each the next number of the log, in a transaction
// that fails if another server did the same. Consumers read the log by number. A
// consumer's place in it is moved in the transaction in which it handled the
// events, so that its effects on the store happen exactly once; others at least
// once.
//
// # Invariants
//
//   - An event that was acknowledged gets into the log, and an event that was
//     acknowledged before another was begun stands before it.
//   - A consumer sees every number once and in order, or the loss is counted.
//   - The log is bounded in age and bytes. What falls out before a consumer has
//     seen it is counted for that consumer and logged as a warning; it is never
//     held for one that does not come.
//   - One server at a time works for a consumer, unless one falls silent for longer
//     than its claim; then effects outside the store may happen twice.
//
// Non-goals: filtering and delivery to the outside (the consumers' work), queries.
package outbox
