// Package cloudtrail is AWS CloudTrail: the audit log as users see it.
//
// It keeps trails, which say where events are to be delivered and which; the
// events themselves are engine/trail's, written by the front door. LookupEvents
// shows them.
//
// # Life of a LookupEvents
//
// The token of the page before, if there is one, must carry our MAC over the same
// account, region and parameters. The engine searches its blocks, newest first,
// beginning where that page ended, outside of the call's transaction, since the log
// grows with every call. Each record becomes an Event, with the record itself as a
// string of JSON. A token is answered while there may be more; a page may be short
// when the search had to look at much for little.
//
// # Life of a log file
//
// StartLogging plans a job that comes every five minutes. It takes the events since
// the last time, a minute back so that all have come in, keeps those that the trail's
// selectors want, and puts them as one compressed file per Region into the bucket, as
// the service principal: the bucket's policy decides. Only then does the trail's state
// move on. Every hour a digest names the files since the last one by their hashes and
// is signed, the last one's signature included, so that a file that is changed or
// removed, or a digest, is noticed (aws cloudtrail validate-logs).
//
// # Invariants
//
//   - A trail belongs to its home Region. A trail of all Regions shows in the others
//     as a shadow, and is changed only at home.
//   - What a trail points to (bucket, key, topic, log group) is asked of the service
//     that has it, as the service principal cloudtrail.amazonaws.com for this trail:
//     the policy there must let CloudTrail in. A service that is not there yet means
//     that the thing does not exist.
//
// # Non-goals
//
// Lake: event data stores, queries, dashboards, channels, imports. Organization
// trails. Insights are configured but no Insights events are made.
package cloudtrail
