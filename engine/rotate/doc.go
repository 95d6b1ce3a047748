// Package rotate changes passwords in live databases: the built-in rotation
// functions of Secrets Manager, with the semantics of AWS's templates
// (github.com/aws-samples/aws-secrets-manager-rotation-lambdas). README.md tells
// the life of a rotation.
//
// # Invariants
//
//   - Every step may end at any point, and be run again: what was done is found
//     done, by signing in with the pending credentials.
//   - A pending value that may have reached the database is never replaced.
//   - Alternating users: the current user's credentials are not touched, and a
//     clone accepts the pending password only once it has all the rights.
//   - A password is sent only to the host that the secret names, after the server
//     has proved to be that host, or in plain if the secret allows it.
//   - Passwords are never in errors or log lines. What servers say is told only
//     where none can stand.
//   - Connections go through the gate of package egress, are bounded in time and
//     bytes, and end with the step.
//
// # What it does not do
//
// It knows no secrets store, no schedule and no function runtime: who runs the
// steps, in which order, how often and with whose rights is decided by those who
// call it. It creates no user but the clone, and drops none.
package rotate
