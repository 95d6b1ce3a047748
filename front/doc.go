// Package front is the front door: every request, over HTTP or from another
// service in process, passes the same ordered list of steps, and nothing else
// authenticates, authorizes, records or answers.
//
// # Life of a request
//
//  1. guard: framing, Host and cross-site checks; a request id is given.
//  2. read: the body, up to the limit.
//  3. route: the service, its protocol and the operation are found.
//  4. identify: the signature is taken apart and checked against the secret of
//     its access key; the session token is opened. Now there is a redoubt.Call.
//  5. decode: the body becomes the operation's input and is held against the
//     model's constraints.
//  6. throttle: quotas, if there are any.
//  7. execute, in one store transaction: the caller's credential is looked up
//     again, the operation states its needs, each is decided, the method runs,
//     and the audit event is written. The commit succeeds only if nothing that
//     any of this read has changed meanwhile; otherwise it all runs again.
//  8. encode: the output, or the refusal, in the caller's protocol.
//  9. record: the event of a call that changed nothing goes to the buffered log.
//  10. count.
//
// A refusal at any step skips to 8.
//
// # Invariants
//
//   - Only this package makes a redoubt.Call.
//   - A decision and the change that rests on it commit together or not at all.
//   - A change and its audit event commit together or not at all.
//   - What is not a *redoubt.Error reaches the log, never the client.
//
// Non-goals: it knows no service. What is special about one stands in its rows.
package front
