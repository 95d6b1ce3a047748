// Package lambda is AWS Lambda: functions, their versions and aliases, layers, who
// may use them, and invoking them. The work itself, running code, is engine/functions'.
//
// # What it keeps
//
//   - Function: one record per function, with $LATEST; versions, aliases, resource
//     policies, URLs and settings of asynchronous invocation under its ID, which no
//     later function of the same name has.
//   - Layer and LayerVersion.
//   - Package: a zip, sealed, in pieces, with a count of who uses it.
//   - Event: an asynchronous invocation, sealed, until it is over; Delivery: what a
//     queue, topic, bus or bucket is to get of it.
//
// # Invariants
//
//   - Environment variables are ciphertext of AWS KMS, bound to the function's ARN;
//     packages, events and results are sealed by the keyring.
//   - A role gets onto a function only by a caller with iam:PassRole for it, and only
//     if it trusts Lambda. Work happens as that role (session name: the function's
//     name), never as the caller: logs, decrypting, delivering.
//   - Who may invoke what a call names (function, version or alias) is a matter of
//     exactly that one's resource policy; principals in it are bound to who had their
//     names then.
//   - An event that was accepted runs at least once, or is too old.
//   - Built-in functions cannot be changed.
//
// # Life of an Invoke
//
//  1. invokeNeeds states lambda:InvokeFunction on the ARN that the call names, with
//     its resource policy. The door decides and commits that reading.
//  2. Invoke runs outside of transactions. aim finds the version: of an alias with
//     weights one of two, and what $LATEST was while an update of it settles.
//  3. begin counts the execution against the function's reserved concurrency, or the
//     account's. prepare answers the version as the engine takes it: its variables,
//     decrypted by KMS as the execution role, how to load its code, how to issue
//     credentials of the role, where its log goes.
//  4. The engine runs the event in a warm instance or a new one, and the answer is
//     the function's. What it logged goes to CloudWatch Logs as the execution role.
//
// An Event invocation ends after step 2: the event is kept (enqueue), its job hands
// it to Run, and judge decides after each run whether it is over, when it is tried
// again, and where its result goes.
//
// # What it refuses to do
//
// Container images, VPC networks, file systems, SnapStart, durable executions,
// streamed answers. Departures from AWS are listed in
// docs/divergences/lambda.md.
package lambda
