// Package front is the front door: every request, over HTTP or from another
// service in process, passes the same ordered list of steps, and nothing else
// authenticates, authorizes, records or answers.
//
// # Life of a request
//
//  1. guard: framing, Host and cross-site checks; a request id is given.
//  2. route: the service, its protocol and the operation are found; from the head,
//     but for forms.
//  3. read: the body, up to the limit; not S3's.
//  4. identify: the signature is taken apart and checked against the secret of
//     its access key; the session token is opened. Now there is a redoubt.Call.
//  5. open: a body of S3 is read, proving itself on the way, or left to stream by.
//  6. decode: the body becomes the operation's input and is held against the
//     model's constraints.
//  7. throttle: quotas, if there are any.
//  8. execute, in one store transaction: the caller's credential is looked up
//     again, the operation states its needs, each is decided, the method runs,
//     and the audit event is written. The commit succeeds only if nothing that
//     any of this read has changed meanwhile; otherwise it all runs again. The
//     method of an operation that works outside (op.Outside) runs once, behind that
//     commit.
//  9. encode: the output, or the refusal, in the caller's protocol.
//  10. record: the event of a call that changed nothing goes to the buffered log.
//  11. count.
//
// A refusal at any step skips to 9.
//
// # Invariants
//
//   - Only this package makes a redoubt.Call.
//   - A decision and the change that rests on it commit together or not at all.
//   - A change and its audit event commit together or not at all; events of what
//     works outside are recorded when it is done (docs/adr/0006).
//   - What is not a *redoubt.Error reaches the log, never the client.
//
// Non-goals: it knows no service. What is special about one stands in its rows.
package front
