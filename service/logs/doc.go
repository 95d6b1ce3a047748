// Package logs is Amazon CloudWatch Logs, as far as it is implemented: log groups and
// streams, putting, reading and filtering events, retention, tags.
//
// It keeps nothing itself: engine/logs does.
//
// # Life of a FilterLogEvents
//
// The pattern is parsed; what is none is refused. The token of the page before, if
// there is one, names the event at which that page ended and the direction. The engine
// walks what the group holds in order of time, outside of the call's transaction, and
// holds each message against the pattern. A page ends when it is full, holds a megabyte,
// or much was looked at for little; a token is answered while there may be more.
//
// # Invariants
//
//   - Rights on a group are rights on arn:…:log-group:NAME:log-stream: and on a stream of
//     it on that with the stream's name behind it, as AWS's denials show; of tags on
//     the group's own ARN.
//   - Tokens name places, not rights: whoever shows one must have the rights all the same.
//
// # Non-goals
//
// Insights, subscriptions, metric filters, export, and groups under a KMS key come
// later; they answer that they are not implemented.
package logs
